"""Numbers as people write money and counts: `75,000.50`, `₦75k`, `R1 200`, `5000/=`, `20-25k`.

Values are exact decimals in whole units. A number that can be read in two ways has `value` None.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from .tokens import FOREIGN, Number

MAX_MINOR = 10**13  # domain: the largest document
_MINOR = 100
_LONGEST = 20  # digits, far above the largest document

_SIGNS = {
    "₦": "NGN", "#": "NGN", "n": "NGN", "naira": "NGN", "ngn": "NGN",
    "$": "USD", "us$": "USD", "usd": "USD",
    "gh₵": "GHS", "ghc": "GHS", "ghs": "GHS", "gh¢": "GHS", "₵": "GHS", "¢": "GHS",
    "ksh": "KES", "kes": "KES", "kshs": "KES",
    "r": "ZAR", "zar": "ZAR",
    "£": FOREIGN, "€": FOREIGN, "¥": FOREIGN, "₹": FOREIGN, "gbp": FOREIGN, "eur": FOREIGN,
}  # fmt: skip
_SCALES = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000, "bn": 1_000_000_000}
_SPACED = r"us\$|gh[₵¢]|[₦$£€¥₹₵¢]|ngn|usd|gh[sc]|kshs?\.?|kes|zar|gbp|eur"
_SIGN = rf"(?P<sign>(?:{_SPACED})\s?|[#nr](?=\d))"
_DIGITS = r"\d+(?:[.,]\d+)*"
_END = r"(?:/[=-]|=(?!\w))?(?:(?![\w%]|[.,/]\d|-\w)|(?=[x](?![^\W\d])))"
_NUMBER = re.compile(
    rf"(?:(?P<naira>{_SIGN})(?P<grouped>\d{{1,3}}(?: \d{{3}})+(?:\.\d\d)?)(?![\w,]))"
    rf"|(?:(?P<prefix>{_SIGN.replace('sign', 'sign2')})?(?P<digits>{_DIGITS})(?P<scale>k|m|bn|b)?"
    rf"(?P<word>naira|ngn|usd|ghs|kes|zar)?{_END})",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"(?:{_SIGN})?{_DIGITS}[km]?(?P<dash>[-/]|\s?~\s?)(?:{_SIGN.replace('sign', 'sign2')})?{_DIGITS}[km]?{_END}",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?\Z")
_PLAIN = re.compile(r"\d+(?:\.\d{1,2})?\Z")
_SCALED = re.compile(r"\d{1,3}(?:\.\d+)?\Z")
_KOBO = re.compile(r"\.\d\d\Z")


@dataclass(frozen=True, slots=True)
class Found:
    number: Number
    end: int


def scan_number(text: str, at: int) -> Found | None:
    """The number that starts at `at`, with its sign and scale; None when none starts there."""
    if spread := _RANGE.match(text, at):
        currency = _currency(spread["sign"])
        return Found(Number(None, currency, marked=True), spread.end())
    match = _NUMBER.match(text, at)
    if match is None:
        return None
    if match["grouped"]:
        value: Decimal | None = Decimal(match["grouped"].replace(" ", ""))
        return Found(Number(value, _currency(match["sign"]), marked=True), match.end())
    currency = _currency(match["sign2"] or match["word"])
    scale = (match["scale"] or "").lower()
    value = _value(match["digits"], scale)
    return Found(Number(value, currency, marked=bool(currency or scale)), match.end())


def _currency(sign: str | None) -> str | None:
    return _SIGNS[sign.strip().rstrip(".").lower()] if sign else None


def _value(digits: str, scale: str) -> Decimal | None:
    if len(digits) > _LONGEST:
        return None
    if scale:
        # `75,000.00k` writes its thousands out, and `k` may stand for kobo: which amount it is has to be asked.
        clear = bool(_SCALED.match(digits)) and not (scale == "k" and _KOBO.search(digits))
    else:
        clear = bool(_PLAIN.match(digits) or _THOUSANDS.match(digits))
    if not clear:
        return None
    return Decimal(digits.replace(",", "")) * _SCALES.get(scale, 1)


def to_minor(value: Decimal | None) -> int | None:
    """Whole units -> minor units; None for what is no price: unclear, zero, beyond the largest document, or finer
    than the minor unit.
    """
    if value is None:
        return None
    minor = value * _MINOR
    if not 0 < minor <= MAX_MINOR or minor != minor.to_integral_value(ROUND_DOWN):
        return None
    return int(minor)


def quantity_text(value: Decimal) -> str:
    """A decimal string without trailing zeros or exponent."""
    return f"{value.normalize():f}"
