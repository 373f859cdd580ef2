"""The check of a reading against its text: every figure is accounted for on the card, or the bot asks.

The rule is `docs/decisions/0026-figures-of-a-message.md`: each figure of the text is used once, as the price,
the count, the amount, the discount, the rate or the total that the card shows, or it stays in a description in one of
the few ways that `_Sheet.may_stay` lists. The check knows nothing of how the grammar reads. It only adds questions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .amounts import to_minor
from .figure_words import (
    BEHIND_A_PRICE,
    COUNTS_BELOW,
    EACH,
    OF_ONE,
    TIMES,
    TOTALS,
    VAGUE_AMOUNTS,
    VAGUE_COUNTS,
    YEARS,
)
from .figures import Atom, Sort, figures_in
from .readings import Customer, Draft, Line
from .surroundings import Surroundings

Spans = Sequence[tuple[int, int]]


def draft_is_doubtful(text: str, draft: Draft, taken: Spans) -> bool:
    """Return whether a figure of the text is not accounted for by the draft, or a figure of the draft by the text.

    `text` is the normalised message, `taken` where its phones, e-mails and due dates stand.
    """
    sheet = _Sheet(figures_in(text, [*taken, *_name_span(text, draft.customer, taken)]))
    for line in draft.lines:
        sheet.take_line(line)
    sheet.check_order()
    if draft.discount:
        sheet.take_discount(draft.discount.to_dict())
    sheet.take_rate(draft.tax.rate_bp if draft.tax else None)
    sheet.take_rate(draft.withholding.rate_bp if draft.withholding else None)
    sheet.take_totals(draft.lines)
    if sheet.doubtful or sheet.has_traps(draft.lines) or (sheet.says_withholding() and draft.withholding is None):
        return True
    return any(not sheet.may_stay(index, draft.lines) for index in sheet.left())


def edit_is_doubtful(text: str, changes: Mapping[str, Any], draft: Draft, taken: Spans) -> bool:
    """Return whether a figure of a reply is not accounted for by the changes read from it.

    A figure behind `not`, `instead` or `from` may repeat what the draft says now.
    """
    customer = Customer(changes.get("customer", {}).get("name"))
    sheet = _Sheet(figures_in(text, [*taken, *_name_span(text, customer, taken)]))
    added = [Line(**line) for line in changes.get("add_lines", [])]
    for line in added:
        sheet.take_line(line)
    for price in [*changes.get("set_prices", []), *_amount_of(changes)]:
        sheet.take_price(price["unit_price_minor"])
    for count in changes.get("set_quantities", []):
        sheet.take_value(Decimal(count["quantity"]))
    if changes.get("discount"):
        sheet.take_discount(changes["discount"])
    sheet.take_rate(changes["tax"]["rate_bp"] if changes.get("tax") else None)
    named = [*added, *draft.lines]
    if sheet.doubtful or sheet.has_traps(added) or sheet.prices_a_count(changes, draft):
        return True
    return any(not (sheet.may_stay(atom, named) or sheet.repeats(atom, draft)) for atom in sheet.left())


def amount_is_doubtful(text: str, amount_minor: int | None, taken: Spans) -> bool:
    """Return whether the text of a command about an existing invoice holds another figure than its amount."""
    sheet = _Sheet(figures_in(text, taken))
    if amount_minor is not None:
        sheet.take_price(amount_minor)
    return sheet.doubtful or sheet.says_fraction() or any(True for _ in sheet.left())


def _amount_of(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"unit_price_minor": changes["amount_minor"]}] if "amount_minor" in changes else []


def _name_span(text: str, customer: Customer, taken: Spans) -> list[tuple[int, int]]:
    """Where the name stands. A number word in it counts as a figure when the message prices something by the piece."""
    if not customer.name:
        return []
    pattern = r"\s+".join(re.escape(word) for word in customer.name.split())
    found = next(
        (
            match
            for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE)
            if not any(start < match.end() and match.start() < end for start, end in taken)
        ),
        None,
    )
    if found is None:
        return []
    numbered = any(atom.sort is not None for atom in figures_in(found[0], ()))
    priced_by_piece = numbered and any(atom.low in OF_ONE | TIMES for atom in figures_in(text[found.end() :], ()))
    return [] if priced_by_piece else [found.span()]


class _Sheet(Surroundings):
    """The figures of a text, crossed off one by one."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        super().__init__(atoms)
        self._used: set[int] = set()
        self._line_of: dict[int, Line] = {}
        self._counted_lines: set[int] = set()
        self._spans: list[tuple[int, int]] = []
        self._descriptions: dict[int, str] = {}
        self._spare = 0
        self.doubtful = any(atom.sort is Sort.ODD or self._is_negative(index) for index, atom in self._places.items())

    # --- crossing off

    def left(self) -> Iterator[int]:
        """Yield the places of the figures that are not accounted for yet; a bare 1 multiplies nothing."""
        spare = self._spare
        for index, atom in self._places.items():
            if index in self._used or self._is_one(index):
                continue
            if spare and atom.sort is Sort.AMOUNT:
                spare -= 1
                continue
            yield index

    def take_line(self, line: Line) -> None:
        """Cross off the price and the count of a line.

        A line without them may claim any figure, for it is asked about.
        """
        if line.unit_price_minor is None or line.quantity is None:
            self._spare += (line.unit_price_minor is None) + (line.quantity is None)
            if line.quantity not in {None, "1"}:
                self._use(self._find(Decimal(line.quantity or 0)))
            return
        quantity = Decimal(line.quantity)
        price = self._find_minor(Decimal(line.unit_price_minor))
        if quantity == 1:
            self._take_single(line, price)
        elif price is not None:
            self._take_each(line, price, quantity)
        else:
            self._take_all(line, self._find_minor(line.unit_price_minor * quantity), quantity)

    def _take_single(self, line: Line, price: int | None) -> None:
        if price is None:
            self.doubtful = True
            return
        self._use(price)
        self._line_of[price] = line
        one_said = any(self._is_one(index) and index not in self._used for index in self._places) or self._has(
            "a", "an"
        )
        if self._near(price, EACH) and not one_said:
            self.doubtful = True  # each of how many?
        if self._is_times(price) or self._in_the_wrong_place(price):
            self.doubtful = True

    def _take_each(self, line: Line, price: int, quantity: Decimal) -> None:
        self._use(price)
        self._line_of[price] = line
        count = self._find(quantity)
        if count is None or not (self.is_of_one(price) or self._is_times(count)):
            self.doubtful = True
            return
        self._use(count)
        self._counted_lines.add(id(line))
        self._spans.append((min(price, count), max(price, count)))

    def _take_all(self, line: Line, amount: int | None, quantity: Decimal) -> None:
        """`15000 for 3 shoes`, `3 shoes for 15000`, `qty 3, total 12000`: the price is said to be of all."""
        self._use(amount)
        count = self._find(quantity)
        self._use(count)
        if amount is None or count is None:
            self.doubtful = True
            return
        self._line_of[amount] = line
        self._spans.append((min(amount, count), max(amount, count)))
        of_all = self._is_of_all(amount) or self._is_total(amount)
        labelled = self._is_total(amount) and self._is_labelled_count(count)
        trailing_times = self._is_times(count) and not labelled and self._low(count - 1) != "for"
        if not of_all or self.is_of_one(amount) or trailing_times:
            self.doubtful = True

    def check_order(self) -> None:
        """Doubt lines whose figures stand among each other's: a count may have found the wrong item."""
        for start, end in self._spans:
            between = {index for index in self._line_of if start < index < end}
            between |= {index for span in self._spans if span != (start, end) for index in span if start < index < end}
            self.doubtful = self.doubtful or bool(between)

    def take_price(self, minor: int) -> None:
        """Cross off a price that a reply names."""
        self._must_use(self._find_minor(Decimal(minor)))

    def take_value(self, value: Decimal) -> None:
        """Cross off a count that a reply names."""
        if value != 1:
            self._must_use(self._find(value))

    def take_discount(self, discount: Mapping[str, int]) -> None:
        """Cross off the discount; an amount must stand beside a word that deducts and be of the whole document."""
        if points := discount.get("percent_bp"):
            self._must_use(self._find_percent(points))
            return
        for index, atom in self._places.items():
            if index in self._used or to_minor(atom.value) != discount["amount_minor"] or atom.sort is not Sort.AMOUNT:
                continue
            if self._deducts(index):
                self._use(index)
                return
        self.doubtful = True

    def take_rate(self, rate_bp: int | None) -> None:
        """Cross off the figure of a tax rate; the home rate needs none."""
        if rate_bp is not None:
            self._use(self._find_percent(rate_bp))

    def take_totals(self, lines: Sequence[Line]) -> None:
        """Cross off stated totals, and the same amount said twice in a row in words and in figures."""
        if any(line.unit_price_minor is None or line.quantity is None for line in lines):
            return
        total = sum(Decimal(line.quantity or 0) * (line.unit_price_minor or 0) for line in lines)
        for index in list(self.left()):
            atom = self._atoms[index]
            stated = to_minor(atom.value) == total and self._is_total(index)
            if atom.sort is Sort.AMOUNT and (stated or self._restates(index)):
                self._use(index)

    def _restates(self, index: int) -> bool:
        """`5,000 only (five thousand naira only)`: the other spelling of a used figure, right before or behind it."""
        atom = self._atoms[index]
        for other in self._used:
            twin = self._atoms[other]
            low, high = sorted((index, other))
            between = self._atoms[low + 1 : high]
            if (
                twin.sort is Sort.AMOUNT
                and twin.value == atom.value
                and twin.spoken != atom.spoken
                and any(word.low in {"(", "only"} for word in between)
                and all(word.is_break or word.low in {"only", "naira", "=", "ie", "i.e"} for word in between)
            ):
                return True
        return False

    # --- traps

    def has_traps(self, lines: Sequence[Line]) -> bool:
        """Return whether the text speaks of money that is no price, of fractions, or of an item without a name."""
        money = [atom for atom in self._places.values() if self._is_money(atom)]
        lows = [atom.low for atom in self._atoms if atom.sort is None]
        if self.says_fraction() or any(low in VAGUE_AMOUNTS for low in lows):
            return True
        if len(money) > 1 and any(self._speaks_of_money(index) for index in range(len(self._atoms))):
            return True
        if any(self.is_of_one(index) for index in self._places) and any(low in VAGUE_COUNTS for low in lows):
            return not self._priced_by("dozen", "pair")
        named = [set(line.description.lower().split()) for line in lines]
        if len(lines) > 1 and any(not words or words & (TOTALS - {"full", "making"}) for words in named):
            return True
        return any(self._follows_slip(index) for index in self._places)

    def prices_a_count(self, changes: Mapping[str, Any], draft: Draft) -> bool:
        """Return whether a reply gives the price of one for a line whose count is hidden in its description."""
        changed = {price["description"] for price in changes.get("set_prices", [])}
        if "amount_minor" in changes:
            changed = {line.description for line in draft.lines}
        by_piece = any(self.is_of_one(index) for index in self._places) and self._has(*EACH, "per", "@", "/")
        return by_piece and any(
            any(atom.sort is not None for atom in figures_in(line.description, ()))
            for line in draft.lines
            if line.description in changed and line.quantity == "1"
        )

    def repeats(self, index: int, draft: Draft) -> bool:
        """`3 gels not 2`: the figure that is no longer wanted."""
        atom = self._atoms[index]
        before = {self._low(index - step) for step in (1, 2)}
        known = {Decimal(line.quantity) for line in draft.lines if line.quantity}
        prices = {line.unit_price_minor for line in draft.lines}
        return bool(before & {"not", "instead", "from"}) and (atom.value in known or to_minor(atom.value) in prices)

    # --- what may stay in a description

    def may_stay(self, index: int, lines: Sequence[Line]) -> bool:
        """Return whether the figure is part of a description by the written rule."""
        atom = self._atoms[index]
        line = self._claim(lines, atom.low)
        if line is None or self._is_times(index):
            return False
        price = next((at for at, priced in self._line_of.items() if priced is line), None)
        if price is None:
            return line.unit_price_minor is None
        if self._is_of_all(price) and not self.is_of_one(price) and self._belongs_to_all(index, price):
            return True
        by_nature = atom.sort is Sort.GLUED or self._is_measured(index) or self._is_model(index)
        of_one = self.is_of_one(price) or self._is_times(price)
        glued = atom.sort is Sort.GLUED or self._is_model(index)
        counted = glued and id(line) in self._counted_lines and not self._priced_by_measure(price)
        return by_nature and not atom.marked and (counted or not of_one)

    def _claim(self, lines: Sequence[Line], low: str) -> Line | None:
        """Return the first line whose description still holds the figure, and cross it off there."""
        pattern = re.compile(rf"(?<![\w.]){re.escape(low)}(?!\w)")
        for line in lines:
            said = self._descriptions.setdefault(id(line), line.description.lower())
            if pattern.search(said):
                self._descriptions[id(line)] = pattern.sub(" ", said, count=1)
                return line
        return None

    def _belongs_to_all(self, index: int, price: int) -> bool:
        """`150000 for 50% deposit`, `10000 for 3 blouses`: one price for all that is said with it."""
        if self._atoms[index].sort is Sort.PERCENT:
            return self._low(index - 1) in {"for", "a", "the"}
        return self._atoms[index].sort is Sort.AMOUNT and self._is_count_of_all(index, price)

    def _is_count_of_all(self, index: int, price: int) -> bool:
        """`10000 for 3 blouses`, `3 blouses for 10000`: the count stands on the other side of `for`."""
        atom = self._atoms[index]
        if (index < price) is not (self._low(price - 1) == "for"):
            return False
        low, high = sorted((index, price))
        between = [self._low(place) for place in range(low + 1, high)]
        if ";" in between or between.count("for") > 1:
            return False  # another item begins in between, and the figure may be its price
        value = atom.value or Decimal(0)
        is_year = value == int(value) and int(value) in YEARS
        behind = self._atom(index + 1)
        counts = value < COUNTS_BELOW and behind.is_word and behind.low not in BEHIND_A_PRICE
        return not atom.marked and (counts or is_year or self._low(index - 1) == "for")

    # --- finding

    def _find(self, value: Decimal) -> int | None:
        return self._first(lambda atom: atom.sort is Sort.AMOUNT and atom.value == value)

    def _find_minor(self, minor: Decimal) -> int | None:
        return self._first(lambda atom: atom.sort is Sort.AMOUNT and to_minor(atom.value) == minor)

    def _find_percent(self, points: int) -> int | None:
        return self._first(
            lambda atom: atom.sort is Sort.PERCENT and atom.value is not None and atom.value * 100 == points
        )

    def _first(self, fits: Any) -> int | None:
        return next((index for index, atom in self._places.items() if index not in self._used and fits(atom)), None)

    def _use(self, index: int | None) -> None:
        if index is not None:
            self._used.add(index)

    def _must_use(self, index: int | None) -> None:
        self._use(index)
        self.doubtful = self.doubtful or index is None
