"""Where a customer's name begins and ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from .lexicon import LEXICON
from .tokens import Kind, Token, is_word, words_of

_LOOSE_END = ("the", "and", "his", "her", "im", "my")
_MULTIPLIERS = ("hundred", "thousand", "million", "billion", "k")


@dataclass(frozen=True, slots=True)
class Name:
    """`text` None: nobody is named. `end` is the index after the name and its lead words."""

    text: str | None
    end: int


def read_name(tokens: Sequence[Token], at: int) -> Name:
    """The name at `at`, past lead words (`for`, `to my customer`) and past a phone that stands before it."""
    begin = _skip_leads(tokens, at)
    if begin < len(tokens) and _is(tokens[begin], "nobody"):
        return Name(None, begin + 1)
    end = begin
    while end < len(tokens) and _continues(tokens, begin, end):
        end += 1
    kept = end
    while kept > begin and (is_word(tokens[kept - 1], *_LOOSE_END) or _is(tokens[kept - 1], "please")):
        kept -= 1
    return Name(words_of(tokens[begin:kept]) or None, end) if kept > begin else Name(None, begin)


def read_capitalised_name(tokens: Sequence[Token], at: int) -> Name:
    """Only the capitalised words: after an amount, case is all that tells a name from an item."""
    end = at
    while (
        end < len(tokens) and tokens[end].kind is Kind.WORD and tokens[end].capitalised and _continues(tokens, at, end)
    ):
        end += 1
    return Name(words_of(tokens[at:end]) or None, end)


def labelled_name(tokens: Sequence[Token]) -> tuple[Name, int] | None:
    """`Name: Sam` anywhere: the name and the index of its label."""
    for at in range(len(tokens) - 2):
        starts_field = at == 0 or tokens[at - 1].kind in {Kind.BREAK, Kind.GAP} or _is(tokens[at - 1], "invoice_word")
        if starts_field and _is(tokens[at], "name_label") and tokens[at + 1].text in {":", "=", "-"}:
            name = read_name(tokens, at + 2)
            if name.text:
                return name, at
    return None


def _is(token: Token, group: str) -> bool:
    return token.kind is Kind.WORD and LEXICON.has_exactly(group, token.low)


def _skip_leads(tokens: Sequence[Token], at: int) -> int:
    past_gap = False
    while at < len(tokens):
        token = tokens[at]
        if token.kind is Kind.GAP:
            past_gap = True
        elif (
            token.kind is not Kind.BREAK
            and token.text not in {'"', "'"}
            and not (_is_lead(token) and not (past_gap and token.low == "for"))
        ):
            break
        at += 1
    return at


def _is_lead(token: Token) -> bool:
    return token.kind is Kind.WORD and any(
        LEXICON.has_exactly(group, token.low) for group in ("name_lead", "article", "please")
    )


def _continues(tokens: Sequence[Token], begin: int, at: int) -> bool:
    """Whether the token at `at` belongs to the name that starts at `begin`."""
    token = tokens[at]
    if token.kind is Kind.NUMBER:
        return number_in_name(tokens, begin, at)
    if token.kind is Kind.MARK:
        return token.text == "&" and at > begin and at + 1 < len(tokens) and tokens[at + 1].kind is Kind.WORD
    if token.kind is not Kind.WORD or _is(token, "name_end"):
        return False
    return not _starts_purchase(tokens, at)


def _starts_purchase(tokens: Sequence[Token], at: int) -> bool:
    """`e buy`, `she bought`, `Sam bought 2 …`: the list begins."""
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following is None:
        return False
    listed = following.kind is Kind.NUMBER or is_word(following, "a", "an")
    return (_is(tokens[at], "who_pays") and _is(following, "bought")) or (_is(tokens[at], "bought") and listed)


def number_in_name(tokens: Sequence[Token], begin: int, at: int) -> bool:
    """`Five Star Laundry`: one capitalised number word among capitalised words. A voice transcript has no capitals."""
    token = tokens[at]
    if token.number is None or not token.number.spoken or not token.text.istitle() or " " in token.text:
        return False
    if token.low in _MULTIPLIERS or token.number.currency:
        return False
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following is None or following.kind is not Kind.WORD:
        return at > begin and tokens[begin].capitalised
    return following.capitalised or (at > begin and _is(following, "name_end"))
