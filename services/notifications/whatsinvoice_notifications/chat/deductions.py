"""Discount and tax of the whole document, taken out wherever they stand: `less 10%`, `comot 2k`, `plus VAT`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .amounts import to_minor
from .home_vat import home_vat_bp
from .lexicon import LEXICON
from .readings import Discount, Tax, Withholding
from .tokens import Kind, Token, gap_of, is_word

_FULL_PERCENT = 100
_MOST_LEADS = 6  # words before a rate; bounds the work on a wall of them


@dataclass(frozen=True, slots=True)
class Deductions:
    discount: Discount | None
    tax: Tax | None
    said_no_tax: bool
    rest: list[Token]
    withholding: Withholding | None = None


@dataclass(frozen=True, slots=True)
class _Taken:
    end: int
    discount: Discount | None = None
    tax: Tax | None = None
    no_tax: bool = False
    withholding: Withholding | None = None


def take_deductions(tokens: Sequence[Token], home: str, today: date) -> Deductions:
    """Discount and tax as last said, with a gap in `rest` where each stood."""
    rest: list[Token] = []
    discount: Discount | None = None
    tax: Tax | None = None
    withholding: Withholding | None = None
    no_tax = False
    at = 0
    while at < len(tokens):
        taken = _withholding_at(tokens, at) or _tax_at(tokens, at, home, today) or _discount_at(tokens, at)
        if taken is None:
            rest.append(tokens[at])
            at += 1
            continue
        discount, tax = taken.discount or discount, taken.tax or tax
        withholding = taken.withholding or withholding
        no_tax = no_tax or taken.no_tax
        rest.append(gap_of(tokens[at : taken.end]))
        at = taken.end
    return Deductions(discount, None if no_tax else tax, no_tax, rest, withholding)


def _has(tokens: Sequence[Token], at: int, *groups: str) -> bool:
    return at < len(tokens) and tokens[at].kind is Kind.WORD and LEXICON.has_any(groups, tokens[at].low)


def _skip(tokens: Sequence[Token], at: int, *groups: str) -> int:
    """Past lead words and the marks that stand for them."""
    end = min(len(tokens), at + _MOST_LEADS)
    while at < end and (
        _has(tokens, at, *groups)
        or tokens[at].text == "+"
        or is_word(tokens[at], "a", "of", "the", "give", "at", "is", "na")
    ):
        at += 1
    return at


def _after_link(tokens: Sequence[Token], at: int) -> int:
    end = min(len(tokens), at + _MOST_LEADS)
    while at < end and (tokens[at].text in {":", "-", "="} or is_word(tokens[at], "of", "at", "is", "na")):
        at += 1
    return at


def _basis_points(token: Token) -> int | None:
    if token.kind is not Kind.PERCENT or token.number is None or token.number.value is None:
        return None
    points = token.number.value * _FULL_PERCENT
    return int(points) if points == int(points) and 0 < points <= _FULL_PERCENT * _FULL_PERCENT else None


def _percent(tokens: Sequence[Token], at: int) -> int | None:
    return _basis_points(tokens[at]) if at < len(tokens) else None


# --- withholding tax


def _withholding_at(tokens: Sequence[Token], at: int) -> _Taken | None:
    """`less 5% WHT`, `WHT 5%`, `minus withholding tax of 5%`. Without a rate nothing is taken, and the bot asks."""
    start = _skip(tokens, at, "plus", "less")
    rate = _percent(tokens, start)
    word = start + 1 if rate is not None else start
    end = _past_withholding(tokens, word)
    if end == word:
        return None
    after = _after_link(tokens, end)
    if rate is None and (rate := _percent(tokens, after)) is not None:
        end = after + 1
    return _Taken(end, withholding=Withholding(rate)) if rate is not None else None


def _past_withholding(tokens: Sequence[Token], at: int) -> int:
    if at < len(tokens) and is_word(tokens[at], "wht"):
        return at + 1
    if not _has(tokens, at, "withholding"):
        return at
    return at + 2 if _has(tokens, at + 1, "tax") else at + 1


# --- tax


def _tax_at(tokens: Sequence[Token], at: int, home: str, today: date) -> _Taken | None:
    if _has(tokens, at, "no_tax") and _has(tokens, at + 1, "vat", "tax"):
        return _Taken(at + 2, no_tax=True)
    start = _skip(tokens, at, "plus", "inclusive")
    led = start > at
    inclusive = any(_has(tokens, i, "inclusive") for i in range(at, start))
    rate = _percent(tokens, start)
    word = start + 1 if rate is not None else start
    if not (_has(tokens, word, "vat") or (_has(tokens, word, "tax") and (led or rate is not None))):
        return None
    end = word + 1
    after = _after_link(tokens, end)
    if rate is None and (rate := _percent(tokens, after)) is not None:
        end = after + 1
    if _has(tokens, end, "inclusive"):
        inclusive, end = True, end + 1
    if rate is None and not (led or inclusive or _ends_a_field(tokens, end)):
        return None
    rate = rate if rate is not None else home_vat_bp(home, today)
    return _Taken(end, tax=Tax(rate, inclusive) if rate else None)


def _ends_a_field(tokens: Sequence[Token], at: int) -> bool:
    return at >= len(tokens) or tokens[at].kind in {Kind.BREAK, Kind.GAP, Kind.PHONE}


# --- discount


def _discount_at(tokens: Sequence[Token], at: int) -> _Taken | None:
    start = _skip(tokens, at, "plus", "less")
    less = any(_has(tokens, i, "less") for i in range(at, start))
    if _has(tokens, start, "discount"):
        value = _after_link(tokens, start + 1)
        discount = _value(tokens, value)
        return _Taken(value + 1, discount) if discount else None
    discount = _value(tokens, start)
    if discount is None:
        return None
    # In `at 5k discount 10%` the word belongs to what follows it.
    off = _has(tokens, start + 1, "off") and _value(tokens, _after_link(tokens, start + 2)) is None
    if _has(tokens, start + 1, "not_a_discount") or _past_withholding(tokens, start + 1) > start + 1:
        return None
    return _Taken(start + 1 + off, discount) if less or off else None


def _value(tokens: Sequence[Token], at: int) -> Discount | None:
    if at >= len(tokens):
        return None
    if points := _basis_points(tokens[at]):
        return Discount(percent_bp=points)
    number = tokens[at].number
    if tokens[at].kind is Kind.NUMBER and number and (minor := to_minor(number.value or Decimal(0))):
        return Discount(amount_minor=minor)
    return None
