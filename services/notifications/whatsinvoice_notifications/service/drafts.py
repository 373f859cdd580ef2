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
    return replace(changed, needs=_left(changed, asked, reading))


def _priced(line: Line, changes: Mapping[str, Any]) -> Line:
    prices = {price["description"]: price["unit_price_minor"] for price in changes.get("set_prices", [])}
    if "amount_minor" in changes:
        return replace(line, unit_price_minor=changes["amount_minor"], quantity=line.quantity or "1")
    return replace(line, unit_price_minor=prices.get(line.description, line.unit_price_minor))


def _left(draft: Draft, asked: str, reading: EditDraft) -> tuple[Need, ...]:
    """What was needed before and is not given yet, and what the answer itself left open."""
    priced = bool(draft.lines) and all(line.unit_price_minor is not None for line in draft.lines)
    given: Mapping[str, bool] = {
        "customer_name": bool(draft.customer.name),
        "phone": bool(draft.customer.phone),
        "amount": priced,
        "prices": priced,
        "due_date": asked == "due_date" and "due_date" in reading.changes,
        "currency": "currency" in reading.changes,
    }
    before = [need for need in draft.needs if not given.get(need, False)]
    return tuple(dict.fromkeys([*before, *reading.needs]))
