"""What stands around payments in its tests: the settings of the sandbox, and invoices."""

import json
from typing import Any

import grpc
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2, invoices_pb2_grpc
from whatsinvoice_kit.core.errors import Kind, ServiceError, not_found
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.rpc.call import current_call

SECRET_KEY = "sk_test_whatsinvoice"
HTTP_OF = {grpc.StatusCode.UNAUTHENTICATED: 401, grpc.StatusCode.INVALID_ARGUMENT: 400}

_Servicer: Any = invoices_pb2_grpc.InvoicesServiceServicer


class Invoices(_Servicer):  # type: ignore[misc]  # one RPC of many is all that payments calls
    """Answers GetPayable from what a test has put in, and GetEvidence with the facts that it was given."""

    def __init__(self) -> None:
        self.by_token: dict[str, invoices_pb2.GetPayableResponse] = {}
        """The oldest first."""
        self.away = False
        """Whether no evidence can be had."""

    def bill(self, due_minor: int = 7_500_000, **changes: Any) -> str:
        """An open invoice of a fresh business; gives its token."""
        token = new_id("tok")
        values: dict[str, Any] = {
            "business_id": new_id("biz"),
            "invoice_id": new_id("inv"),
            "invoice_number": "INV-000001",
            "status": invoices_pb2.INVOICE_STATUS_OPEN,
            "amount_due": common_pb2.Money(currency_code="NGN", amount_minor=due_minor),
            "public_url": f"https://pay.example/i/{token}",
            "customer_id": new_id("cus"),
            "customer_name": "Jane Okafor",
            "business_name": "Ada Designs",
            "country_code": "NG",
        }
        self.by_token[token] = invoices_pb2.GetPayableResponse(**(values | changes))
        return token

    async def GetPayable(self, request: Any, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        if request.token:
            if request.token not in self.by_token:
                raise not_found("LINK_NOT_FOUND", "there is no such link")
            return self.by_token[request.token]
        for bill in self.by_token.values():
            asked = bill.invoice_id == request.invoice_id or bill.customer_id == request.customer_id
            if asked and bill.business_id == current_call().business_id:
                return bill
        raise not_found("INVOICE_NOT_FOUND", "there is no such invoice")

    async def GetEvidence(self, request: Any, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        if self.away:
            raise ServiceError(Kind.UNAVAILABLE, "STORE_UNAVAILABLE", "the documents are away")
        bills = [bill for bill in self.by_token.values() if bill.invoice_id == request.invoice_id]
        assert [bill.business_id for bill in bills] == [current_call().business_id]
        facts = json.dumps(dict(request.facts), sort_keys=True).encode()
        return invoices_pb2.GetEvidenceResponse(content=b"%PDF-1.7 " + facts, file_name="evidence.pdf")


SANDBOX = {"SANDBOX_TIME_SCALE": "0.0001", "PAYSTACK_SECRET_KEY": SECRET_KEY}
"""Its retry schedule is ten thousand times faster."""
