"""Invoices over gRPC, with a token that notifications signs itself for the business at hand."""

from datetime import date
from typing import Any

from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.identity import ServiceIdentity

from whatsinvoice_notifications.chat import Draft
from whatsinvoice_notifications.domain.billing import Document, Invoice, Line, Receipt
from whatsinvoice_notifications.domain.message import Attachment
from whatsinvoice_notifications.domain.people import Member

UNNAMED_LINE = "Goods and services"
"""An invoice line must say something; a chat line such as `invoice Jane 5000` says nothing of what is sold."""
DOCUMENT_SECONDS = 15.0
"""A first rendering may have to wait its turn."""


def invoice_of(message: pb.Invoice) -> Invoice:
    """The proto message as messages need it."""
    return Invoice(
        id=message.id,
        number=message.number,
        draft=message.status == pb.INVOICE_STATUS_DRAFT,
        customer_name=message.customer.name,
        customer_phone=message.customer.phone,
        currency=message.currency_code,
        lines=tuple(
            Line(line.description, line.quantity, line.unit_price_minor, line.amount_minor) for line in message.lines
        ),
        discount_minor=message.discount_minor,
        tax_minor=message.tax_minor,
        total_minor=message.total_minor,
        due_minor=message.amount_due_minor,
        due_date=date.fromisoformat(message.due_date) if message.due_date else None,
        public_url=message.public_url,
        settled=message.status
        not in (pb.INVOICE_STATUS_DRAFT, pb.INVOICE_STATUS_OPEN, pb.INVOICE_STATUS_PARTIALLY_PAID),
        version=message.version,
    )


def receipt_of(message: pb.Receipt) -> Receipt:
    """The proto message as messages need it."""
    return Receipt(
        message.id,
        message.number,
        message.payment_id,
        message.amount.amount_minor,
        message.amount.currency_code,
        message.amount_due_minor,
        message.credit_minor,
        message.public_url,
    )


class InvoicesOverGrpc:
    """See the port."""

    def __init__(self, client: Client, identity: ServiceIdentity) -> None:
        self._client = client
        self._identity = identity
        self._stub = invoices_pb2_grpc.InvoicesServiceStub(client.channel)

    async def create_draft(self, member: Member, draft: Draft, *, key: str) -> Invoice:
        answer = await self._call(self._stub.CreateInvoice, request_of(draft), member, idempotency_key=key)
        return invoice_of(answer.invoice)

    async def issue(self, member: Member, invoice_id: str) -> Invoice:
        request = pb.IssueInvoiceRequest(invoice_id=invoice_id)
        answer = await self._call(self._stub.IssueInvoice, request, member, idempotency_key=f"issue:{invoice_id}")
        return invoice_of(answer.invoice)

    async def get(self, member: Member, invoice_id: str) -> Invoice:
        request = pb.GetInvoiceRequest(invoice_id=invoice_id)
        return invoice_of((await self._call(self._stub.GetInvoice, request, member)).invoice)

    async def delete_draft(self, member: Member, invoice_id: str) -> None:
        request = pb.DeleteInvoiceRequest(invoice_id=invoice_id)
        await self._call(self._stub.DeleteInvoice, request, member, idempotency_key=f"delete:{invoice_id}")

    async def document(self, business_id: str, which: Attachment) -> Document:
        request = (
            pb.GetDocumentRequest(receipt_id=which.receipt_id)
            if which.receipt_id
            else pb.GetDocumentRequest(invoice_id=which.invoice_id)
        )
        answer = await self._client.call(
            self._stub.GetDocument,
            request,
            token=self._identity.token("invoices", business_id),
            deadline=DOCUMENT_SECONDS,
        )
        return Document(answer.content, answer.file_name)

    async def _call(self, method: Any, request: Any, member: Member, **how: Any) -> Any:
        """Call on a member's word."""
        token = self._identity.token("invoices", member.business_id, person_id=member.user_id, role=member.role)
        return await self._client.call(method, request, token=token, **how)


def request_of(draft: Draft) -> pb.CreateInvoiceRequest:
    """A draft without open needs as CreateInvoice takes it; the draft's one tax goes to every line."""
    customer = pb.CustomerInput(
        name=draft.customer.name or "", phone=draft.customer.phone or "", email=draft.customer.email or ""
    )
    discount = draft.discount
    return pb.CreateInvoiceRequest(
        customer=customer,
        currency_code=draft.currency or "",
        lines=[
            pb.LineInput(
                description=line.description or UNNAMED_LINE,
                quantity=line.quantity or "1",
                unit_price_minor=line.unit_price_minor or 0,
                tax_rate_bp=draft.tax.rate_bp if draft.tax else 0,
            )
            for line in draft.lines
        ],
        discount=pb.Discount(percent_bp=discount.percent_bp)
        if discount and discount.percent_bp
        else pb.Discount(amount_minor=discount.amount_minor or 0)
        if discount
        else None,
        prices_include_tax=bool(draft.tax and draft.tax.inclusive),
        due_date=draft.due_date.isoformat() if draft.due_date else "",
    )
