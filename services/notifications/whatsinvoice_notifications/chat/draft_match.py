"""Which line of a draft some words mean."""

from collections.abc import Sequence

from .lexicon import LEXICON
from .readings import Draft, Line
from .tokens import Kind, Token


def match_line(tokens: Sequence[Token], draft: Draft) -> Line | None:
    """The one line the words name, singular or plural; None when it is none or several."""
    words = [_stem(token.low) for token in tokens if token.kind is not Kind.BREAK and not _is_small(token)]
    if not words:
        return None
    described = [(line, [_stem(word) for word in line.description.lower().split()]) for line in draft.lines]
    exact = [line for line, own in described if own == words]
    within = [line for line, own in described if set(words) <= set(own)]
    found = exact or within
    return found[0] if len(found) == 1 else None


def _is_small(token: Token) -> bool:
    return token.kind is Kind.WORD and LEXICON.has_exactly("article", token.low)


def _stem(word: str) -> str:
    for ending, kept in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2 and not word.endswith("ss"):
            return word.removesuffix(ending) + kept
    return word
