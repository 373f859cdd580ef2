"""Phone numbers dictated digit by digit: `zero eight oh three double five …`."""

from collections.abc import Sequence

from .lexicon import LEXICON
from .phones import to_e164
from .tokens import Kind, Token

_SHORTEST = 7  # fewer digit words in a row are counts, not a phone


def join_spoken_phones(tokens: Sequence[Token], text: str, home: str) -> list[Token]:
    """Runs of digit words become one PHONE token, unreadable ones without a number."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        ends = _digit_run(tokens, at)
        if not ends or len(ends[-1][0]) < _SHORTEST:
            out.append(tokens[at])
            at += 1
            continue
        digits, end = next((run for run in ends if to_e164(run[0], home)), ends[-1])
        raw = text[tokens[at].start : tokens[end - 1].end]
        e164 = to_e164(digits, home)
        out.append(Token(Kind.PHONE, raw, raw.lower(), tokens[at].start, tokens[end - 1].end, phone=e164))
        at = end
    return out


def _digit_run(tokens: Sequence[Token], at: int) -> list[tuple[str, int]]:
    """The digits so far and the token after them, for each step of the run that starts at `at`."""
    run: list[tuple[str, int]] = []
    digits = ""
    while at < len(tokens):
        repeat = LEXICON.value("repeats", tokens[at].low) if tokens[at].kind is Kind.WORD else None
        at += 1 if repeat else 0
        digit = _digit(tokens[at]) if at < len(tokens) else None
        if digit is None:
            break
        digits += digit * (repeat or 1)
        at += 1
        run.append((digits, at))
    return run


def _digit(token: Token) -> str | None:
    if token.kind is Kind.NUMBER:
        return token.text if len(token.text) == 1 and token.text.isdecimal() else None
    digit = LEXICON.value("digits", token.low) if token.kind is Kind.WORD else None
    return str(digit) if digit is not None else None
