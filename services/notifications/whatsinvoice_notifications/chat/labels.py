"""Labelled goods: `Item: mugs`, `Qty: 4`, `Price: 3,500`, `Total: 14,000` -> the marks that say the same."""

from collections.abc import Sequence

from .lexicon import LEXICON
from .tokens import Kind, Token, is_word

TOTAL = "total"


def unlabel(tokens: Sequence[Token]) -> list[Token]:
    """`qty 4` becomes `x 4`, `price 3500` becomes `@ 3500`, a total becomes a field of its own marked TOTAL."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        number_at = _number_after(tokens, at + 1)
        starts = at == 0 or tokens[at - 1].kind in {Kind.BREAK, Kind.GAP}
        if starts and _is_item_label(tokens[at]) and _has_item(tokens, at + 1):
            out.append(_mark(tokens[at], Kind.BREAK, "\n"))
            at += 1
        elif number_at and (mark := _mark_for(tokens[at], colon=tokens[at + 1].kind is Kind.BREAK)):
            out[_lead_start(out) :] = [_mark(tokens[at], Kind.BREAK, "\n")] if mark == TOTAL else []
            out += [_mark(tokens[at], Kind.MARK, mark), tokens[number_at]]
            if mark == TOTAL:
                out.append(_mark(tokens[number_at], Kind.BREAK, "\n"))
            at = number_at + 1
        else:
            out.append(tokens[at])
            at += 1
    return out


def _is_item_label(token: Token) -> bool:
    return token.kind is Kind.WORD and LEXICON.has_exactly("item_label", token.low)


def _mark(token: Token, kind: Kind, text: str) -> Token:
    return Token(kind, text, text, token.start, token.end)


def _has_item(tokens: Sequence[Token], at: int) -> bool:
    """`Item: service`; only `item` itself may stand without its colon, `service 5k` is a line."""
    if at >= len(tokens):
        return False
    colon = tokens[at].text in {":", "-", "="}
    return colon or (is_word(tokens[at - 1], "item", "items") and tokens[at].kind in {Kind.WORD, Kind.NUMBER})


def _number_after(tokens: Sequence[Token], at: int) -> int | None:
    """The index of the number a label leads to, past `:`, `is`, `na` and a second label word (`total amount`)."""
    while at < len(tokens) and (
        tokens[at].text in {":", "=", "-"} or is_word(tokens[at], "is", "na", "of", "amount", "price")
    ):
        at += 1
    return at if at < len(tokens) and tokens[at].kind is Kind.NUMBER else None


def _mark_for(token: Token, *, colon: bool) -> str | None:
    """Without a colon the label must be spelt right: `rice 5000` is no price, `mount 9000` no amount."""
    if token.kind is not Kind.WORD:
        return None
    is_label = LEXICON.has if colon else LEXICON.has_exactly
    for group, mark in (("quantity_label", "x"), ("price_label", "@"), ("total_label", TOTAL)):
        if is_label(group, token.low):
            return mark
    return None


def _lead_start(out: Sequence[Token]) -> int:
    """`the total`, `unit price`, `at the rate`: the words before the label go with it."""
    start = len(out)
    while start and is_word(out[start - 1], "the", "full", "grand", "is", "unit", "at", "their"):
        start -= 1
    return start
