"""What a merchant says about existing invoices: who owes, status, reminders, payments received, undo, the day."""

from collections.abc import Sequence

from .lexicon import LEXICON
from .phrases import all_in, any_in, has_pair, is_in, is_question, opens_with, says
from .readings import UNKNOWN, ListUnpaid, Need, OnInvoice, Plain, Reading, RecordPayment
from .targets import Target, read_target
from .tokens import Kind, Token, is_word


def read_merchant_verb(tokens: Sequence[Token]) -> Reading | None:
    """The command, or None when it is none of these. `tokens` are without courtesy and greeting."""
    for reader in (_undo, _list_unpaid, _summary, _remind, _cancel, _status, _record_payment):
        if reading := reader(tokens):
            return reading
    return None


def _undo(tokens: Sequence[Token]) -> Reading | None:
    if says(tokens, "undo_phrase"):
        return Plain("undo")
    is_undo = is_in(tokens[0], "undo_phrase") and all_in(tokens[1:], "undo_filler", "courtesy")
    return Plain("undo") if is_undo else None


def _summary(tokens: Sequence[Token]) -> Reading | None:
    if says(tokens, "summary_phrase"):
        return Plain("summary_today")
    about_today = any_in(tokens, "today") or any(token.low == "today's" for token in tokens)
    is_summary = (
        about_today
        and any_in(tokens, "summary_word")
        and all_in(tokens, "summary_word", "summary_filler", "today", "courtesy")
    )
    return Plain("summary_today") if is_summary else None


def _list_unpaid(tokens: Sequence[Token]) -> Reading | None:
    if any_in(tokens, "unpaid") and all_in(tokens, "unpaid", "unpaid_filler", "courtesy"):
        return ListUnpaid()
    if opens_with(tokens, "unpaid_question"):
        return (
            ListUnpaid()
            if all_in(tokens, "unpaid_filler", "owe_filler", "not_yet", "status_filler", "courtesy")
            else None
        )
    if not any_in(tokens, "owe") or not (is_in(tokens[0], "owe_opening") or _asks(tokens)):
        return None
    if any(token.kind is Kind.NUMBER for token in tokens):
        return None
    target = read_target([token for token in tokens if not is_in(token, "owe")], "owe_filler")
    if target is None or target.invoice_number:
        return None
    return ListUnpaid(target.customer)


def _asks(tokens: Sequence[Token]) -> bool:
    return is_question(tokens) or any_in(tokens, "question")


def _command_start(tokens: Sequence[Token]) -> int:
    """Past `can you`, `I want to`, `abeg help me`."""
    at = 0
    while at < len(tokens) and is_in(tokens[at], "asking", "courtesy") and not is_word(tokens[at], "to"):
        at += 1
    return at + 1 if at < len(tokens) and at and is_word(tokens[at], "to") else at


def _on_invoice(intent: str, target: Target | None) -> OnInvoice | None:
    if target is None or target.amounts:
        return None
    needs: tuple[Need, ...] = () if target.is_named else ("which_invoice",)
    number, customer = target.invoice_number, target.customer
    if intent == "remind":
        return OnInvoice("remind", number, customer, needs)
    if intent == "cancel_invoice":
        return OnInvoice("cancel_invoice", number, customer, needs)
    return OnInvoice("invoice_status", number, customer, needs)


def _remind(tokens: Sequence[Token]) -> Reading | None:
    start = _command_start(tokens)
    begins = start < len(tokens) and (
        is_in(tokens[start], "remind") or is_word(tokens[start], "send", "a", "give", "another")
    )
    if not begins or not any_in(tokens, "remind"):
        return None
    if has_pair(tokens, "remind_myself_pair"):
        return None
    return _on_invoice("remind", read_target(tokens[start:], "remind_filler"))


def _cancel(tokens: Sequence[Token]) -> Reading | None:
    start = _command_start(tokens)
    if start >= len(tokens) or not is_in(tokens[start], "cancel"):
        return None
    return _on_invoice("cancel_invoice", read_target(tokens[start:], "cancel_invoice_filler"))


def _status(tokens: Sequence[Token]) -> Reading | None:
    start = _command_start(tokens)
    head = tokens[start:] or tokens
    asked_of_payment = _speaks_of_payment(tokens) and (is_question(tokens) or is_in(tokens[0], "asks_if_paid"))
    plain = any_in(tokens, "status") or is_in(head[0], "check") or opens_with(tokens, "status_opening")
    if not (asked_of_payment or plain) or (asked_of_payment and is_in(tokens[0], "first_person")):
        return None
    return _on_invoice("invoice_status", read_target(head, "status_filler"))


def _speaks_of_payment(tokens: Sequence[Token]) -> bool:
    return any_in(tokens, "settled_state") or any(is_word(token, "pay") for token in tokens)


def _record_payment(tokens: Sequence[Token]) -> Reading | None:
    if is_question(tokens) or not _states_payment(tokens):
        return None
    own_money = is_in(tokens[0], "first_person") and any_in(tokens, "settled_state", "own_spending")
    if own_money or any_in(tokens, "not_yet"):
        return UNKNOWN
    target = read_target(tokens, "record_filler")
    if target is None or len(target.amounts) > 1:
        return None
    needs: list[Need] = [] if target.is_named else ["which_invoice"]
    unclear = bool(target.amounts) and target.amount_minor is None
    if unclear or (not target.amounts and any_in(tokens, "part_word")):
        needs.append("amount")
    return RecordPayment(
        target.invoice_number, target.customer, target.amount_minor, target.currency, target.method, tuple(needs)
    )


def _states_payment(tokens: Sequence[Token]) -> bool:
    """`paid`, `received`, `don pay`, `mark … as paid`. `sent` and `gave` speak of money only beside an amount."""
    if any_in(tokens, "settled_state") or any(is_word(token, "received", "collected") for token in tokens):
        return True
    if has_pair(tokens, "paid_pair"):
        return True
    has_amount = any(token.kind is Kind.NUMBER for token in tokens)
    return has_amount and any(LEXICON.has_exactly("paid_verb", word) for word in (token.low for token in tokens))
