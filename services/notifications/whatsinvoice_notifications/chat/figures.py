"""The figures of a message, found by a scanner of its own: digits, number words, percentages and the words around them.

The grammar does not use it. `accounting` compares these figures with what the grammar read, so the two must not share
their mistakes. A shape that is not on the short list of plain shapes is `odd`: the bot asks about it.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from .lexicon import LEXICON


class Sort(Enum):
    AMOUNT = auto()  # a price or a count: only the rest of the message can tell
    PERCENT = auto()
    GLUED = auto()  # part of a word: `9inch`, `A4`, `2nd`
    ODD = auto()  # no plain shape, so no value


@dataclass(frozen=True, slots=True)
class Atom:
    """One word, mark, field break or figure. `sort` None: no figure."""

    low: str
    at: int
    sort: Sort | None = None
    value: Decimal | None = None
    marked: bool = False
    """Written as money: with a sign, a scale, a money word or thousands separators."""
    spoken: bool = False

    @property
    def is_break(self) -> bool:
        return self.low in BREAKS

    @property
    def is_word(self) -> bool:
        return self.sort is None and not self.is_break and self.low not in MARKS


BREAK = "\n"
GAP = "\0"
"""Where a phone, an e-mail, a due date or a list number stood."""
BREAKS = frozenset({BREAK, GAP, ",", ";", "(", ")", ":", "-", "|", ".", "minus-sign"})
MARKS = frozenset({"plus-sign", "@", "x", "*", "/", "=", "+", "&", "\N{MULTIPLICATION SIGN}"})

_SIGN = r"(?:us\$|gh[₵¢]|[₦$£€¥₹₵¢#]|ngn|usd|gh[sc]|kshs?\.?|kes|zar|gbp|eur|n|r)"
_MONEY_WORDS = r"(?:naira|ngn|usd|ghs|kes|zar)"
_THOUSANDS = r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?"
_PLAIN = re.compile(
    rf"(?P<sign>{_SIGN})?(?P<digits>{_THOUSANDS}|\d{{1,15}}(?:\.\d{{1,2}})?)(?P<word>{_MONEY_WORDS})?(?P<end>/=|/-|=)?"
)
_SCALED = re.compile(
    rf"(?P<sign>{_SIGN})?(?P<digits>\d{{1,3}}(?:\.\d{{1,3}})?)(?P<scale>k|m|bn|b)(?:{_MONEY_WORDS})?(?:/=|/-|=)?"
)
_KOBO = re.compile(r"\.\d\dk")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)%")
_COUNTED = re.compile(r"(\d{1,6})([a-z]{2,})")
_MEASURED = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)([a-z]+)")
_NAMED = re.compile(r"([a-z]+)-?(\d{1,4})(?:[a-z]{0,2})")
_ORDINAL = re.compile(r"\d{1,2}(?:st|nd|rd|th)")
_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}-\d\d-\d\d")
_ENDS_A_PRICE = r"(?=\s*(?:$|[\n,;.)|-]|for\b|each\b|per\b|only\b))"
_SPACED_GROUPS = re.compile(
    rf"(?<![\w])({_SIGN}\s?)(\d{{1,3}}(?: \d{{3}})+(?:\.\d\d)?)(?![\w,]){_ENDS_A_PRICE}", re.IGNORECASE
)
_SIGN_APART = re.compile(
    r"(?<!\w)((?:us\$|gh[₵¢]|[₦$£€¥₹₵¢]|ngn|usd|gh[sc]|kshs?\.?|kes|zar|gbp|eur|n))[ ](?=\d)", re.IGNORECASE
)
_TIMES = re.compile(r"(?<=\d)\s*[*\u00d7]\s*(?=\d)")
_PRODUCT = re.compile(r"(?<=\d)(x)(?=\d)", re.IGNORECASE)
_GLUED_X = re.compile(r"(?<![\w.])(?:x(\d+)|(\d+)x)(?![\w.])", re.IGNORECASE)
_OPEN_ENDED = re.compile(r"([\dkm])\+(?=[\s,;.)]|$)", re.IGNORECASE)
_PER = re.compile(r"(?<=[\dkm=])/(?=[^\W\d])", re.IGNORECASE)
_CHUNK = re.compile(r"[^\s()\[\]{}<>;|•?!\"@&+]+|[@&+]|[\n();|]")
_TRAIL = ".,:'*_~-"
_SCALES = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000, "bn": 1_000_000_000}
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "ninty": 90,
}  # fmt: skip
_WORDS_FOR_DIGITS = {word: value for value, word in enumerate(_UNITS)} | _TENS
_SCALE_WORDS = {
    "hundred": 100,
    "thousand": 1_000,
    "grand": 1_000,
    "k": 1_000,
    "million": 1_000_000,
    "mil": 1_000_000,
    "billion": 1_000_000_000,
}
_SLANG_SCALES = frozenset(
    {"mill", "mils", "mio", "thou", "thousands", "hundreds", "millions", "bil", "lakh", "crore", "bar", "tho", "kobo"}
)
_BEFORE_BARE_SCALE = frozenset(
    {"a", "an", "for", "at", "of", "na", "is", "each", "pay", "plus", "add", "total", "amount", "price", "about", "and"}
)


def figures_in(text: str, taken: Sequence[tuple[int, int]]) -> list[Atom]:
    """Return the atoms of a normalised text. `taken` spans (phones, e-mails, due dates) become gaps."""
    return list(_joined_words(list(_atoms(_blanked(text, taken)))))


def _blanked(text: str, taken: Sequence[tuple[int, int]]) -> str:
    chars = list(text)
    for start, end in taken:
        chars[start:end] = GAP * (end - start)
    text = "".join(chars)
    text = _SPACED_GROUPS.sub(lambda match: match[1].strip() + match[2].replace(" ", ""), text)
    text = _SIGN_APART.sub(r"\1", text)
    text = _TIMES.sub(" x ", text)
    text = _PRODUCT.sub(" x ", text)
    text = _GLUED_X.sub(lambda match: f" x {match[1]} " if match[1] else f" {match[2]} x , ", text)
    text = _OPEN_ENDED.sub(r"\1 plus-sign ", text)
    return _PER.sub(" / ", text)


def _atoms(text: str) -> Iterator[Atom]:
    yield Atom(BREAK, 0)
    listed = 0
    for line in re.split(r"(\n)", text):
        if line == "\n":
            yield Atom(BREAK, 0)
            continue
        numbering = re.match(r"\s*(\d{1,2})[.)](?= )", line)
        if numbering:
            listed += 1
            # a list counts from one; any other number there may be a count
            yield Atom(GAP, 0) if int(numbering[1]) == listed else Atom(numbering[1], 0, Sort.ODD)
        for match in _CHUNK.finditer(line, numbering.end() if numbering else 0):
            yield from _chunk(match[0].lower())


def _chunk(raw: str) -> Iterator[Atom]:
    if set(raw) <= {GAP}:
        yield Atom(GAP, 0)
        return
    if GAP in raw:
        for part in re.split(f"({GAP}+)", raw):
            if part:
                yield from _chunk(part)
        return
    core = raw.lstrip("-:='*_~.,")
    lead = raw[: len(raw) - len(core)]
    if lead:
        yield Atom("=" if "=" in lead else "minus-sign" if lead == "-" and core[:1].isdecimal() else "-", 0)
    body = core.rstrip(_TRAIL)
    tail = core[len(body) :]
    if body.endswith("/") and tail.startswith("-"):
        body, tail = body + "-", tail[1:]
    if body:
        yield from _body(body)
    if tail.strip("'*_~"):
        yield Atom("," if "," in tail else tail.strip("'*_~")[0], 0)


def _body(body: str) -> Iterator[Atom]:
    comma = re.search(r",(?=[^\W\d])|(?<=[^\W\d]),|=(?=\w)|:(?=[^\W\d])|(?<=[^\W\d]):|/(?=[^\W\d])", body)
    if comma:
        yield from _chunk(body[: comma.start()])
        yield Atom(comma[0], 0)
        yield from _chunk(body[comma.end() :])
    elif not any(unicodedata.numeric(char, None) is not None for char in body):
        parts = body.split("-")
        if len(parts) > 1 and all(_is_number_word(part) for part in parts):
            yield from (Atom(part, 0) for part in parts)
        elif any(
            _is_number_word(part.removeprefix("x")) or _is_number_word(part.removesuffix("x"))
            for part in parts
            if "x" in part and part != "six"
        ):
            yield Atom(body, 0, Sort.ODD)  # `xfive`, `twelvex`
        else:
            yield Atom(body, 0)
    else:
        yield _figure(body)


def _is_number_word(word: str) -> bool:
    return word in _WORDS_FOR_DIGITS or word in _SCALE_WORDS or word == "and"


def _figure(body: str) -> Atom:
    """Return one chunk with a digit in it, by its shape."""
    if match := _PLAIN.fullmatch(body):
        marked = bool(match["sign"] or match["word"] or match["end"] or "," in match["digits"])
        return Atom(body, 0, Sort.AMOUNT, Decimal(match["digits"].replace(",", "")), marked)
    if (match := _SCALED.fullmatch(body)) and not _KOBO.search(body):
        return Atom(body, 0, Sort.AMOUNT, Decimal(match["digits"]) * _SCALES[match["scale"]], marked=True)
    if match := _PERCENT.fullmatch(body):
        return Atom(body, 0, Sort.PERCENT, Decimal(match[1]))
    if _is_part_of_a_word(body):
        return Atom(body, 0, Sort.GLUED)
    if match := _COUNTED.fullmatch(body):
        return Atom(body, 0, Sort.AMOUNT, Decimal(match[1]))
    return Atom(body, 0, Sort.ODD)


def _is_part_of_a_word(body: str) -> bool:
    """`9inch`, `A4`, `2nd`, a full date; three digits behind a name may be a price, save behind a model's name."""
    if _ORDINAL.fullmatch(body) or _DATE.fullmatch(body) or body in {"3d", "2d", "4g", "5g", "7up"}:
        return True
    if (match := _MEASURED.fullmatch(body)) and LEXICON.has_exactly("measure", match[2]):
        return True
    match = _NAMED.fullmatch(body)
    short = match is not None and len(match[2]) < 3  # noqa: PLR2004 - see above
    return match is not None and (short or LEXICON.has_exactly("numbered", match[1]))


def _joined_words(atoms: Sequence[Atom]) -> Iterator[Atom]:
    """Number words as one figure each, `85 thousand` as one, and money words on the figure before them."""
    at = 0
    while at < len(atoms):
        figure, end = _spoken(atoms, at)
        if figure is None:
            yield Atom(atoms[at].low, at, atoms[at].sort, atoms[at].value, atoms[at].marked)
            at += 1
            continue
        yield Atom(figure.low, at, figure.sort, figure.value, figure.marked, figure.spoken)
        at = end


def _spoken(atoms: Sequence[Atom], at: int) -> tuple[Atom | None, int]:
    first = atoms[at]
    digits = first.sort is Sort.AMOUNT and first.value is not None
    if not digits and not (first.sort is None and (first.low in _WORDS_FOR_DIGITS or first.low in _SCALE_WORDS)):
        return (Atom(first.low, at, Sort.ODD), at + 1) if first.low in _SLANG_SCALES else (None, at)
    words: list[str] = []
    end = at + 1 if digits else at
    while end < len(atoms) and atoms[end].sort is None and _continues(words, atoms, end, digits=digits):
        words.append(atoms[end].low)
        end += 1
    value = _times(first.value, words) if digits and first.value is not None else _value(words)
    if not digits and words[0] in _SCALE_WORDS and not _may_stand_bare(atoms, at):
        value = None  # `fivty thousand`: the word before is no number that we know
    money = end < len(atoms) and _is_money_word(atoms[end])
    low = " ".join([first.low, *words] if digits else words)
    if end < len(atoms) and atoms[end].low in _SLANG_SCALES:
        return Atom(low, at, Sort.ODD), end + 1
    marked = first.marked or money or (bool(words) and words[-1] in _SCALE_WORDS)
    sort = Sort.AMOUNT if value is not None else Sort.ODD
    return Atom(low, at, sort, value, marked, spoken=not digits), end + money


def _continues(words: list[str], atoms: Sequence[Atom], at: int, *, digits: bool) -> bool:
    low = atoms[at].low
    if low in _SCALE_WORDS:
        return True
    if digits:
        return False
    if low == "and":
        following = atoms[at + 1].low if at + 1 < len(atoms) else ""
        return bool(words) and words[-1] in _SCALE_WORDS and following in _WORDS_FOR_DIGITS
    return low in _WORDS_FOR_DIGITS and _fits(words, low)


def _fits(words: list[str], low: str) -> bool:
    """`twenty five` and `hundred five` are one number, `two three` are two."""
    if not words or words[-1] in _SCALE_WORDS or words[-1] == "and":
        return True
    before, value = _WORDS_FOR_DIGITS[words[-1]], _WORDS_FOR_DIGITS[low]
    return before >= 20 and 0 < value < 10  # noqa: PLR2004 - tens and a unit


def _may_stand_bare(atoms: Sequence[Atom], at: int) -> bool:
    before = atoms[at - 1] if at else Atom(BREAK, 0)
    return before.is_break or before.low in MARKS or before.low in _BEFORE_BARE_SCALE


def _is_money_word(atom: Atom) -> bool:
    return atom.sort is None and bool(LEXICON.value("money", atom.low))


def _times(value: Decimal, words: list[str]) -> Decimal | None:
    for word in words:
        value *= _SCALE_WORDS[word]
    return value if len(words) < 2 else None  # noqa: PLR2004 - `5 hundred thousand` is asked about


def _value(words: Sequence[str]) -> Decimal | None:
    """Hundreds, thousands, millions in falling order, each at most once; anything else is odd."""
    total, part, lowest = 0, 0, 10**12
    for word in words:
        if word == "and":
            continue
        if (scale := _SCALE_WORDS.get(word)) is None:
            part += _WORDS_FOR_DIGITS[word]
        elif scale == 100:  # noqa: PLR2004 - hundred multiplies what is open
            if part >= 100:  # noqa: PLR2004 - as above
                return None
            part = (part or 1) * scale
        else:
            if scale >= lowest:
                return None
            total, part, lowest = total + (part or 1) * scale, 0, scale
    return Decimal(total + part)
