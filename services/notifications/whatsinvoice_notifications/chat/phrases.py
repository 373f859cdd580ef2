"""Whole-message comparison: the words of a message as one phrase, and whether the lexicon knows it."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from .lexicon import LEXICON
from .tokens import Kind, Token


def phrase_of(tokens: Sequence[Token]) -> str:
    """The words in lower case with single spaces; anything that is no word stands as its own text."""
    return " ".join(token.low for token in tokens if token.kind is not Kind.BREAK)


def says(tokens: Sequence[Token], group: str) -> bool:
    """Whether the whole message is one of the group's phrases, each long word allowed its one slip."""
    phrase = phrase_of(tokens)
    if phrase in LEXICON.words(group):
        return True
    return len(tokens) == 1 and tokens[0].kind is Kind.WORD and LEXICON.has(group, phrase)


def opens_with(tokens: Sequence[Token], group: str) -> bool:
    phrase = phrase_of(tokens) + " "
    return any(phrase.startswith(opening + " ") for opening in LEXICON.words(group))


def any_in(tokens: Iterable[Token], *groups: str) -> bool:
    return any(is_in(token, *groups) for token in tokens)


def all_in(tokens: Iterable[Token], *groups: str) -> bool:
    return all(token.kind is Kind.BREAK or is_in(token, *groups) for token in tokens)


def is_in(token: Token, *groups: str) -> bool:
    return token.kind is Kind.WORD and LEXICON.has_any(groups, token.low)


def is_question(tokens: Iterable[Token]) -> bool:
    return any(token.text == "?" for token in tokens)


def has_pair(tokens: Sequence[Token], group: str) -> bool:
    """Whether two words in a row are one of the group's pairs (`don pay`)."""
    return any(f"{one.low} {two.low}" in LEXICON.words(group) for one, two in pairwise(tokens))
