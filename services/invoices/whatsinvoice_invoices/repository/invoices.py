"""Invoices: one row each, its lines within (they are written and read with it, and never change once issued)."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, case, delete, insert, select, update
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.customer import Customer
from whatsinvoice_invoices.domain.invoice import PAYABLE, Invoice, Status, Terms
from whatsinvoice_invoices.domain.totals import Line, Totals
from whatsinvoice_invoices.models import BUSINESSES, INVOICES


def _columns(invoice: Invoice) -> dict[str, Any]:
    """What may change while the invoice lives."""
    return {
        "status": invoice.status.value,
        "number": invoice.number or None,
        "token": invoice.token or None,
        "amount_paid_minor": invoice.amount_paid_minor,
        "refunded_minor": invoice.refunded_minor,
        "credit_minor": invoice.credit_minor,
        "issue_date": invoice.issue_date,
        "due_date": invoice.due_date,
        "issued_at": invoice.issued_at,
        "paid_at": invoice.paid_at,
        "transfer_claimed_at": invoice.transfer_claimed_at,
        "version": invoice.version,
    }


def _invoice(row: Row[tuple[object, ...]]) -> Invoice:
    who, terms = row.customer, row.terms
    lines = tuple(Line(**line) for line in row.lines)
    return Invoice(
        id=row.id,
        business_id=row.business_id,
        customer=Customer(
            row.customer_id,
            row.business_id,
            who["name"],
            who["phone"],
            who["email"],
            datetime.fromisoformat(who["created_at"]),
            who["version"],
        ),
        currency=row.currency,
        totals=Totals(lines, row.subtotal_minor, row.discount_minor, row.tax_minor, row.total_minor),
        terms=Terms(_day(terms["issue_date"]), _day(terms["due_date"]), terms["days"]),
        created_at=row.created_at,
        prices_include_tax=row.prices_include_tax,
        notes=row.notes,
        reference=row.reference,
        traceparent=row.traceparent,
        status=Status(row.status),
        number=row.number or "",
        token=row.token or "",
        issue_date=row.issue_date,
        due_date=row.due_date,
        issued_at=row.issued_at,
        paid_at=row.paid_at,
        amount_paid_minor=row.amount_paid_minor,
        refunded_minor=row.refunded_minor,
        credit_minor=row.credit_minor,
        transfer_claimed_at=row.transfer_claimed_at,
        version=row.version,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


async def add_invoice(tx: Transaction, invoice: Invoice) -> None:
    who, totals, terms = invoice.customer, invoice.totals, invoice.terms
    fixed = {
        "id": invoice.id,
        "business_id": invoice.business_id,
        "customer_id": who.id,
        "customer": {
            "name": who.name,
            "phone": who.phone,
            "email": who.email,
            "created_at": who.created_at.isoformat(),
            "version": who.version,
        },
        "currency": invoice.currency,
        "lines": [asdict(line) for line in totals.lines],
        "subtotal_minor": totals.subtotal_minor,
        "discount_minor": totals.discount_minor,
        "tax_minor": totals.tax_minor,
        "total_minor": totals.total_minor,
        "prices_include_tax": invoice.prices_include_tax,
        "terms": {
            "issue_date": terms.issue_date.isoformat() if terms.issue_date else None,
            "due_date": terms.due_date.isoformat() if terms.due_date else None,
            "days": terms.days,
        },
        "notes": invoice.notes,
        "reference": invoice.reference,
        "traceparent": invoice.traceparent,
        "created_at": invoice.created_at,
    }
    await tx.execute(_ADD, fixed | _columns(invoice))


async def save_invoice(tx: Transaction, invoice: Invoice) -> None:
    """Writes what may change; the row must have been read with `for_update`."""
    await tx.execute(update(INVOICES).where(INVOICES.c.id == invoice.id).values(_columns(invoice)))


async def delete_invoice(tx: Transaction, business_id: str, invoice_id: str) -> None:
    await tx.execute(delete(INVOICES).where(INVOICES.c.business_id == business_id, INVOICES.c.id == invoice_id))


_OF_BUSINESS = {column.name: column.label(f"of_business_{column.name}") for column in BUSINESSES.c}


def _with_business() -> Select[tuple[Any, ...]]:
    """Invoices beside their businesses: nearly every answer needs the business's calendar or name."""
    joined = INVOICES.join(BUSINESSES, INVOICES.c.business_id == BUSINESSES.c.id)
    return select(*INVOICES.c, *_OF_BUSINESS.values()).select_from(joined)


def _pair(row: Row[tuple[object, ...]]) -> tuple[Invoice, Business]:
    told = {name: getattr(row, label.name) for name, label in _OF_BUSINESS.items()}
    return _invoice(row), Business(**told)


# built once: building a statement costs as much as its round trip
_BY_ID = _with_business().where(
    INVOICES.c.business_id == bindparam("business_id"), INVOICES.c.id == bindparam("invoice_id")
)
_BY_ID_LOCKED = _BY_ID.with_for_update(of=INVOICES)
_BY_TOKEN = _with_business().where(INVOICES.c.token == bindparam("token"))
_BY_TOKEN_LOCKED = _BY_TOKEN.with_for_update(of=INVOICES)
_ADD = insert(INVOICES)


async def invoice(
    tx: Transaction, business_id: str, invoice_id: str, *, for_update: bool = False
) -> tuple[Invoice, Business] | None:
    """The invoice and its business; `for_update` locks it until the transaction ends."""
    statement = _BY_ID_LOCKED if for_update else _BY_ID
    row = (await tx.execute(statement, {"business_id": business_id, "invoice_id": invoice_id})).one_or_none()
    return _pair(row) if row else None


async def invoice_by_token(tx: Transaction, token: str, *, for_update: bool = False) -> tuple[Invoice, Business] | None:
    """Whoever holds the link may see it, whatever the business."""
    row = (await tx.execute(_BY_TOKEN_LOCKED if for_update else _BY_TOKEN, {"token": token})).one_or_none()
    return _pair(row) if row else None


async def invoice_to_pay(tx: Transaction, business_id: str, customer_id: str) -> tuple[Invoice, Business] | None:
    """The customer's oldest invoice that can be paid, else her latest issued one."""
    issued = _with_business().where(
        INVOICES.c.business_id == business_id,
        INVOICES.c.customer_id == customer_id,
        INVOICES.c.status != Status.DRAFT.value,
    )
    payable = INVOICES.c.status.in_([status.value for status in PAYABLE])
    oldest = case((payable, INVOICES.c.id))  # NULL, and so last, for all others
    statement = issued.order_by(oldest.asc().nulls_last(), INVOICES.c.id.desc()).limit(1)
    row = (await tx.execute(statement)).one_or_none()
    return _pair(row) if row else None


async def invoices(
    tx: Transaction, business_id: str, *, before: str, limit: int, status: Status | None, customer_id: str
) -> list[Invoice]:
    """The newest first, those before an id where one is given."""
    statement = select(INVOICES).where(INVOICES.c.business_id == business_id)
    if before:
        statement = statement.where(INVOICES.c.id < before)
    if status is not None:
        statement = statement.where(INVOICES.c.status == status.value)
    if customer_id:
        statement = statement.where(INVOICES.c.customer_id == customer_id)
    return [_invoice(row) for row in await tx.execute(statement.order_by(INVOICES.c.id.desc()).limit(limit))]
