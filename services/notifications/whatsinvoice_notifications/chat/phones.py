"""Phone numbers: where they stand in a text, and their E.164 form.

A number that cannot be read as written (too short, foreign without a plus) is still found, with `e164` None: a phone,
valid or not, is never an amount, and is never completed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers
from whatsinvoice_kit.phones import read_phone

# Mobile numbers without their leading zero, for homes where a bare national number may be told from an amount.
_HOME_MOBILE = {"NG": re.compile(r"(?:70|80|81|90|91)\d{8}\Z")}
_SEPARATORS = r"[ .\-()]{0,3}"
_CANDIDATE = re.compile(
    r"(?<![\w₦$£€¥#@.,/])(?<![₦$£€¥#] )(?P<lead>(?:https?://)?wa\.me/|tel:[ ]?)?"
    rf"(?P<number>\(?\+?(?:\(0\)|\d)(?:{_SEPARATORS}\d){{0,24}})",
    re.IGNORECASE,
)
_GROUP = re.compile(r"\d+")
_MORE_OF_A_WORD = re.compile(r"[\w@%]|[,/:]\d")
_DATE = re.compile(r"(?:\d{1,2}([.-])\d{1,2}\1\d{2,4}|\d{4}-\d\d-\d\d)(?![\d.-])")
_SHORTEST = 7
_LONGEST_HOME = 11


@dataclass(frozen=True, slots=True)
class Phone:
    start: int
    end: int
    e164: str | None


def find_phones(text: str, home: str) -> Iterator[Phone]:
    """Phones written in digits, left to right. `home` is an ISO 3166 country code."""
    at = 0
    while found := _CANDIDATE.search(text, at):
        phone = _phone_in(text, found, home)
        at = phone.end if phone else _next_start(text, found)
        if phone:
            yield phone


def _next_start(text: str, found: re.Match[str]) -> int:
    group = _GROUP.search(text, found.start("number"))
    return group.end() if group else found.end()


def _phone_in(text: str, found: re.Match[str], home: str) -> Phone | None:
    start = found.start("number")
    prefixes = _prefixes(text, start, found.end())
    if not prefixes or _DATE.match(text, start):
        return None
    explicit = "wa.me" in (found["lead"] or "").lower() or "+" in text[start : start + 2]
    for digits, end in reversed(prefixes):
        if (explicit or _starts_like_a_phone(text, start, digits)) and (e164 := to_e164(digits, home, plus=explicit)):
            if not e164.startswith(f"+{_home_code(home)}") and _may_end_earlier(text, start, digits, end):
                return Phone(found.start(), prefixes[-2][1] if end == prefixes[-1][1] else end, None)
            return Phone(found.start(), _past_bracket(text, start, end), e164)
    return _unreadable(text, found, prefixes, explicit=explicit)


def _prefixes(text: str, start: int, end: int) -> list[tuple[str, int]]:
    """The digits so far and where they end, after each group: an amount may stand right behind a phone."""
    prefixes: list[tuple[str, int]] = []
    digits = ""
    for group in _GROUP.finditer(text, start, end):
        if _MORE_OF_A_WORD.match(text, group.end()):
            break
        digits += group[0]
        prefixes.append((digits, group.end()))
    return prefixes


def _past_bracket(text: str, start: int, end: int) -> int:
    return end + 1 if text[start] == "(" and text[end : end + 1] == ")" else end


def _starts_like_a_phone(text: str, start: int, digits: str) -> bool:
    """Digits without plus or zero only count from a group of three up: `80 200` is a count and something else."""
    group = _GROUP.search(text, start)
    return digits[0] == "0" or (group is not None and len(group[0]) > 2)  # noqa: PLR2004 - three digits


def _unreadable(text: str, found: re.Match[str], prefixes: list[tuple[str, int]], *, explicit: bool) -> Phone | None:
    wanted = 11 if prefixes[0][0].startswith("0") else 13
    digits, end = min(prefixes, key=lambda prefix: abs(len(prefix[0]) - wanted))
    start = found.start("number")
    is_phone = explicit or (digits[0] == "0" and len(digits) >= _SHORTEST) or _looks_miscounted(digits)
    return Phone(found.start(), _past_bracket(text, start, end), None) if is_phone else None


def _looks_miscounted(digits: str) -> bool:
    """A home mobile with one digit short or long; a round figure is an amount instead."""
    if digits.endswith("000"):
        return False
    national = len(digits) in {9, 11} and digits[:2] in {"70", "80", "81", "90", "91"}
    return national or (len(digits) in {12, 14} and digits.startswith("234"))


def to_e164(digits: str, home: str, *, plus: bool = False) -> str | None:
    """Return the E.164 form of digits as the API reads them. `plus`: they were written with their plus.

    At home, digits without plus and zero count only when they can be a mobile: anything else may be an amount.
    """
    bare = not plus and digits[:1] != "0" and not digits.startswith(_home_code(home))
    pattern = _HOME_MOBILE.get(home)
    if bare and (not _SHORTEST < len(digits) < _LONGEST_HOME or (pattern and not pattern.match(digits))):
        return None
    return read_phone(f"+{digits}" if plus else digits, home)


def _home_code(home: str) -> str:
    return str(phonenumbers.country_code_for_region(home))


def _may_end_earlier(text: str, start: int, digits: str, end: int) -> bool:
    """`+49 1512 345678 2 mugs`: a last group of one or two digits behind a longer one may be a count."""
    groups = _GROUP.findall(text, start, end)
    if len(groups) < 3 or len(groups[-1]) > 2 or len(groups[-2]) <= 2:  # noqa: PLR2004 - code, number, count
        return False
    shorter = digits.removeprefix("00")[: -len(groups[-1])]
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(f"+{shorter}"))
    except phonenumbers.NumberParseException:
        return False
