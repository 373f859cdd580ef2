"""Events of payments published to a running invoices service, and what it makes of them."""

from typing import Any

from sqlalchemy import text
from whatsinvoice.invoices.v1 import events_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice_kit.runtime import Process

from support.builders import an_invoice
from support.sample import eventually
from support.services import publish

STREAM = "whatsinvoice.payments.v1"
TOTAL = 7_500_000


class Told:
    """What invoices is told, and what it makes of it."""

    def __init__(self, process: Process[Any], stub: InvoicesServiceStub, merchant: Any, redis_url: str) -> None:
        self.process = process
        self.stub = stub
        self.merchant = merchant
        self.redis_url = redis_url

    async def issue(self) -> pb.Invoice:
        answer = await self.stub.CreateInvoice(an_invoice(issue=True), metadata=self.merchant.metadata)
        invoice: pb.Invoice = answer.invoice
        return invoice

    async def tell(self, *events: Any) -> None:
        await publish(self.redis_url, STREAM, *events)

    async def stands(self, invoice_id: str, status: int, paid_minor: int) -> None:
        """Waits until the invoice is so."""

        async def so() -> bool:
            request = pb.GetInvoiceRequest(invoice_id=invoice_id)
            found = (await self.stub.GetInvoice(request, metadata=self.merchant.metadata)).invoice
            return (found.status, found.amount_paid_minor) == (status, paid_minor)

        await eventually(so)

    async def answers(self, invoice_id: str) -> list[events_pb2.InvoiceReversalRecorded]:
        query = text(
            "SELECT payload FROM invoices.outbox WHERE event_type = 'InvoiceReversalRecorded' ORDER BY sequence"
        )
        async with self.process.unit_of_work.begin() as tx:
            payloads = (await tx.execute(query)).scalars().all()
        read = [events_pb2.InvoiceReversalRecorded.FromString(payload) for payload in payloads]
        return [event for event in read if event.aggregate_id == invoice_id]

    async def kinds(self, invoice_id: str) -> list[str]:
        request = pb.ListInvoiceEventsRequest(invoice_id=invoice_id)
        answer = await self.stub.ListInvoiceEvents(request, metadata=self.merchant.metadata)
        return [event.kind for event in answer.events]
