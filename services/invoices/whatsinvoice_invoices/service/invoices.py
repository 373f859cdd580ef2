"""Invoices: draft, issue, get, list, delete, void, look by a public link."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import invalid, not_found
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.core.money import SYMBOLS
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.observe import telemetry

from whatsinvoice_invoices import events
from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.customer import Customer, CustomerInput
from whatsinvoice_invoices.domain.invoice import Invoice, Receipt, Status, Terms, TimelineEntry
from whatsinvoice_invoices.domain.totals import Discount, LineInput, compute
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.repository import businesses, history
from whatsinvoice_invoices.repository import invoices as rows
from whatsinvoice_invoices.service.customers import check_cursor, find_or_create, get_business, get_customer

MAX_NOTES = 2_000
MAX_REFERENCE = 100
TOKEN_BYTES = 18
"""144 random bits: a public link cannot be guessed."""


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """A draft as it is asked for: a customer by id or inline; an empty currency is the business's."""

    customer_id: str
    customer: CustomerInput | None
    currency: str
    lines: Sequence[LineInput]
    discount: Discount
    terms: Terms
    prices_include_tax: bool = False
    notes: str = ""
    reference: str = ""


class InvoicesService:
    """`links` makes the public addresses that events carry; `daily` limits the invoices that go to phones."""

    def __init__(self, links: Links, daily: DailyLimit) -> None:
        self._links = links
        self._daily = daily

    async def create_invoice(
        self, tx: Transaction, business_id: str, given: NewInvoice, *, issue: bool = False
    ) -> tuple[Invoice, Business]:
        """A draft, or an issued invoice at once; INVALID_ARGUMENT names each field that breaks a rule."""
        business = await get_business(tx, business_id)
        currency = given.currency or business.currency
        if currency not in SYMBOLS:
            raise invalid("currency", "CURRENCY_UNKNOWN", f"use one of {', '.join(SYMBOLS)}")
        if len(given.notes) > MAX_NOTES:
            raise invalid("notes", "NOTES_TOO_LONG", f"use up to {MAX_NOTES} characters")
        if len(given.reference) > MAX_REFERENCE:
            raise invalid("reference", "REFERENCE_TOO_LONG", f"use up to {MAX_REFERENCE} characters")
        totals = compute(given.lines, given.discount, prices_include_tax=given.prices_include_tax)
        invoice = Invoice(
            id=new_id("inv"),
            business_id=business_id,
            customer=await self._customer(tx, business, given),
            currency=currency,
            totals=totals,
            terms=given.terms.checked(),
            created_at=now(),
            prices_include_tax=given.prices_include_tax,
            notes=given.notes,
            reference=given.reference,
            traceparent=telemetry.current_traceparent(),
        )
        entries: list[tuple[str, datetime, dict[str, str]]] = [("created", invoice.created_at, {})]
        if issue:
            entries.append(await self._issue(tx, invoice, business))
        await rows.add_invoice(tx, invoice)
        await history.add_entries(tx, business_id, invoice.id, *entries)
        return invoice, business

    async def _customer(self, tx: Transaction, business: Business, given: NewInvoice) -> Customer:
        if bool(given.customer_id) == (given.customer is not None):
            raise invalid("customer", "CUSTOMER_REQUIRED", "give either customer_id or customer")
        if given.customer is not None:
            return await find_or_create(tx, business, given.customer)
        return await get_customer(tx, business.id, given.customer_id)

    async def issue_invoice(self, tx: Transaction, business_id: str, invoice_id: str) -> tuple[Invoice, Business]:
        """Gives number, dates and link, and tells others; INVOICE_NOT_DRAFT when that was done before."""
        invoice, business = await self.get_invoice(tx, business_id, invoice_id, for_update=True)
        invoice.require_draft()  # before a number is taken
        with telemetry.span("issue invoice", within=invoice.traceparent or None):
            entry = await self._issue(tx, invoice, business)
            await rows.save_invoice(tx, invoice)
            await history.add_entries(tx, business_id, invoice.id, entry)
        return invoice, business

    async def _issue(
        self, tx: Transaction, invoice: Invoice, business: Business
    ) -> tuple[str, datetime, dict[str, str]]:
        """Issue the aggregate and publish it; return its entry of the timeline.

        Raises:
            ServiceError: as `DailyLimit.take`, where the customer has a phone.
        """
        if invoice.customer.phone:
            await self._daily.take(tx, business.id)
        number = await businesses.next_number(tx, business.id, "invoice")
        moment = now()
        invoice.issue(
            number=f"INV-{number:06}",
            token=secrets.token_urlsafe(TOKEN_BYTES),
            today=business.day(moment),
            moment=moment,
        )
        tx.publish(events.invoice_issued(invoice, business, self._links))
        return "issued", moment, {"number": invoice.number}

    async def get_invoice(
        self, tx: Transaction, business_id: str, invoice_id: str, *, for_update: bool = False
    ) -> tuple[Invoice, Business]:
        """One of the business's own, and the business; NOT_FOUND otherwise."""
        found = await rows.invoice(tx, business_id, invoice_id, for_update=for_update)
        if found is None:
            raise not_found("INVOICE_NOT_FOUND", "there is no such invoice")
        return found

    async def list_invoices(
        self, tx: Transaction, business_id: str, *, cursor: str, limit: int, status: Status | None, customer_id: str
    ) -> list[Invoice]:
        """The newest first; up to `limit` and one more, which tells that there is a next page."""
        before = check_cursor("inv", cursor)
        return await rows.invoices(
            tx, business_id, before=before, limit=limit + 1, status=status, customer_id=customer_id
        )

    async def delete_invoice(self, tx: Transaction, business_id: str, invoice_id: str) -> None:
        """Ends a draft; INVOICE_NOT_DRAFT for anything issued."""
        invoice, _ = await self.get_invoice(tx, business_id, invoice_id, for_update=True)
        invoice.require_draft()
        await rows.delete_invoice(tx, business_id, invoice_id)

    async def get_timeline(self, tx: Transaction, business_id: str, invoice_id: str) -> list[TimelineEntry]:
        """What happened to the invoice, oldest first."""
        await self.get_invoice(tx, business_id, invoice_id)
        return await history.timeline(tx, business_id, invoice_id)

    async def void_invoice(self, tx: Transaction, business_id: str, invoice_id: str) -> tuple[Invoice, Business]:
        """Ends an issued invoice that nobody has paid on; INVOICE_NOT_VOIDABLE any other. Its number stays taken."""
        invoice, business = await self.get_invoice(tx, business_id, invoice_id, for_update=True)
        invoice.void()
        await rows.save_invoice(tx, invoice)
        await history.add_entries(tx, business_id, invoice.id, ("voided", now(), {}))
        tx.publish(events.invoice_voided(invoice, business, self._links))
        return invoice, business

    async def invoice_to_pay(self, tx: Transaction, business_id: str, customer_id: str) -> tuple[Invoice, Business]:
        """The customer's oldest invoice that can be paid, else her latest issued one; INVOICE_NOT_FOUND for none."""
        found = await rows.invoice_to_pay(tx, business_id, customer_id)
        if found is None:
            raise not_found("INVOICE_NOT_FOUND", "the customer has no issued invoice")
        return found

    async def by_link(self, tx: Transaction, token: str, *, for_update: bool = False) -> tuple[Invoice, Business]:
        """The invoice behind a public link; NOT_FOUND (LINK_NOT_FOUND) otherwise."""
        found = await rows.invoice_by_token(tx, token, for_update=for_update) if token else None
        if found is None:
            raise not_found("LINK_NOT_FOUND", "there is nothing at this link")
        return found

    async def receipt_by_link(self, tx: Transaction, token: str) -> tuple[Receipt, Invoice, Business]:
        """The receipt behind a public link, with its invoice; NOT_FOUND (LINK_NOT_FOUND) otherwise."""
        receipt = await history.receipt_by_token(tx, token) if token else None
        if receipt is None:
            raise not_found("LINK_NOT_FOUND", "there is nothing at this link")
        return receipt, *await self.get_invoice(tx, receipt.business_id, receipt.invoice_id)

    async def receipt_by_id(
        self, tx: Transaction, business_id: str, receipt_id: str
    ) -> tuple[Receipt, Invoice, Business]:
        """One of the business's own receipts, with its invoice; NOT_FOUND otherwise."""
        receipt = await history.receipt(tx, business_id, receipt_id)
        if receipt is None:
            raise not_found("RECEIPT_NOT_FOUND", "there is no such receipt")
        return receipt, *await self.get_invoice(tx, business_id, receipt.invoice_id)

    async def recorded_payments(self, tx: Transaction, invoice: Invoice) -> Sequence[str]:
        """Return the ids of the payments that the invoice has recorded."""
        return await history.recorded_payments(tx, invoice.business_id, invoice.id)

    async def receipts_of(self, tx: Transaction, invoice: Invoice) -> list[Receipt]:
        """The oldest first."""
        return await history.receipts_of(tx, invoice.business_id, invoice.id)


def without_contact(invoice: Invoice) -> Invoice:
    """The invoice as anyone who holds the link may see it."""
    return replace(invoice, customer=replace(invoice.customer, phone="", email=""))
