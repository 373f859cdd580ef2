"""Invoice numbers as people write them: `INV-12`, `inv12`, `inv 0012`, `#12`, `invoice number 12`."""

import re
from collections.abc import Sequence

from .lexicon import LEXICON
from .tokens import Kind, Token, gap_of, is_word

_ONE_WORD = re.compile(r"(?:inv|invoice|bill)[-_./]?0*(\d{1,12})\Z")
_DIGITS = re.compile(r"#?0*(\d{1,12})\Z")


def take_invoice_number(tokens: Sequence[Token]) -> tuple[str | None, list[Token]]:
    """The first invoice number as `INV-<n>` without leading zeros, and the tokens with a gap in its place."""
    for at in range(len(tokens)):
        if found := _number_at(tokens, at):
            digits, end = found
            return f"INV-{digits}", [*tokens[:at], gap_of(tokens[at:end]), *tokens[end:]]
    return None, list(tokens)


def _number_at(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    token = tokens[at]
    if token.kind is Kind.WORD and (match := _ONE_WORD.match(token.low)):
        return match[1], at + 1
    if token.kind is Kind.NUMBER and token.text.startswith("#") and (match := _DIGITS.match(token.text)):
        return match[1], at + 1
    if not (token.kind is Kind.WORD and LEXICON.has("invoice_word", token.low)):
        return None
    at += 1
    while at < len(tokens) and (is_word(tokens[at], "number", "no", "num") or tokens[at].text in {"-", ":", "."}):
        at += 1
    if at < len(tokens) and tokens[at].kind in {Kind.NUMBER, Kind.PHONE} and (match := _DIGITS.match(tokens[at].text)):
        return match[1], at + 1
    return None
