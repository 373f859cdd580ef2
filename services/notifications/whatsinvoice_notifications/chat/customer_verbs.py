"""What a customer says: wants to pay, has paid, asks for balance, receipt or statement, stops or starts messages."""

from collections.abc import Sequence

from .phrases import any_in, has_pair, is_in, is_question, says
from .readings import UNKNOWN, CustomerPayment, Plain, Reading, RequestReceipt
from .targets import Target, read_target
from .tokens import Token, is_word


def read_customer_verb(tokens: Sequence[Token]) -> Reading | None:
    """The request, or None when it is none of these. `tokens` are without courtesy and greeting."""
    if says(tokens, "opt_out_phrase"):
        return Plain("opt_out")
    if says(tokens, "opt_in_phrase"):
        return Plain("opt_in")
    for reader in (_receipt, _statement, _balance, _claim, _pay):
        if reading := reader(tokens):
            return reading
    return None


def _wanted(tokens: Sequence[Token], words: str) -> Target | None:
    """What a request for a document points at; None when the message says other things besides."""
    if not any_in(tokens, words):
        return None
    target = read_target([token for token in tokens if not is_in(token, words)], "wanting_filler")
    return target if target and target.customer is None and not target.amounts else None


def _receipt(tokens: Sequence[Token]) -> Reading | None:
    target = _wanted(tokens, "receipt_word")
    return RequestReceipt(target.invoice_number) if target else None


def _statement(tokens: Sequence[Token]) -> Reading | None:
    asked = says(tokens, "statement_phrase") or _wanted(tokens, "statement_word")
    return Plain("request_statement") if asked else None


def _balance(tokens: Sequence[Token]) -> Reading | None:
    if says(tokens, "balance_phrase"):
        return Plain("balance")
    asks = any_in(tokens, "question") or any_in(tokens[:1], "balance_word") or is_question(tokens)
    wants = asks or any(is_word(token, "balance", "remaining") for token in tokens)
    return Plain("balance") if wants and _wanted(tokens, "balance_word") else None


def _claim(tokens: Sequence[Token]) -> Reading | None:
    """Says that the money is sent. A promise or a denial is nothing to act on."""
    if says(tokens, "claim_phrase"):
        return CustomerPayment("claim_paid")
    claims = has_pair(tokens, "claim_pair") or any_in(tokens, "claim_word")
    if not claims or is_question(tokens):
        return None
    if any_in(tokens, "not_yet"):
        return UNKNOWN
    target = read_target([token for token in tokens if not is_in(token, "claim_word")], "claim_filler")
    return _payment("claim_paid", target) if target and target.customer is None else None


def _pay(tokens: Sequence[Token]) -> Reading | None:
    if says(tokens, "pay_phrase"):
        return CustomerPayment("pay")
    if any_in(tokens, "denial") or not any_in(tokens, "pay_word", "pay_object"):
        return None
    later = any_in(tokens, "later")
    asks = any_in(tokens, "pay_asks") or is_question(tokens) or is_in(tokens[0], "pay_word")
    if later or not asks:
        return UNKNOWN
    target = read_target(tokens, "pay_filler")
    return _payment("pay", target) if target and target.customer is None else None


def _payment(intent: str, target: Target) -> CustomerPayment | None:
    if len(target.amounts) > 1:
        return None
    if intent == "claim_paid":
        return CustomerPayment("claim_paid", target.invoice_number, target.amount_minor, target.currency)
    return CustomerPayment("pay", target.invoice_number, target.amount_minor, target.currency)
