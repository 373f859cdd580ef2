"""Politeness around a message: what may be dropped at its ends without changing what it says."""

from collections.abc import Sequence

from .lexicon import LEXICON
from .tokens import Kind, Token


def trim(tokens: Sequence[Token]) -> list[Token]:
    """Without courtesy and breaks at both ends. A message that is nothing else comes back empty."""
    end = len(tokens)
    while end and (_is_courtesy(tokens[end - 1]) or _ends_thanks(tokens, end)):
        end -= 1
    begin = 0
    while begin < end and _is_courtesy(tokens[begin]):
        begin += 1
    return list(tokens[begin:end])


def trim_greeting(tokens: Sequence[Token]) -> list[Token]:
    """Without a greeting in front of something else: the command wins."""
    at = 0
    if not is_greeting(tokens[:1]) and not (len(tokens) > 1 and tokens[0].low == "good" and is_greeting(tokens[:2])):
        return list(tokens)
    while at < len(tokens) and _greets(tokens[at]):
        at += 1
    return trim(tokens[at:]) or list(tokens)


def is_greeting(tokens: Sequence[Token]) -> bool:
    """Nothing but a greeting: `hi there`, `good morning`, `how far boss`."""
    words = [token for token in tokens if token.kind is not Kind.BREAK]
    if not words or any(not _greets(token) for token in words):
        return False
    phrase = " ".join(token.low for token in words)
    return any(LEXICON.has_exactly("greeting", token.low) for token in words) or any(
        phrase.startswith(opening) for opening in LEXICON.words("greeting_phrase")
    )


def _greets(token: Token) -> bool:
    return token.kind is Kind.BREAK or _in(token, "greeting", "greeting_filler", "courtesy")


def _is_courtesy(token: Token) -> bool:
    return token.kind is Kind.BREAK or _in(token, "courtesy")


def _ends_thanks(tokens: Sequence[Token], end: int) -> bool:
    """`thank you`: `you` is courtesy only behind thanks."""
    return end > 1 and tokens[end - 1].low in {"you", "much", "alot"} and tokens[end - 2].low in {"thank", "so", "very"}


def _in(token: Token, *groups: str) -> bool:
    return token.kind is Kind.WORD and any(LEXICON.has_exactly(group, token.low) for group in groups)
