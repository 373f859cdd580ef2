"""Normalised text -> tokens: words, numbers, phones, e-mails, percentages, marks and the breaks between fields."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from decimal import Decimal

from .amounts import scan_number
from .lexicon import LEXICON
from .number_words import join_numbers
from .phones import find_phones
from .spoken_phones import join_spoken_phones
from .tokens import Kind, Number, Token

_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+")
_DATE = re.compile(r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}([/.-])\d{1,2}\1\d{2,4}|\d{1,2}/\d{1,2})(?![\w/=])")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?(?:%|percent\b|per cent\b)", re.IGNORECASE)
_GLUED_COUNT = re.compile(r"(\d{1,4})([A-Za-z]+)(?!\w)")  # 3pcs, 2bags
_NUMBERING = re.compile(r"\d{1,2}[.)](?= )")
_WORD = re.compile(r"\w+(?:['\-./&]\w+)*(?:'(?!\w))?")
_MARKS = "@+&/\"'=%"
_BREAKS = "|;:()[]{}<>•,\n?!"


def lex(text: str, home: str) -> list[Token]:
    """Tokens of a normalised text, with number words and spoken phones joined."""
    tokens = list(_scan(text, home))
    tokens = join_spoken_phones(tokens, text, home)
    tokens = [token for token in tokens if not _is_hesitation(token)]
    return _join_measures(join_numbers(tokens, text), text)


def _join_measures(tokens: Sequence[Token], text: str) -> list[Token]:
    """`5 kg` is a word of the item, as `5kg` is: no count and no price. `ten percent` is a percentage."""
    out: list[Token] = []
    for token in tokens:
        before = out[-1] if out else None
        measured = before is not None and before.number is not None and not before.number.marked
        if before and measured and token.kind is Kind.WORD and LEXICON.has_exactly("measure", token.low):
            out[-1] = _token(Kind.WORD, text, before.start, token.end)
        elif before and measured and token.low in {"percent", "%"}:
            out[-1] = _token(Kind.PERCENT, text, before.start, token.end, number=before.number)
        else:
            out.append(token)
    return out


def _is_hesitation(token: Token) -> bool:
    return token.kind is Kind.WORD and LEXICON.has_exactly("hesitation", token.low)


def _scan(text: str, home: str) -> Iterator[Token]:
    emails = [(match.start(), match.end()) for match in _EMAIL.finditer(text)] if "@" in text else []
    phones = {phone.start: phone for phone in find_phones(text, home) if not _inside(phone.start, emails)}
    starts = dict(emails)
    at = 0
    while at < len(text):
        if phone := phones.get(at):
            token = _token(Kind.PHONE, text, at, phone.end, phone=phone.e164)
        elif end := starts.get(at):
            token = _token(Kind.EMAIL, text, at, end)
        else:
            found = _other(text, at)
            if found is None:
                at += 1
                continue
            token = found
        yield from _hyphenated(token, text)
        at = token.end


def _hyphenated(token: Token, text: str) -> Iterator[Token]:
    """`forty-five` is two number words; any other word with a hyphen stays one."""
    parts = token.low.split("-") if token.kind is Kind.WORD else []
    if len(parts) < 2 or not all(part == "and" or _is_number_word(part) for part in parts):  # noqa: PLR2004 - a hyphen between two
        yield token
        return
    at = token.start
    for part in parts:
        yield _token(Kind.WORD, text, at, at + len(part))
        at += len(part) + 1


def _is_number_word(part: str) -> bool:
    return LEXICON.value("numbers", part) is not None or LEXICON.value("scales", part) is not None


def _inside(at: int, spans: list[tuple[int, int]]) -> bool:
    index = bisect_left(spans, (at + 1, 0)) - 1
    return index >= 0 and spans[index][0] <= at < spans[index][1]


def _token(
    kind: Kind, text: str, start: int, end: int, *, number: Number | None = None, phone: str | None = None
) -> Token:
    raw = text[start:end]
    return Token(kind, raw, raw.lower(), start, end, number, phone)


def _other(text: str, at: int) -> Token | None:
    char = text[at]
    if char == " ":
        return None
    if char in _BREAKS or char in ".-*~_":
        return _punctuation(text, at)
    if char.isdecimal() and (token := _digits(text, at)):
        return token
    if found := scan_number(text, at):
        return _token(Kind.NUMBER, text, at, found.end, number=found.number)
    if match := _WORD.match(text, at):
        return _word(text, match)
    return _token(Kind.MARK, text, at, at + 1) if char in _MARKS else None


def _word(text: str, match: re.Match[str]) -> Token:
    raw = match[0]
    if raw.lower() == "x":
        return _token(Kind.MARK, text, match.start(), match.end())
    if raw[0] in "xX" and raw[1:].isdecimal():
        return _token(Kind.MARK, text, match.start(), match.start() + 1)
    dotted = LEXICON.has_exactly("title", raw.lower()) and text[match.end() : match.end() + 1] == "."
    return _token(Kind.WORD, text, match.start(), match.end() + dotted)


def _digits(text: str, at: int) -> Token | None:
    """What may start with a digit before it is a number: numbering of a list, a date, a percentage."""
    line_start = at == 0 or text[:at].rstrip(" ")[-1:] in {"\n", ""}
    if line_start and (match := _NUMBERING.match(text, at)):
        return _token(Kind.BREAK, text, at, match.end())
    if (match := _GLUED_COUNT.match(text, at)) and LEXICON.has_exactly("counted", match[2].lower()):
        return _token(Kind.NUMBER, text, at, match.end(1), number=Number(Decimal(match[1])))
    if match := _DATE.match(text, at):
        return _token(Kind.WORD, text, at, match.end())
    if match := _PERCENT.match(text, at):
        return _token(Kind.PERCENT, text, at, match.end(), number=Number(Decimal(match[1])))
    return None


def _punctuation(text: str, at: int) -> Token | None:
    char = text[at]
    if char == "." and text[at + 1 : at + 2].strip():
        return None
    if char in "*~_" and text[at + 1 : at + 2] != " ":
        return None  # WhatsApp's bold, struck and italic
    return _token(Kind.BREAK, text, at, at + 1)
