"""What a command about an existing invoice points at: its number, a customer, an amount, a way of paying."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .amounts import to_minor
from .contacts import take_contacts
from .invoice_refs import take_invoice_number
from .lexicon import LEXICON
from .phrases import is_in
from .readings import Who
from .tokens import FOREIGN, Kind, Number, Token, words_of

_LONGEST_NAME = 5
Method = Literal["cash", "transfer", "pos"]


@dataclass(frozen=True, slots=True)
class Target:
    invoice_number: str | None
    customer: Who | None
    amounts: tuple[Number, ...]
    method: Method | None

    @property
    def is_named(self) -> bool:
        return self.invoice_number is not None or self.customer is not None

    @property
    def amount_minor(self) -> int | None:
        return to_minor(self.amounts[0].value) if len(self.amounts) == 1 else None

    @property
    def currency(self) -> str | None:
        """The currency where one is written; None too for money that is not carried."""
        code = self.amounts[0].currency if len(self.amounts) == 1 else None
        return None if code == FOREIGN else code


def read_target(tokens: Sequence[Token], fillers: str) -> Target | None:
    """Everything the command names. `fillers` is the group of words it may hold besides; None when others remain,
    for then the message is about something else.
    """
    number, rest = take_invoice_number(tokens)
    contacts = take_contacts(rest)
    method: Method | None = None
    runs: list[list[Token]] = [[]]
    amounts: list[Number] = []
    for token in contacts.rest:
        found = LEXICON.value("methods", token.low) if token.kind is Kind.WORD else None
        if found:
            method = found if method in {None, found} else method
        elif token.kind is Kind.NUMBER and token.number:
            amounts.append(token.number)
        elif token.kind is Kind.PERCENT:
            return None
        elif token.kind is Kind.WORD and not _is_filler(token, fillers, inside=bool(runs[-1])):
            runs[-1].append(token)
            continue
        if runs[-1] and token.text != "&":
            runs.append([])
    names = [name for run in runs if (name := _name(run))]
    if len(names) > 1 or any(len(run) > _LONGEST_NAME for run in runs):
        return None
    if not names and contacts.phone is None:
        return Target(number, None, tuple(amounts), method)
    return Target(number, Who(names[0] if names else None, contacts.phone), tuple(amounts), method)


def _is_filler(token: Token, fillers: str, *, inside: bool) -> bool:
    if inside and token.low == "and":
        return False
    return is_in(token, fillers, "courtesy", "pronoun", "part_word")


def _name(run: Sequence[Token]) -> str | None:
    """The run as a name; a possessive 's is dropped."""
    text = words_of(run)
    for ending in ("'s", "'"):
        text = text.removesuffix(ending)
    return text or None
