"""The words around a figure, and what they say of it."""

from collections.abc import Sequence
from decimal import Decimal

from .figure_words import (
    AFTER_DISCOUNT,
    BEFORE_A_PRICE,
    BEHIND_A_PRICE,
    COUNT_LABELS,
    COUNTED_UNITS,
    DEDUCTS,
    EACH,
    FRACTIONS,
    LEADS_TO_COUNT,
    LINKS,
    MONEY_FROM,
    NOT_A_PRICE,
    NUMBER_WORDS,
    OF_ONE,
    OF_ONE_BEHIND,
    TIMES,
    TOTALS,
    TOTALS_BEHIND,
    YEARS,
)
from .figures import BREAK, Atom, Sort
from .lexicon import LEXICON


class Surroundings:
    """The atoms of a message, asked about by place."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self._atoms = atoms
        self._places = {index: atom for index, atom in enumerate(atoms) if atom.sort is not None}

    def is_of_one(self, index: int) -> bool:
        """Return whether the figure is said to be the price of one: @, at, each, per, /, `a day`."""
        return self._near(index, OF_ONE)

    def _near(self, index: int, words: frozenset[str]) -> bool:
        at = index - 1
        for _ in range(5):
            low = self._low(at)
            if low in words:
                return True
            unit = self._low(at - 1) in {"each", "per", "every"}
            if low not in LINKS and not unit and not self._is_one(at):
                break
            at -= 1
        behind = index + 1
        while self._low(behind) in {"for", "only", "na"}:
            behind += 1
        low = self._low(behind)
        if low in words and low in OF_ONE_BEHIND:
            return True
        return "per" in words and (low == "/" or (low in {"a", "an"} and self._atom(behind + 1).is_word))

    def _is_times(self, index: int) -> bool:
        around = {self._low(index - 1), self._low(index + 1)}
        if self._atoms[index].sort is Sort.GLUED:
            return False  # `2 x 5kg rice`: the 2 is the count
        return bool(around & (TIMES - {"by"})) or self._is_labelled_count(index)

    def _is_labelled_count(self, index: int) -> bool:
        at = index - 1
        while self._low(at) in {":", "=", "-", "is"}:
            at -= 1
        return self._low(at) in COUNT_LABELS

    def _is_of_all(self, index: int) -> bool:
        """`P for …`, `… for P`; the brackets and breaks beside the amount do not matter."""
        at = index + 1
        while at < len(self._atoms) and (self._atom(at).is_break or self._low(at) in {"to", "give", "go"}):
            at += 1
        return self._low(at) == "for" or self._low(index - 1) == "for"

    def _is_total(self, index: int) -> bool:
        at = index - 1
        while self._low(at) in {":", "-", "is", "na", "of", "price", "(", "the"}:
            at -= 1
        return self._low(at) in TOTALS or self._low(index + 1) in TOTALS_BEHIND

    def _deducts(self, index: int) -> bool:
        before = [self._low(index - step) for step in (1, 2, 3)]
        behind = self._atom(index + 1)
        led = any(low in DEDUCTS for low in before) or behind.low in {"off", "discount", "disc"}
        ends = not behind.is_word or behind.low in AFTER_DISCOUNT
        money = self._is_money(self._atoms[index])
        return led and ends and money and not self._near(index, EACH | {"per"})

    def _in_the_wrong_place(self, index: int) -> bool:
        """A bare number between two words of an item, behind `for` or behind a model is a count or a name."""
        atom = self._atoms[index]
        behind = self._atom(index + 1)
        if (atom.spoken or not atom.marked) and self._is_counted_unit(behind.low) and not self.is_of_one(index):
            return True  # `one thousand bags`
        if atom.marked or self.is_of_one(index) or self._is_total(index) or self._is_times(index):
            return False
        before = self._atom(index - 1)
        worded = behind.is_word and behind.low not in BEHIND_A_PRICE
        if worded and (before.low in LEADS_TO_COUNT or (before.is_word and before.low not in BEFORE_A_PRICE)):
            return True
        if LEXICON.has_exactly("numbered", before.low):
            return True
        value = atom.value or Decimal(0)
        return not atom.spoken and value == int(value) and int(value) in YEARS and int(value) % 50 != 0

    def _is_counted_unit(self, low: str) -> bool:
        return low in COUNTED_UNITS or any(LEXICON.has_exactly(group, low) for group in ("measure", "counted"))

    def _is_money(self, atom: Atom) -> bool:
        return atom.sort is Sort.AMOUNT and (atom.marked or (atom.value or 0) >= MONEY_FROM)

    def _is_one(self, index: int) -> bool:
        atom = self._atom(index)
        plain = atom.sort is Sort.AMOUNT and atom.value == 1 and not atom.marked
        return plain and self._low(index + 1) != "free"

    def _has(self, *words: str) -> bool:
        return any(atom.low in words for atom in self._atoms)

    def _atom(self, index: int) -> Atom:
        return self._atoms[index] if 0 <= index < len(self._atoms) else Atom(BREAK, index)

    def _low(self, index: int) -> str:
        return self._atom(index).low

    def _is_negative(self, index: int) -> bool:
        """A minus glued to a figure at the start of a field; behind a word it is a dash, and `5k+` is no amount."""
        glued = self._low(index - 1) == "minus-sign" and not self._atom(index - 2).is_word
        return glued or self._low(index + 1) == "plus-sign"

    def says_fraction(self) -> bool:
        """Return whether the text holds a fraction in words, which no card shows."""
        return any(word in FRACTIONS for atom in self._atoms if atom.sort is None for word in atom.low.split("-"))

    def says_withholding(self) -> bool:
        """Return whether the text speaks of withholding tax."""
        return self._has("wht", "withholding", "withhold", "withheld")

    def _speaks_of_money(self, index: int) -> bool:
        low = self._low(index)
        return low in NOT_A_PRICE or (low in {"payment", "payments"} and self._low(index + 1) not in {"for", "of"})

    def _priced_by(self, *units: str) -> bool:
        for index, atom in enumerate(self._atoms):
            if atom.low in units and self._low(index - 1) in {"a", "per", "/", "each"}:
                return True
        return False

    def _follows_slip(self, index: int) -> bool:
        """`fity five thousand`: the word before a number in words looks like one more number word."""
        before = self._low(index - 1)
        if not self._atoms[index].spoken or len(before) < 4 or LEXICON.has_exactly("no_slip", before):  # noqa: PLR2004 - shorter words are too near to others
            return False
        return any(_one_letter_apart(before, word) for word in NUMBER_WORDS)

    def _is_measured(self, index: int) -> bool:
        return LEXICON.has_exactly("measure", self._low(index + 1))

    def _is_model(self, index: int) -> bool:
        value = self._atoms[index].value
        return LEXICON.has_exactly("numbered", self._low(index - 1)) and value is not None and value == int(value)

    def _priced_by_measure(self, price: int) -> bool:
        behind = [self._low(price + step) for step in (1, 2)]
        return behind[0] in {"per", "/", "a"} and LEXICON.has_exactly("measure", behind[1])


def _one_letter_apart(word: str, other: str) -> bool:
    if abs(len(word) - len(other)) > 1 or word == other:
        return False
    head = 0
    while head < min(len(word), len(other)) and word[head] == other[head]:
        head += 1
    left, right = word[head:], other[head:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[:2] == right[1::-1] and left[2:] == right[2:])
    )
