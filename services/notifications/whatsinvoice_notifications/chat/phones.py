"""Phone numbers: where they stand in a text, and their E.164 form.

A number that cannot be read as written (too short, foreign without a plus) is still found, with `e164` None: a phone,
valid or not, is never an amount, and is never completed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

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
            return Phone(found.start(), _past_bracket(text, start, end), e164)
    if explicit or prefixes[0][0].startswith("00"):
        for digits, end in reversed(prefixes):
            if e164 := _foreign(digits.removeprefix("00"), home):
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


@lru_cache(maxsize=4096)
def to_e164(digits: str, home: str, *, plus: bool = False) -> str | None:
    """The E.164 form of the digits when they are a valid number, else None. `plus`: it was written with its plus."""
    if digits.startswith("00"):
        digits, plus = digits[2:], True
    code = str(phonenumbers.country_code_for_region(home))
    if digits.startswith(code) and (national := _national(digits[len(code) :].removeprefix("0"), home)):
        return f"+{code}{national}"
    if plus:
        return f"+{digits}" if phonenumbers.is_valid_number(_parsed(digits)) else None
    national = _national(digits.removeprefix("0"), home)
    return f"+{code}{national}" if national else None


def _parsed(digits: str) -> phonenumbers.PhoneNumber:
    for length in (1, 2, 3):
        code = int(digits[:length] or "0")
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return phonenumbers.PhoneNumber(country_code=code, national_number=int(digits[length : length + 15] or "0"))
    return phonenumbers.PhoneNumber()


def _foreign(digits: str, home: str) -> str | None:
    """A foreign number of a possible length: its ranges may be newer than our table of them."""
    if digits.startswith(str(phonenumbers.country_code_for_region(home))):
        return None
    return f"+{digits}" if phonenumbers.is_possible_number(_parsed(digits)) else None


def _national(digits: str, home: str) -> str | None:
    if pattern := _HOME_MOBILE.get(home):
        return digits if pattern.match(digits) else None
    if not 8 <= len(digits) <= 10:  # noqa: PLR2004 - the spread of national numbers
        return None
    number = phonenumbers.PhoneNumber(
        country_code=phonenumbers.country_code_for_region(home), national_number=int(digits)
    )
    return digits if phonenumbers.is_valid_number_for_region(number, home) else None
