"""The due date of a message: a due word and the date beside it, taken out wherever they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from .dates import is_clock, read_date
from .lexicon import LEXICON
from .tokens import Kind, Token, gap_of, is_word

_MOST_LINKS = 8  # between a due word and its date; bounds the work on a wall of due words
_FARTHEST_PAYER = 16  # from the first word of a date to the `pay` it belongs to


@dataclass(frozen=True, slots=True)
class Due:
    """`said`: the message speaks of a due date; `day` None while `said` is a question."""

    said: bool
    day: date | None
    rest: list[Token]


@dataclass(frozen=True, slots=True)
class _Phrase:
    start: int
    end: int
    day: date | None


def take_due(tokens: Sequence[Token], today: date) -> Due:
    """Find every due phrase; two that disagree are a question. `rest` has a gap where each phrase stood."""
    rest: list[Token] = []
    days: list[date | None] = []
    at = 0
    while at < len(tokens):
        phrase = _phrase_at(tokens, at, today)
        if phrase is None:
            rest.append(tokens[at])
            at += 1
            continue
        rest.append(gap_of(tokens[phrase.start : phrase.end]))
        days.append(phrase.day)
        at = phrase.end
    return Due(bool(days), days[0] if len(set(days)) == 1 else None, rest)


def _phrase_at(tokens: Sequence[Token], at: int, today: date) -> _Phrase | None:
    start = at
    if _has(tokens, at, "due_link") or is_word(tokens[at], "and", "make", "with"):
        at += 1  # `na today e suppose pay`, `make e pay by friday`
    if behind := _date_then_lead(tokens, start, at, today):
        return behind
    lead = _lead_end(tokens, start)
    if lead is None:
        return None
    after = lead
    while after - lead < _MOST_LINKS and _links(tokens, after):
        after += 1
    if is_word(tokens[after - 1], "net") and (terms := _net_days(tokens, after)) is not None:
        return _Phrase(start, after + 1, today + timedelta(terms))
    for begin in range(after, lead - 1, -1):
        # `the` and `in` are links and may begin a date, so the longest run of links that leaves one is taken.
        if begin < len(tokens) and (found := read_date(tokens, begin, today)):
            return _Phrase(start, found.end, found.day)
    if _has(tokens, start, "strict_due"):
        return _Phrase(start, lead, None)
    return None


def _net_days(tokens: Sequence[Token], at: int) -> int | None:
    """`net 30`: payable thirty days from today."""
    number = tokens[at].number if at < len(tokens) and tokens[at].kind is Kind.NUMBER else None
    if at + 1 < len(tokens) and (
        tokens[at + 1].text in {"@", "x"} or is_word(tokens[at + 1], "at", "each", "per", "for")
    ):
        return None  # `mosquito net 30 at 500`
    if number is None or number.value is None or number.is_price or number.value != int(number.value):
        return None
    return int(number.value)


def _links(tokens: Sequence[Token], at: int) -> bool:
    if at >= len(tokens):
        return False
    return (
        is_clock(tokens, at)
        or _has(tokens, at, "due_link")
        or tokens[at].text in {":", "-", "="}
        or _has(tokens, at, "due")
    )


def _has(tokens: Sequence[Token], at: int, group: str) -> bool:
    return at < len(tokens) and tokens[at].kind is Kind.WORD and LEXICON.has(group, tokens[at].low)


def _lead_end(tokens: Sequence[Token], at: int) -> int | None:
    """The index after a due lead that starts at `at`: `due`, `pay by`, `make e pay`, `e suppose pay`."""
    if is_word(tokens[at], "and", "with") and at + 1 < len(tokens):
        at += 1
    if is_word(tokens[at], "payment", "to", "not", "on") and _lead_word(tokens, at + 1):
        return at + 2
    if is_word(tokens[at], "on") and at + 2 < len(tokens) and is_word(tokens[at + 1], "or"):
        return at + 3 if is_word(tokens[at + 2], "before") else None
    if _lead_word(tokens, at):
        return at + 1
    if _has(tokens, at, "pays") and at + 1 < len(tokens) and is_word(tokens[at + 1], "by", "on", "before", "within"):
        return at + 2
    return _payer_end(tokens, at)


def _lead_word(tokens: Sequence[Token], at: int) -> bool:
    if at >= len(tokens) or tokens[at].kind is not Kind.WORD:
        return False
    return LEXICON.has("due", tokens[at].low)


def _payer_end(tokens: Sequence[Token], at: int) -> int | None:
    """`make e pay`, `e go pay`, `she suppose pay`, `make e settle am`."""
    made = is_word(tokens[at], "make")
    at += made
    if not _has(tokens, at, "who_pays"):
        return None
    at += 1
    helped = False
    while _has(tokens, at, "pays_helper"):
        at += 1
        helped = True
    if not _has(tokens, at, "pays") or not (helped or made):
        return None
    at += 1
    return at + 1 if _has(tokens, at, "pays_object") else at


def _date_then_lead(tokens: Sequence[Token], start: int, at: int, today: date) -> _Phrase | None:
    if not any(_has(tokens, later, "pays") for later in range(at, min(at + _FARTHEST_PAYER, len(tokens)))):
        return None
    for begin in {start, at}:
        found = read_date(tokens, begin, today) if begin < len(tokens) else None
        if found and found.end < len(tokens):
            end = _payer_end(tokens, found.end)
            if end is not None:
                return _Phrase(start, end, found.day)
    return None
