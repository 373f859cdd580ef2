"""Invoices and payments become messages: the invoice and the receipt to the customer, a notice to the merchant."""

from whatsinvoice_kit.core.money import Money
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_notifications import texts
from whatsinvoice_notifications.domain.billing import Invoice, Receipt
from whatsinvoice_notifications.domain.message import Attachment, Outgoing, Purpose
from whatsinvoice_notifications.repository import contacts, members, messages, sent_invoices
from whatsinvoice_notifications.service.cards import day


async def send_invoice(tx: Transaction, business_id: str, business_name: str, invoice: Invoice) -> None:
    """Queues the invoice for its customer, who gets it only with a phone, and not after it is paid."""
    payable = await sent_invoices.put_invoice(tx, business_id, business_name, invoice)
    if not payable or not invoice.customer_phone:
        return
    content = texts.render(
        "invoice",
        attachment=Attachment(invoice_id=invoice.id),
        customer=invoice.customer_name,
        business=business_name,
        number=invoice.number,
        total=invoice.money(invoice.total_minor),
        due_date=day(invoice.due_date),
        url=invoice.public_url,
    )
    contact_id = await contacts.contact_for(tx, invoice.customer_phone, invoice.customer_name)
    await messages.queue(
        tx,
        Outgoing(Purpose.INVOICE, contact_id, f"invoice:{invoice.id}:{contact_id}", content, business_id, invoice.id),
    )


async def send_receipt(
    tx: Transaction, business_id: str, business_name: str, invoice: Invoice, receipt: Receipt
) -> None:
    """Queue receipt and notice, once per receipt: two events report a payment that settles."""
    await sent_invoices.put_invoice(tx, business_id, business_name, invoice)
    ending = "_credit" if receipt.credit_minor else "_partial" if receipt.due_minor > 0 else ""
    values = {
        "customer": invoice.customer_name,
        "business": business_name,
        "number": invoice.number,
        "amount": str(Money(receipt.amount_minor, receipt.currency)),
        "due": str(Money(receipt.due_minor, receipt.currency)),
        "credit": str(Money(receipt.credit_minor, receipt.currency)),
        "payment": receipt.payment_id,
        "receipt": receipt.number,
        "url": receipt.public_url,
    }

    async def queue(purpose: Purpose, name: str, phone: str, attachment: Attachment | None) -> None:
        contact_id = await contacts.contact_for(tx, phone)
        key = f"{purpose.value}:{receipt.id}:{contact_id}"
        content = texts.render(name + ending, attachment=attachment, **values)
        await messages.queue(tx, Outgoing(purpose, contact_id, key, content, business_id, invoice.id))

    if invoice.customer_phone:
        await queue(Purpose.RECEIPT, "receipt", invoice.customer_phone, Attachment(receipt_id=receipt.id))
    for phone in await members.notified_phones(tx, business_id):
        await queue(Purpose.PAYMENT_NOTICE, "payment_notice", phone, None)
