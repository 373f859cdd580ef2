"""What invoices recorded of payments, over gRPC and page by page, with a token that payments signs itself."""

from collections.abc import AsyncIterator, Sequence

from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.identity import ServiceIdentity

from whatsinvoice_payments.domain.recorded import InvoiceFault, Recorded

PAGE = 100


class RecordedOverGrpc:
    """The audit's view of invoices, of every business."""

    def __init__(self, client: Client, identity: ServiceIdentity) -> None:
        self._client = client
        self._identity = identity
        self._stub = invoices_pb2_grpc.InvoicesServiceStub(client.channel)

    async def recorded(self) -> AsyncIterator[Sequence[Recorded]]:
        """Yield every recorded payment, a page at a time."""
        cursor = ""
        while True:
            request = pb.ListRecordedPaymentsRequest(page=common_pb2.PageRequest(limit=PAGE, cursor=cursor))
            answer = await self._client.call(self._stub.ListRecordedPayments, request, token=self._token())
            yield [_recorded(message) for message in answer.payments]
            cursor = answer.page.next_cursor
            if not cursor:
                return

    async def recorded_as(self, payment_ids: Sequence[str]) -> Sequence[Recorded]:
        """Return the recorded ones of these payments, at most a page of them."""
        request = pb.ListRecordedPaymentsRequest(payment_ids=payment_ids)
        answer = await self._client.call(self._stub.ListRecordedPayments, request, token=self._token())
        return [_recorded(message) for message in answer.payments]

    async def faults(self) -> AsyncIterator[tuple[int, Sequence[InvoiceFault]]]:
        """Yield of each page of invoices how many were checked, and their faults."""
        cursor = ""
        while True:
            request = pb.AuditInvoicesRequest(page=common_pb2.PageRequest(limit=PAGE, cursor=cursor))
            answer = await self._client.call(self._stub.AuditInvoices, request, token=self._token())
            found = [InvoiceFault(fault.business_id, fault.invoice_id, fault.detail) for fault in answer.faults]
            yield answer.checked, found
            cursor = answer.page.next_cursor
            if not cursor:
                return

    def _token(self) -> str:
        return self._identity.token("invoices")


def _recorded(message: pb.RecordedPayment) -> Recorded:
    return Recorded(
        message.payment_id,
        message.business_id,
        message.invoice_id,
        message.receipt_id,
        message.amount.amount_minor,
        message.amount.currency_code,
    )
