"""What money does to an invoice: payments that came, payments that went back, transfers that are said to be sent."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.waiting import NotReady, arrived

from whatsinvoice_invoices import events
from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.invoice import Invoice, Receipt, Reversal, Status
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.repository import businesses, history
from whatsinvoice_invoices.repository import invoices as rows
from whatsinvoice_invoices.service.invoices import TOKEN_BYTES, InvoicesService


@dataclass(frozen=True, slots=True)
class PaymentTaken:
    """A captured payment as payments tells it; minor units."""

    payment_id: str
    amount_minor: int
    currency: str
    channel: str
    reference: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """Money of a payment that went back, as payments reports it; minor units. One `cause_id` gives back once.

    `reopen`: what had been applied of it is due again; otherwise the merchant gave it back and the invoice stays paid.
    """

    payment_id: str
    invoice_id: str
    amount_minor: int
    cause: str
    cause_id: str
    reopen: bool
    occurred_at: datetime


class MoneyService:
    """`links` makes the public addresses that events carry."""

    def __init__(self, invoices: InvoicesService, links: Links) -> None:
        self._invoices = invoices
        self._links = links

    async def record_payment(self, tx: Transaction, business_id: str, invoice_id: str, taken: PaymentTaken) -> Receipt:
        """Applies a captured payment and writes its receipt; the same payment again changes nothing."""
        invoice, business = await self._invoices.get_invoice(tx, business_id, invoice_id, for_update=True)
        known = await history.receipt_of_payment(tx, business_id, taken.payment_id)
        if known is not None:
            return known
        if taken.currency != invoice.currency:
            raise invalid("currency", "CURRENCY_MISMATCH", "the payment is in another currency than the invoice")
        recorded = invoice.record_payment(taken.amount_minor, taken.paid_at)
        number = await businesses.next_number(tx, business_id, "receipt")
        receipt = Receipt(
            id=new_id("rcp"),
            business_id=business_id,
            invoice_id=invoice.id,
            invoice_number=invoice.number,
            number=f"RCP-{number:06}",
            token=secrets.token_urlsafe(TOKEN_BYTES),
            payment_id=taken.payment_id,
            amount_minor=taken.amount_minor,
            currency=invoice.currency,
            channel=taken.channel,
            reference=taken.reference,
            paid_at=taken.paid_at,
            amount_due_minor=invoice.amount_due_minor,
            credit_minor=recorded.credit_minor,
        )
        await rows.save_invoice(tx, invoice)
        await history.add_receipt(tx, receipt)
        await arrived(tx, "invoices", f"payment {taken.payment_id}")
        details = {"amount_minor": str(taken.amount_minor)}
        if recorded.credit_minor:
            details["credit_minor"] = str(recorded.credit_minor)
        entry = ("payment_recorded", taken.paid_at, details)
        await history.add_entries(tx, business_id, invoice.id, entry)
        tx.publish(events.payment_recorded(invoice, receipt, business, self._links))
        if invoice.status is Status.PAID and recorded.applied_minor:
            await history.add_entries(tx, business_id, invoice.id, ("paid", taken.paid_at, {}))
            tx.publish(events.invoice_paid(invoice, receipt, business, self._links))
        return receipt

    async def record_reversal(self, tx: Transaction, business_id: str, back: MoneyBack) -> None:
        """Take from the payment's credit first, then from its invoice; the same cause again changes nothing.

        Raises:
            NotReady: the payment itself has not been recorded yet.
        """
        invoice, business = await self._invoices.get_invoice(tx, business_id, back.invoice_id, for_update=True)
        left = await history.what_is_left(tx, business_id, back.payment_id)
        if left is None:
            raise NotReady(f"payment {back.payment_id}")
        going = left.going_back(back.amount_minor)
        reversal = Reversal(
            id=new_id("rev"),
            business_id=business_id,
            invoice_id=invoice.id,
            payment_id=back.payment_id,
            cause=back.cause,
            cause_id=back.cause_id,
            amount_minor=back.amount_minor,
            from_credit_minor=going.credit_minor,
            from_applied_minor=going.applied_minor,
            reopens=back.reopen,
            created_at=now(),
        )
        if not await history.add_reversal(tx, reversal):
            return
        if back.reopen:
            invoice.take_back(going)
        else:
            invoice.refund(going)
        await rows.save_invoice(tx, invoice)
        details = {"amount_minor": str(back.amount_minor), "cause": back.cause, "cause_id": back.cause_id}
        kind = "payment_reversed" if back.reopen else "payment_refunded"
        await history.add_entries(tx, business_id, invoice.id, (kind, back.occurred_at, details))
        tx.publish(events.reversal_recorded(invoice, reversal, business, self._links))

    async def claim_transfer(self, tx: Transaction, token: str) -> tuple[Invoice, Business]:
        """The customer says that she has sent a transfer; again changes nothing. INVOICE_NOT_PAYABLE if none is due."""
        invoice, business = await self._invoices.by_link(tx, token, for_update=True)
        moment = now()
        if invoice.claim_transfer(moment):
            await rows.save_invoice(tx, invoice)
            await history.add_entries(tx, business.id, invoice.id, ("transfer_claimed", moment, {}))
            tx.publish(events.transfer_claimed(invoice, business, self._links))
        return invoice, business

    async def reject_transfer(self, tx: Transaction, business_id: str, invoice_id: str) -> tuple[Invoice, Business]:
        """The merchant has not received it; TRANSFER_NOT_CLAIMED when nobody says that it was sent."""
        invoice, business = await self._invoices.get_invoice(tx, business_id, invoice_id, for_update=True)
        invoice.reject_transfer()
        await rows.save_invoice(tx, invoice)
        await history.add_entries(tx, business_id, invoice.id, ("transfer_rejected", now(), {}))
        return invoice, business
