"""Answers to a question about a draft: what the grammar read is put into the draft, and the next need is found."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from whatsinvoice_notifications.chat import Draft, EditDraft, Line, Need

_ANSWERED = frozenset({"customer", "amount_minor", "due_date", "set_prices", "currency"})


def answered(draft: Draft, asked: str, reading: EditDraft) -> Draft | None:
    """The draft with the answer in it, and what is still needed; None for a change that is more than an answer."""
    changes = reading.changes
    if not set(changes) <= _ANSWERED:
        return None
    customer = replace(draft.customer, **changes.get("customer", {}))
    lines = draft.lines or ((Line("", "1", None),) if "amount_minor" in changes else ())
    due = changes.get("due_date", draft.due_date)
    changed = replace(
        draft,
        customer=customer,
        lines=tuple(_priced(line, changes) for line in lines),
        due_date=date.fromisoformat(due) if isinstance(due, str) else due,
        currency=changes.get("currency", draft.currency),
    )
    unpriced = any(line.unit_price_minor is None for line in draft.lines) or not draft.lines
    return replace(changed, needs=_left(changed, asked, reading, unpriced=unpriced))


def _priced(line: Line, changes: Mapping[str, Any]) -> Line:
    prices = {price["description"]: price["unit_price_minor"] for price in changes.get("set_prices", [])}
    if "amount_minor" in changes:
        return replace(line, unit_price_minor=changes["amount_minor"], quantity=line.quantity or "1")
    return replace(line, unit_price_minor=prices.get(line.description, line.unit_price_minor))


def _left(draft: Draft, asked: str, reading: EditDraft, *, unpriced: bool) -> tuple[Need, ...]:
    """Return what was needed before and is not given yet, and what the answer itself left open.

    A draft that needs `amount` although every line has its price holds a figure that nobody can place: only a new
    amount settles that, whatever else was asked first.
    """
    priced = bool(draft.lines) and all(line.unit_price_minor is not None for line in draft.lines)
    doubted = "prices" in draft.needs or not unpriced
    amount_given = "amount_minor" in reading.changes or (not doubted and "set_prices" in reading.changes)
    given: Mapping[str, bool] = {
        "customer_name": bool(draft.customer.name),
        "phone": bool(draft.customer.phone),
        "amount": priced and amount_given,
        "prices": priced,
        "due_date": asked == "due_date" and "due_date" in reading.changes,
        "currency": "currency" in reading.changes,
    }
    before = [need for need in draft.needs if not given.get(need, False)]
    return tuple(dict.fromkeys([*before, *reading.needs]))
