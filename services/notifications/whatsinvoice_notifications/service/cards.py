"""The preview card's lines, and dates and texts in the form that people read."""

from collections.abc import Sequence
from datetime import date

from whatsinvoice_kit.core.money import Money

from whatsinvoice_notifications.domain.billing import Invoice, Line
from whatsinvoice_notifications.texts import shortened

MAX_BLOCK = 700
"""Of a card's 1024 characters; the rest is for names."""
MAX_DESCRIPTION = 60


def day(value: date | None) -> str:
    """`5 Mar 2027`; without a date an invoice is due when it is issued."""
    return f"{value.day} {value:%b %Y}" if value else "when you get it"


def preview_block(invoice: Invoice) -> str:
    """Lines, discount, tax, total and due date; of many lines the first, and how many more there are."""
    ending = []
    if invoice.discount_minor:
        ending.append(f"Discount: -{invoice.money(invoice.discount_minor)}")
    if invoice.tax_minor:
        ending.append(f"Tax: {invoice.money(invoice.tax_minor)}")
    ending += [f"*Total: {invoice.money(invoice.total_minor)}*", f"Due: {_due(invoice.due_date)}"]
    shown = [_line(line, invoice.currency) for line in invoice.lines]
    return "\n".join([*_that_fit(shown, MAX_BLOCK - sum(map(len, ending))), "", *ending])


def _due(value: date | None) -> str:
    return day(value) if value else "on the day it is sent"


def _line(line: Line, currency: str) -> str:
    description = shortened(line.description, MAX_DESCRIPTION)
    amount = Money(line.amount_minor, currency)
    if line.quantity == "1":
        return f"• {description}: {amount}"
    return f"• {line.quantity} x {description} at {Money(line.unit_price_minor, currency)}: {amount}"


def _that_fit(lines: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return [*kept, f"… and {len(lines) - number} more"]
        kept.append(line)
    return kept
