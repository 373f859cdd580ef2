"""Number words and money words around numbers: `fifty thousand naira`, `85 thousand`, `NGN 5,000`, `50k or 60k`.

Works on the scanned tokens and returns them with each such run joined into one NUMBER token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from .lexicon import LEXICON
from .tokens import Kind, Number, Token, is_word

_HUNDRED = 100
_TENS_FROM = 20
_THOUSAND = 1_000


def join_numbers(tokens: Sequence[Token], text: str) -> list[Token]:
    """Number words become numbers, scales and money words join the number beside them, a choice becomes unclear."""
    spoken = _join_fractions(_join_spoken(tokens, text), text)
    with_money = _join_money(spoken, text)
    return _join_choices(_join_restated(with_money), text)


def _joined(parts: Sequence[Token], text: str, number: Number) -> Token:
    raw = text[parts[0].start : parts[-1].end]
    return Token(Kind.NUMBER, raw, raw.lower(), parts[0].start, parts[-1].end, number=number)


@dataclass(slots=True)
class _Sum:
    """A number word phrase as it is read: `total` closed by thousand or million, `part` still open."""

    total: Decimal = Decimal(0)
    part: Decimal = Decimal(0)
    last: Decimal | None = None  # the last word's value; None at the start

    def take(self, word: str) -> bool:
        """Add the word when it can follow; `two three` is two numbers."""
        scale = LEXICON.value("scales", word)
        value = LEXICON.value("numbers", word) if scale is None else None
        if scale is None and value is None:
            return False
        said = Decimal(int(value or 0) if scale is None else int(scale))
        fits = self._small(said) if scale is None else self._scale(said)
        if fits:
            self.last = said
        return fits

    def _scale(self, scale: Decimal) -> bool:
        if self.last is not None and self.last >= scale and self.part == 0:
            return False
        if scale == _HUNDRED:
            if self.part >= _HUNDRED:
                return False
            self.part = (self.part or 1) * scale
        else:
            self.total += (self.part or 1) * scale
            self.part = Decimal(0)
        return True

    def _small(self, value: Decimal) -> bool:
        after_ten = self.last is not None and _TENS_FROM <= self.last < _HUNDRED
        if self.last is not None and self.last < _HUNDRED and not (after_ten and 0 < value < 10):  # noqa: PLR2004 - a unit
            return False
        self.part += value
        return True


def _join_spoken(tokens: Sequence[Token], text: str) -> list[Token]:
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        number, end = _spoken_at(tokens, at)
        if number is None:
            out.append(tokens[at])
            at += 1
        else:
            out.append(_joined(tokens[at:end], text, number))
            at = end
    return out


def _spoken_at(tokens: Sequence[Token], at: int) -> tuple[Number | None, int]:
    """The number that is said from `at` on, and the index after it."""
    first = tokens[at]
    scale = _scale_word(tokens, at + 1)
    if first.kind is Kind.NUMBER and first.number and first.number.value is not None:
        if scale is None or (first.number.marked and first.number.currency is None):
            return None, at
        return replace(first.number, value=first.number.value * scale, marked=True), at + 2
    if first.kind is not Kind.WORD or first.low == "k":
        return None, at
    return _phrase(tokens, at + 1 if is_word(first, "a", "an") and scale else at)


def _phrase(tokens: Sequence[Token], begin: int) -> tuple[Number | None, int]:
    phrase = _Sum()
    end = taken = begin
    while end < len(tokens) and tokens[end].kind is Kind.WORD:
        if phrase.take(tokens[end].low):
            taken = end + 1
        elif not (tokens[end].low == "and" and phrase.last is not None and phrase.last >= _HUNDRED):
            break
        end += 1
    if taken == begin:
        return None, begin
    value = phrase.total + phrase.part
    return Number(value, marked=phrase.last == _THOUSAND and value >= _THOUSAND, spoken=True), taken


def _scale_word(tokens: Sequence[Token], at: int) -> int | None:
    if at >= len(tokens) or tokens[at].kind is not Kind.WORD:
        return None
    scale = LEXICON.value("scales", tokens[at].low)
    return int(scale) if scale is not None else None


def _join_fractions(tokens: Sequence[Token], text: str) -> list[Token]:
    """`half a million`, `one point five million`: heard, but not worked out, so the amount is asked."""
    out: list[Token] = []
    for token in tokens:
        before = out[-1] if out else None
        if before is None or not ({before.kind, token.kind} <= {Kind.NUMBER, Kind.WORD}):
            out.append(token)
        elif _is_fractional(before, token):
            out[-1] = _joined((before, token), text, Number(None, marked=True, spoken=True))
        else:
            out.append(token)
    return out


def _is_fractional(before: Token, token: Token) -> bool:
    if before.number:
        return _is_fraction(token) or (token.number is not None and before.number.value is None)
    return token.number is not None and token.number.spoken and _is_fraction(before)


def _is_fraction(token: Token) -> bool:
    return token.kind is Kind.WORD and LEXICON.has_exactly("fraction", token.low)


def _join_money(tokens: Sequence[Token], text: str) -> list[Token]:
    out: list[Token] = []
    for at, token in enumerate(tokens):
        before = out[-1] if out else None
        if token.kind is Kind.NUMBER and token.number and before and (code := _money_before(before, token.number)):
            out[-1] = _joined((before, token), text, replace(token.number, currency=code, marked=True))
        elif before and before.kind is Kind.NUMBER and before.number and (code := _money_after(tokens, at)):
            out[-1] = _joined((before, token), text, replace(before.number, currency=code, marked=True))
        elif is_word(token, "only") and before and before.kind is Kind.NUMBER:
            out[-1] = replace(before, end=token.end)
        else:
            out.append(token)
    return out


def _join_restated(tokens: Sequence[Token]) -> list[Token]:
    """`5,000 only (five thousand naira only)`: the same amount in figures and in words is one amount."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        mark = tokens[at + 1] if at + 2 < len(tokens) else None
        if mark is None or mark.text != "(" or not _restates(token, tokens[at + 2]):
            out.append(token)
            at += 1
            continue
        out.append(_restated(token, tokens[at + 2]))
        closed = at + 3 < len(tokens) and tokens[at + 3].text == ")"
        at += 4 if closed else 3
    return out


def _restated(token: Token, other: Token) -> Token:
    if token.number is None or other.number is None:
        return token
    return replace(
        token, number=replace(token.number, marked=True, currency=token.number.currency or other.number.currency)
    )


def _restates(token: Token, other: Token) -> bool:
    one, two = token.number, other.number
    if token.kind is not Kind.NUMBER or other.kind is not Kind.NUMBER or one is None or two is None:
        return False
    spoken = one.spoken is not two.spoken
    return spoken and one.value is not None and one.value == two.value and one.is_price and two.is_price


def _money_before(token: Token, number: Number) -> str | None:
    if token.kind is not Kind.WORD or number.currency:
        return None
    if token.low in {"n", "r"} and number.is_price:
        return "NGN" if token.low == "n" else "ZAR"
    code = LEXICON.value("codes", token.low)
    return str(code) if code else None


def _money_after(tokens: Sequence[Token], at: int) -> str | None:
    token = tokens[at]
    if token.kind is not Kind.WORD:
        return None
    if token.low in {"pound", "pounds"}:
        # Pounds of meat are a weight: money only where nothing to weigh follows.
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        return "other" if after is None or after.kind is not Kind.WORD or after.low in {"for", "sterling"} else None
    code = LEXICON.value("money", token.low)
    return str(code) if code else None


def _join_choices(tokens: Sequence[Token], text: str) -> list[Token]:
    """`50k or 60k`, `seventy no eighty thousand`, `20k - 25k`: one number, and which one is a question."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        link = _choice_length(tokens, at + 1) if token.kind is Kind.NUMBER else 0
        if out and is_word(out[-1], "between", "from") and _is_spread(tokens, at):
            link = 1
            out.pop()
        if token.number is None or not link:
            out.append(token)
            at += 1
            continue
        end = at + 1 + link
        while more := _choice_length(tokens, end + 1):
            end += 1 + more
        out.append(_joined(tokens[at : end + 1], text, replace(token.number, value=None, marked=True)))
        at = end + 1
    return out


def _is_spread(tokens: Sequence[Token], at: int) -> bool:
    """`between 50k and 60k`."""
    return (
        at + 2 < len(tokens)
        and tokens[at].kind is tokens[at + 2].kind is Kind.NUMBER
        and is_word(tokens[at + 1], "and", "to")
    )


def _choice_length(tokens: Sequence[Token], at: int) -> int:
    """How many tokens link the number before `at` to another number as a choice: 0 when it is none."""
    end = at
    while end < len(tokens) and end - at < 3 and _links(tokens[end]):  # noqa: PLR2004 - ", no sorry"
        end += 1
    spoken = any(tokens[i].kind is Kind.WORD for i in range(at, end))
    if not spoken or end >= len(tokens) or tokens[end].kind is not Kind.NUMBER:
        return 0
    return end - at


def _links(token: Token) -> bool:
    if token.kind is Kind.BREAK:
        return token.text == ","
    return token.kind is Kind.WORD and (
        LEXICON.has_exactly("correction", token.low) or LEXICON.has_exactly("choice", token.low)
    )
