"""What an invoice comes to: lines, discounts and tax, exact to the minor unit.

Line amount = quantity x unit price, rounded half up; then the line's discount, the document's discount (spread by
largest remainder), and tax once per rate. Always: subtotal - discount + tax = total.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.money import MAX_MINOR, contained, part, spread, times
from whatsinvoice_kit.core.text import visible_lines

MAX_LINES = 200
MAX_DESCRIPTION = 500
MAX_RATE_BP = 10_000
PLACES = 3


@dataclass(frozen=True, slots=True)
class Discount:
    """Either `percent_bp` (1 to 10000) or `amount_minor` (above 0) is set."""

    percent_bp: int = 0
    amount_minor: int = 0

    def of(self, amount_minor: int, field: str) -> int:
        """The discount on an amount; INVALID_ARGUMENT when it is out of range or more than the amount."""
        if not 0 <= self.percent_bp <= MAX_RATE_BP or self.amount_minor < 0:
            raise invalid(field, "DISCOUNT_INVALID", "a discount is 1 to 10000 basis points or a positive amount")
        found = part(amount_minor, self.percent_bp) if self.percent_bp else self.amount_minor
        if found > amount_minor:
            raise invalid(field, "DISCOUNT_TOO_LARGE", "the discount is more than what it is taken from")
        return found


NO_DISCOUNT = Discount()


@dataclass(frozen=True, slots=True)
class LineInput:
    """A line as it is given; quantity is a decimal with up to three places, prices are minor units."""

    description: str
    quantity: str
    unit_price_minor: int
    discount: Discount = NO_DISCOUNT
    tax_rate_bp: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it counts; all minor units. `total_minor` is what it adds to the total.

    `discount_minor` is its own discount, `own_discount_minor`, and its share of the document's.
    """

    description: str
    quantity: str
    unit_price_minor: int
    amount_minor: int
    discount_minor: int
    tax_rate_bp: int
    tax_minor: int
    total_minor: int
    own_discount_minor: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The lines and what they come to; all minor units."""

    lines: tuple[Line, ...]
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int


def quantity_of(text: str, field: str) -> Decimal:
    """A quantity above 0 with up to three places; INVALID_ARGUMENT otherwise."""
    try:
        quantity = Decimal(text)
    except InvalidOperation:
        quantity = Decimal(0)
    exponent = quantity.as_tuple().exponent
    if not quantity.is_finite() or not isinstance(exponent, int) or quantity <= 0 or exponent < -PLACES:
        raise invalid(field, "QUANTITY_INVALID", "a quantity is a decimal above 0 with up to three places")
    if quantity > MAX_MINOR:
        raise invalid(field, "QUANTITY_INVALID", "this quantity is too large")
    return quantity


def compute(lines: Sequence[LineInput], discount: Discount, *, prices_include_tax: bool) -> Totals:
    """The totals of a document; INVALID_ARGUMENT names the field that breaks a rule."""
    if not 1 <= len(lines) <= MAX_LINES:
        raise invalid("lines", "LINES_COUNT", f"a document has 1 to {MAX_LINES} lines")
    amounts = [_amount(line, f"lines[{i}]") for i, line in enumerate(lines)]
    if sum(amounts) > MAX_MINOR:
        raise invalid("lines", "TOTAL_OUT_OF_RANGE", f"the lines come to at most {MAX_MINOR} minor units")
    own = [line.discount.of(amounts[i], f"lines[{i}].discount") for i, line in enumerate(lines)]
    nets = [amount - less for amount, less in zip(amounts, own, strict=True)]
    shares = spread(discount.of(sum(nets), "discount"), nets)
    bases = [net - share for net, share in zip(nets, shares, strict=True)]
    taxes = _taxes(lines, bases, prices_include_tax=prices_include_tax)
    built = tuple(
        Line(
            visible_lines(line.description),
            format(quantity_of(line.quantity, "").normalize(), "f"),
            line.unit_price_minor,
            amounts[i],
            own[i] + shares[i],
            line.tax_rate_bp,
            taxes[i],
            bases[i] + (0 if prices_include_tax else taxes[i]),
            own[i],
        )
        for i, line in enumerate(lines)
    )
    total, tax, less = sum(line.total_minor for line in built), sum(taxes), sum(own) + sum(shares)
    if not 0 < total <= MAX_MINOR:
        raise invalid("lines", "TOTAL_OUT_OF_RANGE", f"a document comes to 1 to {MAX_MINOR} minor units")
    return Totals(built, total - tax + less, less, tax, total)


def _amount(line: LineInput, field: str) -> int:
    if not 1 <= len(visible_lines(line.description)) <= MAX_DESCRIPTION:
        raise invalid(f"{field}.description", "DESCRIPTION_INVALID", f"use 1 to {MAX_DESCRIPTION} characters")
    if not 0 <= line.unit_price_minor <= MAX_MINOR:
        raise invalid(f"{field}.unit_price_minor", "PRICE_OUT_OF_RANGE", f"a price is 0 to {MAX_MINOR} minor units")
    if not 0 <= line.tax_rate_bp <= MAX_RATE_BP:
        raise invalid(f"{field}.tax_rate_bp", "TAX_RATE_INVALID", "a tax rate is 0 to 10000 basis points")
    amount = times(quantity_of(line.quantity, f"{field}.quantity"), line.unit_price_minor)
    if amount > MAX_MINOR:
        raise invalid(field, "AMOUNT_OUT_OF_RANGE", f"a line comes to at most {MAX_MINOR} minor units")
    return amount


def _taxes(lines: Sequence[LineInput], bases: Sequence[int], *, prices_include_tax: bool) -> list[int]:
    """Tax of each line: rounded once per rate, then spread over that rate's lines."""
    taxes = [0] * len(lines)
    for rate in {line.tax_rate_bp for line in lines} - {0}:
        places = [i for i, line in enumerate(lines) if line.tax_rate_bp == rate]
        weights = [bases[i] for i in places]
        tax = contained(sum(weights), rate) if prices_include_tax else part(sum(weights), rate)
        for i, share in zip(places, spread(tax, weights), strict=True):
            taxes[i] = share
    return taxes
