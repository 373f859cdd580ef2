"""Replies to a preview or a question that change the draft: `make it 5000`, `due friday`, `remove delivery`, `70k`."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from .answers import read_answer
from .contacts import Contacts
from .deductions import take_deductions
from .edit_clauses import Clause, read_clause
from .phrases import all_in, any_in, is_in, says
from .readings import Context, EditDraft, Need
from .taken import Taken
from .tokens import Kind, Token, is_word


def read_edit(tokens: Sequence[Token], taken: Taken, context: Context, *, today: date, home: str) -> EditDraft | None:
    """The changes, all of them; None when any part of the message is not understood as a change."""
    if answer := read_answer(tokens, context, today):
        return answer
    changes: dict[str, Any] = {}
    needs: list[Need] = []
    if says(tokens, "no_due_phrase"):
        return EditDraft({"due_date": None})
    contacts, due = taken.contacts, taken.due
    deductions = take_deductions(due.rest, home, today)
    _add_contacts(contacts, changes, needs)
    if due.said:
        if due.day:
            changes["due_date"] = due.day.isoformat()
        else:
            needs.append("due_date")
    if deductions.discount:
        changes["discount"] = deductions.discount.to_dict()
    if deductions.tax or deductions.said_no_tax:
        changes["tax"] = deductions.tax.to_dict() if deductions.tax else None
    for part in _clauses(deductions.rest):
        clause = read_clause(part, context.draft)
        if clause is None:
            return None
        _merge(clause, changes, needs)
    return EditDraft(changes, tuple(dict.fromkeys(needs))) if changes or needs else None


def _add_contacts(contacts: Contacts, changes: dict[str, Any], needs: list[Need]) -> None:
    new = {key: value for key, value in (("phone", contacts.phone), ("email", contacts.email)) if value}
    if new:
        changes["customer"] = new
    if contacts.seen and contacts.phone is None:
        needs.append("phone")


def _merge(clause: Clause, changes: dict[str, Any], needs: list[Need]) -> None:
    for key, value in clause.changes.items():
        if isinstance(value, list):
            changes[key] = [*changes.get(key, []), *value]
        elif key == "customer":
            changes[key] = {**changes.get(key, {}), **value}
        else:
            changes[key] = value
    needs += clause.needs


def _clauses(tokens: Sequence[Token]) -> list[list[Token]]:
    """Parts between separators and before verbs, without words that only carry the message (`send it`, `instead`)."""
    parts: list[list[Token]] = [[]]
    for at, token in enumerate(tokens):
        opens = at > 0 and is_in(token, "edit_verb") and not (parts[-1] and is_in(parts[-1][-1], "edit_verb"))
        if token.kind in {Kind.BREAK, Kind.GAP} or (is_word(token, "and", "then", "but") and _verb_follows(tokens, at)):
            parts.append([])
        elif opens and not is_word(token, "make"):
            parts.append([token])
        else:
            parts[-1].append(token)
    said: list[list[Token]] = []
    for part in parts:
        if not part or all_in(part, "edit_filler", "courtesy"):
            continue
        if said and is_in(said[-1][0], "add_verb") and _is_more_goods(part):
            said[-1] += [_comma(part[0]), *part]
        else:
            said.append(part)
    return said


def _is_more_goods(part: Sequence[Token]) -> bool:
    """`add 2 wigs at 3000, 1 gel at 500`: the list goes on."""
    return not any_in(part, "edit_verb", "name_label") and not any(
        is_word(token, "should", "be", "not") for token in part
    )


def _comma(before: Token) -> Token:
    return Token(Kind.BREAK, ",", ",", before.start, before.start)


def _verb_follows(tokens: Sequence[Token], at: int) -> bool:
    return at + 1 >= len(tokens) or tokens[at + 1].kind is Kind.GAP or is_in(tokens[at + 1], "edit_verb", "edit_filler")
