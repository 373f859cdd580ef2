"""Invoices, over gRPC, with a token that payments signs itself."""

from collections.abc import Mapping

from whatsinvoice.invoices.v1 import invoices_pb2, invoices_pb2_grpc
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.identity import ServiceIdentity

from whatsinvoice_payments.domain.payment import Payable

_PAYABLE = (invoices_pb2.INVOICE_STATUS_OPEN, invoices_pb2.INVOICE_STATUS_PARTIALLY_PAID)


class InvoicesOverGrpc:
    """GetPayable, which whoever holds a link may ask, and what is asked for the business that is acted for."""

    def __init__(self, client: Client, identity: ServiceIdentity) -> None:
        self._client = client
        self._identity = identity
        self._stub = invoices_pb2_grpc.InvoicesServiceStub(client.channel)

    async def payable(self, token: str) -> Payable:
        """What is due by the link; nothing is, unless the invoice is open or partially paid."""
        return await self._payable(invoices_pb2.GetPayableRequest(token=token), "")

    async def payable_of_invoice(self, business_id: str, invoice_id: str) -> Payable:
        """What is due on one of the business's invoices."""
        return await self._payable(invoices_pb2.GetPayableRequest(invoice_id=invoice_id), business_id)

    async def payable_of_customer(self, business_id: str, customer_id: str) -> Payable:
        """What is due on the customer's oldest invoice that can be paid, else on her latest one."""
        return await self._payable(invoices_pb2.GetPayableRequest(customer_id=customer_id), business_id)

    async def evidence(
        self, business_id: str, invoice_id: str, payment_id: str, facts: Mapping[str, str]
    ) -> tuple[bytes, str]:
        """The PDF that invoices makes of what it knows and of these facts, and its file name."""
        request = invoices_pb2.GetEvidenceRequest(invoice_id=invoice_id, payment_id=payment_id, facts=facts)
        token = self._identity.token("invoices", business_id)
        answer = await self._client.call(self._stub.GetEvidence, request, token=token)
        return answer.content, answer.file_name

    async def _payable(self, request: invoices_pb2.GetPayableRequest, business_id: str) -> Payable:
        token = self._identity.token("invoices", business_id)
        answer = await self._client.call(self._stub.GetPayable, request, token=token)
        return Payable(
            business_id=answer.business_id,
            invoice_id=answer.invoice_id,
            due_minor=max(answer.amount_due.amount_minor, 0) if answer.status in _PAYABLE else 0,
            currency=answer.amount_due.currency_code,
            customer_email=answer.customer_email,
            public_url=answer.public_url,
            traceparent=answer.traceparent,
            invoice_number=answer.invoice_number,
            customer_name=answer.customer_name,
            recorded_payment_ids=frozenset(answer.recorded_payment_ids),
        )
