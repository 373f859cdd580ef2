"""What people must know of money that moves: claims and rejected transfers, refunds, disputes, the payout account."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from whatsinvoice_kit.core.money import Money
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.events.waiting import NotReady

from whatsinvoice_notifications import texts
from whatsinvoice_notifications.domain.billing import Invoice
from whatsinvoice_notifications.domain.message import Outgoing, Purpose
from whatsinvoice_notifications.repository import contacts, members, messages, sent_invoices
from whatsinvoice_notifications.service.cards import day


@dataclass(frozen=True, slots=True)
class Notice:
    """`text` is rendered with values once for each recipient; `event_id` makes a repeat of the event one message."""

    event_id: str
    business_id: str
    text: str
    values: dict[str, str]
    invoice_id: str = ""
    purpose: Purpose = Purpose.MONEY_NOTICE


async def update_invoice(tx: Transaction, business_id: str, business_name: str, invoice: Invoice) -> None:
    """What a customer who writes back may still pay; the name is known already where the event does not tell it."""
    known = await sent_invoices.sent_invoice(tx, business_id, invoice.id)
    name = business_name or (known[1].business_name if known else "")
    await sent_invoices.put_invoice(tx, business_id, name, invoice)


async def warn_of_document(tx: Transaction, event_id: str, business_id: str, invoice: Invoice, reason: str) -> None:
    """Notify the merchant of what the PDF of an invoice does not show."""
    values = {"number": invoice.number, "reason": reason, "url": invoice.public_url}
    notice = Notice(event_id, business_id, "document_warning", values, invoice.id)
    await tell(tx, notice, await members.notified_phones(tx, business_id))


async def tell_of_claim(tx: Transaction, event_id: str, business_id: str, business_name: str, invoice: Invoice) -> None:
    """The merchant is to look at her account."""
    await sent_invoices.put_invoice(tx, business_id, business_name, invoice)
    values = {
        "customer": invoice.customer_name,
        "amount": invoice.money(invoice.due_minor),
        "number": invoice.number,
        "url": invoice.public_url,
    }
    notice = Notice(event_id, business_id, "transfer_claimed", values, invoice.id, Purpose.TRANSFER_CLAIM)
    await tell(tx, notice, await members.notified_phones(tx, business_id))


async def tell_of_money(
    tx: Transaction,
    *,
    event_id: str,
    business_id: str,
    invoice_id: str,
    text: str,
    amount: Money,
    customers_text: str = "",
    **values: str,
) -> None:
    """Notify the merchant and the customer, each where there is a text for them.

    Raises:
        NotReady: the invoice itself has not arrived.
    """
    found = await sent_invoices.sent_invoice(tx, business_id, invoice_id)
    if found is None:
        raise NotReady(f"invoice {invoice_id}")
    phone, invoice = found
    values |= {
        "amount": str(amount),
        "number": invoice.number,
        "url": invoice.public_url,
        "business": invoice.business_name,
        "docs": _docs_beside(invoice.public_url),
    }
    if text:
        notice = Notice(event_id, business_id, text, values, invoice_id)
        await tell(tx, notice, await members.notified_phones(tx, business_id))
    if phone and customers_text:
        to_customer = Notice(event_id, business_id, customers_text, values, invoice_id, _purpose(customers_text))
        await tell(tx, to_customer, [phone])


def _docs_beside(public_url: str) -> str:
    """Return where the API is documented: at the gateway, which serves the public pages too."""
    parts = urlsplit(public_url)
    return f"{parts.scheme}://{parts.netloc}/docs"


def _purpose(customers_text: str) -> Purpose:
    return Purpose.REFUND if customers_text == "refund_sent" else Purpose.MONEY_NOTICE


async def tell_of_payout(
    tx: Transaction, *, event_id: str, business_id: str, bank: str, last4: str, active_from: datetime
) -> None:
    """Every member, whatever her role: one who does not know of it may be robbed."""
    name, zone = await members.zone_of(tx, business_id)
    values = {"business": name, "bank": bank, "last4": last4, "from_time": written(active_from, zone)}
    notice = Notice(event_id, business_id, "payout_account_changed", values)
    await tell(tx, notice, await members.all_phones(tx, business_id))


async def zone(tx: Transaction, business_id: str) -> str:
    """IANA name."""
    return (await members.zone_of(tx, business_id))[1]


async def tell(tx: Transaction, notice: Notice, phones: list[str]) -> None:
    content = texts.render(notice.text, attachment=None, **notice.values)
    for phone in phones:
        contact_id = await contacts.contact_for(tx, phone)
        key = f"{notice.text}:{notice.event_id}:{contact_id}"
        outgoing = Outgoing(notice.purpose, contact_id, key, content, notice.business_id, notice.invoice_id)
        await messages.queue(tx, outgoing)


def written(moment: datetime, zone: str) -> str:
    """`24 Dec 2026, 12:00` on the clock of that zone."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{day(local.date())}, {local:%H:%M}"
