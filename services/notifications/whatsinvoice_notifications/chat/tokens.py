"""The token every stage of the grammar works on, and how tokens turn back into the sender's own words."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto


class Kind(Enum):
    WORD = auto()
    NUMBER = auto()
    PERCENT = auto()
    PHONE = auto()
    EMAIL = auto()
    MARK = auto()  # one of @ + & x / " ' and other signs that may mean something next to a number
    BREAK = auto()  # separates fields
    GAP = auto()  # something was taken out here: a phone, a due date, a discount


FOREIGN = "other"  # the currency of an amount in money that is not carried


@dataclass(frozen=True, slots=True)
class Number:
    """An amount or a count, in whole units. `value` None: it is there, but what it says is a question.

    `marked`: written as money (sign, money word, k or m), so it is never a count. `spoken`: in number words.
    """

    value: Decimal | None
    currency: str | None = None
    marked: bool = False
    spoken: bool = False

    @property
    def is_price(self) -> bool:
        """Whether it reads as money by itself: marked, unclear, or 1000 and more."""
        return self.marked or self.value is None or self.value >= 1000  # noqa: PLR2004 - chat rule: 1000 and more


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    low: str
    start: int
    end: int
    number: Number | None = None
    phone: str | None = None

    @property
    def capitalised(self) -> bool:
        return self.text[:1].isupper()


def is_word(token: Token, *words: str) -> bool:
    return token.kind is Kind.WORD and token.low in words


def gap_of(tokens: Sequence[Token]) -> Token:
    return Token(Kind.GAP, "", "", tokens[0].start, tokens[-1].end)


def words_of(tokens: Sequence[Token]) -> str:
    """The text of the tokens in order: glued where they were glued, otherwise one space between."""
    parts: list[str] = []
    last_end = -1
    for token in tokens:
        if token.kind is Kind.GAP:
            continue
        if parts and token.start != last_end and token.text not in {",", ";"}:
            parts.append(" ")
        parts.append(" " if token.text == "\n" else token.text)
        last_end = token.end
    return " ".join("".join(parts).split())
