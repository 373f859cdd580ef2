"""Date expressions: `friday`, `next week`, `in 3 days`, `end of month`, `5 march`, `05/03` (day first), `the 15th`.

Whether a date is a due date is `due.py`'s matter. A date that can be read in two ways, does not exist, is past or is a
span of days has `day` None: a question.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from .lexicon import LEXICON
from .tokens import Kind, Token, is_word

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\Z")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{2}|\d{4}))?\Z")
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)\Z")
_CLOCK = re.compile(r"\d{1,2}(?:[:.]\d{2})?(?:am|pm)\Z|\d{1,2}:\d{2}\Z")
_FARTHEST_DAYS = 3650
_DECEMBER = 12


@dataclass(frozen=True, slots=True)
class DateRead:
    """A date read from tokens; `end` is the index after it."""

    day: date | None
    end: int


def read_date(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    """The date that starts at token `at`, or None when none does. A second date as an alternative is a question."""
    found = _one_date(tokens, at, today)
    if found is None:
        return None
    found = _skip_clock(tokens, found)
    after = found.end
    if after < len(tokens) and _alternative(tokens[after]):
        other = _one_date(tokens, after + 1, today)
        if other:
            return _skip_clock(tokens, DateRead(None, other.end))
    return found


def _one_date(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    if at < len(tokens) and is_word(tokens[at], "the", "this", "coming"):
        at += 1
    if at >= len(tokens):
        return None
    for reader in _READERS:
        if found := reader(tokens, at, today):
            return found
    return None


def _alternative(token: Token) -> bool:
    return is_word(token, "or", "to", "and", "till") or (token.kind is Kind.BREAK and token.text == "-")


def _skip_clock(tokens: Sequence[Token], found: DateRead) -> DateRead:
    """A clock time says nothing about the day: `by 5pm`, `12 noon`."""
    end = found.end
    at = end + 1 if end < len(tokens) and is_word(tokens[end], "by", "at", "before", "in", "the") else end
    if at < len(tokens) and is_word(tokens[at], "the"):
        at += 1
    seen = False
    while at < len(tokens) and is_clock(tokens, at):
        at += 1
        seen = True
    return DateRead(found.day, at) if seen else found


def is_clock(tokens: Sequence[Token], at: int) -> bool:
    """Whether a time of day stands at `at`: `5pm`, `17:00`, `noon`."""
    token = tokens[at]
    if token.kind is Kind.NUMBER:
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        return following is not None and following.kind is Kind.WORD and LEXICON.has_exactly("clock", following.low)
    return token.kind is Kind.WORD and (LEXICON.has_exactly("clock", token.low) or bool(_CLOCK.match(token.low)))


def _word(tokens: Sequence[Token], at: int, group: str) -> bool:
    return at < len(tokens) and tokens[at].kind is Kind.WORD and LEXICON.has(group, tokens[at].low)


def _value(tokens: Sequence[Token], at: int, table: str) -> int | None:
    if at >= len(tokens) or tokens[at].kind is not Kind.WORD:
        return None
    value = LEXICON.value(table, tokens[at].low)
    return None if value is None else int(value)


def _count(tokens: Sequence[Token], at: int) -> int | None:
    """A whole number in digits or words."""
    if at >= len(tokens):
        return None
    number = tokens[at].number
    if tokens[at].kind is not Kind.NUMBER or number is None or number.value is None or number.marked:
        return 1 if is_word(tokens[at], "a", "one") else None
    return int(number.value) if number.value == int(number.value) else None


def _near(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    if _word(tokens, at, "today"):
        return DateRead(today, at + 1)
    if is_word(tokens[at], "next") and _word(tokens, at + 1, "tomorrow"):
        return DateRead(today + timedelta(2), at + 2)
    if is_word(tokens[at], "day") and at + 1 < len(tokens) and is_word(tokens[at + 1], "after"):
        return DateRead(today + timedelta(2), at + 3) if _word(tokens, at + 2, "tomorrow") else None
    return DateRead(today + timedelta(1), at + 1) if _word(tokens, at, "tomorrow") else None


def _weekday(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    following_week = is_word(tokens[at], "next")
    at += following_week
    day = _value(tokens, at, "weekdays")
    if day is None:
        return None
    if following_week:
        return DateRead(today + timedelta(7 - today.weekday() + day), at + 1)
    named = today + timedelta((day - today.weekday() - 1) % 7 + 1)
    full = _one_of(tokens, at + 1, today, (_day_month, _month_day, _numeric, _ordinal))
    if full is None:
        return DateRead(named, at + 1)
    agrees = full.day is not None and full.day.weekday() == day
    return DateRead(full.day if agrees else None, full.end)


def _one_of(tokens: Sequence[Token], at: int, today: date, readers: Sequence["_Reader"]) -> DateRead | None:
    if at >= len(tokens):
        return None
    return next((found for reader in readers if (found := reader(tokens, at, today))), None)


def _after_a_while(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    if is_word(tokens[at], "next") and _word(tokens, at + 1, "weeks"):
        return DateRead(today + timedelta(7), at + 2)
    count = _count(tokens, at)
    if count is None:
        return None
    if _word(tokens, at + 1, "days") or _word(tokens, at + 1, "weeks"):
        days = count * (7 if _word(tokens, at + 1, "weeks") else 1)
        end = at + 2
        while end < len(tokens) and is_word(tokens[end], "time", "from", "now", "today"):
            end += 1
        return DateRead(today + timedelta(days) if days <= _FARTHEST_DAYS else None, end)
    return DateRead(None, at + 2) if _word(tokens, at + 1, "month_word") or _plain(tokens, at + 1, "months") else None


def _plain(tokens: Sequence[Token], at: int, *words: str) -> bool:
    return at < len(tokens) and is_word(tokens[at], *words)


def _month_end(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    """`month end`, `end of month`, `end of december`; an end of anything else is a question."""
    this_month = _last_of(today.year, today.month)
    if is_word(tokens[at], "eom"):
        return DateRead(this_month, at + 1)
    if is_word(tokens[at], "month") and _plain(tokens, at + 1, "end", "ending"):
        return DateRead(this_month, at + 2)
    if not is_word(tokens[at], "end", "ending"):
        return None
    at += 1
    while _plain(tokens, at, "of", "the", "this"):
        at += 1
    return _end_of(tokens, at, today)


def _end_of(tokens: Sequence[Token], at: int, today: date) -> DateRead:
    later = _plain(tokens, at, "next")
    if _word(tokens, at + later, "month_word"):
        month_start = today.replace(day=1) + timedelta(32 * later)
        return DateRead(_last_of(month_start.year, month_start.month), at + later + 1)
    month = _value(tokens, at, "months")
    if month is None:
        return DateRead(None, at + 1)
    year, end = _year(tokens, at + 1)
    year = year or (today.year if month >= today.month else today.year + 1)
    return DateRead(_last_of(year, month), end)


def _last_of(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def _year(tokens: Sequence[Token], at: int) -> tuple[int | None, int]:
    at_year = at + 1 if at < len(tokens) and tokens[at].text == "," else at
    year = _count(tokens, at_year)
    if year is not None and 2000 <= year < 2100 and tokens[at_year].text.isdecimal():  # noqa: PLR2004 - a year
        return year, at_year + 1
    return None, at


def _day_number(tokens: Sequence[Token], at: int) -> int | None:
    if at >= len(tokens):
        return None
    if tokens[at].kind is Kind.WORD and (match := _ORDINAL.match(tokens[at].low)):
        return int(match[1])
    count = _count(tokens, at)
    return count if tokens[at].kind is Kind.NUMBER and count is not None and count < 100 else None  # noqa: PLR2004 - two digits


def _day_month(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    day = _day_number(tokens, at)
    if day is None:
        return None
    at += 2 if _plain(tokens, at + 1, "of") else 1
    month = _value(tokens, at, "months")
    if month is None:
        return None
    year, end = _year(tokens, at + 1)
    return DateRead(_calendar(year, month, day, today), end)


def _month_day(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    month = _value(tokens, at, "months")
    if month is None:
        return None
    at += 2 if _plain(tokens, at + 1, "the") else 1
    day = _day_number(tokens, at)
    if day is None:
        return DateRead(None, at)
    year, end = _year(tokens, at + 1)
    return DateRead(_calendar(year, month, day, today), end)


def _numeric(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    if match := _ISO.match(tokens[at].text):
        return DateRead(_calendar(int(match[1]), int(match[2]), int(match[3]), today), at + 1)
    if tokens[at].kind is Kind.WORD and (match := _DAY_FIRST.match(tokens[at].text)):
        year = int(match[3]) if match[3] else None
        year = year + 2000 if year is not None and year < 100 else year  # noqa: PLR2004 - two digits
        return DateRead(_calendar(year, int(match[2]), int(match[1]), today), at + 1)
    return None


def _ordinal(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:
    match = _ORDINAL.match(tokens[at].low) if tokens[at].kind is Kind.WORD else None
    if match is None:
        return None
    day = int(match[1])
    if not 1 <= day <= 31:  # noqa: PLR2004 - days of the longest month
        return DateRead(None, at + 1)
    year, month = today.year, today.month
    while day > monthrange(year, month)[1] or date(year, month, day) <= today:
        year, month = (year + 1, 1) if month == _DECEMBER else (year, month + 1)
    return DateRead(date(year, month, day), at + 1)


def _span(tokens: Sequence[Token], at: int, today: date) -> DateRead | None:  # noqa: ARG001 - same shape as the others
    end = at + 1 if is_word(tokens[at], "next", "this", "last") else at
    return DateRead(None, end + 1) if _word(tokens, end, "span") else None


def _calendar(year: int | None, month: int, day: int, today: date) -> date | None:
    """The day, or None when it does not exist or is past. Without a year: this year, or the next if the day is past."""
    if not 1 <= month <= _DECEMBER:
        return None
    if year is not None:
        found = _existing(year, month, day)
        return found if found and found >= today else None
    return _existing(today.year + ((month, day) < (today.month, today.day)), month, day)


def _existing(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if year and 1 <= day <= monthrange(year, month)[1] else None


_Reader = Callable[[Sequence[Token], int, date], DateRead | None]
_READERS: tuple[_Reader, ...] = (
    _near, _weekday, _after_a_while, _month_end, _day_month, _month_day, _numeric, _ordinal, _span,
)  # fmt: skip
