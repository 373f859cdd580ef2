"""Invoices, over gRPC, with a token that payments signs itself."""

from whatsinvoice.invoices.v1 import invoices_pb2, invoices_pb2_grpc
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.identity import ServiceIdentity

from whatsinvoice_payments.domain.payment import Payable

_PAYABLE = (invoices_pb2.INVOICE_STATUS_OPEN, invoices_pb2.INVOICE_STATUS_PARTIALLY_PAID)


class InvoicesOverGrpc:
    """GetPayable: whoever holds the link may ask."""

    def __init__(self, client: Client, identity: ServiceIdentity) -> None:
        self._client = client
        self._identity = identity
        self._stub = invoices_pb2_grpc.InvoicesServiceStub(client.channel)

    async def payable(self, token: str) -> Payable:
        """What is due by the link; nothing is, unless the invoice is open or partially paid."""
        request = invoices_pb2.GetPayableRequest(token=token)
        answer = await self._client.call(self._stub.GetPayable, request, token=self._identity.token("invoices"))
        return Payable(
            answer.business_id,
            answer.invoice_id,
            max(answer.amount_due.amount_minor, 0) if answer.status in _PAYABLE else 0,
            answer.amount_due.currency_code,
            answer.customer_email,
            answer.public_url,
            answer.traceparent,
        )
