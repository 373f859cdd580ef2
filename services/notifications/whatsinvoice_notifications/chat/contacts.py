"""Phones and e-mails of a message, taken out with the words that lead to them: `his number is 0803…`, `Phone: …`."""

from collections.abc import Sequence
from dataclasses import dataclass

from .lexicon import LEXICON
from .tokens import Kind, Token, gap_of


@dataclass(frozen=True, slots=True)
class Contacts:
    """`phone` None while `seen` is True: there is a number, but which or what it is has to be asked."""

    phone: str | None
    email: str | None
    seen: bool
    rest: list[Token]


def take_contacts(tokens: Sequence[Token]) -> Contacts:
    """Two different phones are a question, one phone in two spellings is that phone."""
    rest: list[Token] = []
    phones: set[str | None] = set()
    email: str | None = None
    for token in tokens:
        if token.kind not in {Kind.PHONE, Kind.EMAIL}:
            rest.append(token)
            continue
        if token.kind is Kind.EMAIL:
            email = email or token.low
        else:
            phones.add(token.phone)
        cut = _lead_start(rest)
        rest[cut:] = [gap_of([*rest[cut:], token])]
    return Contacts(next(iter(phones)) if len(phones) == 1 else None, email, bool(phones), rest)


def _lead_start(before: Sequence[Token]) -> int:
    """Where the words that lead to the contact begin; links alone (`his`, `is`) only lead together with a label."""
    at = len(before)
    start = at
    while at and _leads(before[at - 1]):
        at -= 1
        if before[at].kind is Kind.WORD and LEXICON.has_exactly("phone_label", before[at].low):
            start = at
            while start and _is_link(before[start - 1]) and before[start - 1].low not in {"no", "is", "na"}:
                start -= 1
    if start == len(before) and before and before[-1].low in {"on", "via", "with", "or", "call"}:
        return start - 1
    return start


def _leads(token: Token) -> bool:
    return token.text in {":", "=", "-"} or (
        token.kind is Kind.WORD and (LEXICON.has_exactly("phone_label", token.low) or _is_link(token))
    )


def _is_link(token: Token) -> bool:
    return token.kind is Kind.WORD and LEXICON.has_exactly("phone_link", token.low)
