"""Exact money: integers in minor units of one currency, never a float, never across currencies."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

SYMBOLS = {"NGN": "₦", "GHS": "GH₵", "KES": "KSh ", "ZAR": "R", "USD": "$"}
"""The currencies that we carry; all five have 100 minor units (ISO 4217)."""

MAX_MINOR = 10**13
"""The most that one document may come to."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units: Money(7_500_000, "NGN") is 75,000.00 naira."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        """Raises ValueError for a currency that we do not carry."""
        if self.currency not in SYMBOLS:
            raise ValueError(f"unknown currency {self.currency!r}")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        """As people read it: `₦75,000.00`."""
        sign = "-" if self.minor < 0 else ""
        whole, part = divmod(abs(self.minor), 100)
        return f"{sign}{SYMBOLS[self.currency]}{whole:,}.{part:02}"

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")


def times(quantity: Decimal, unit_minor: int) -> int:
    """Quantity x unit price in minor units, rounded half up."""
    return int((quantity * unit_minor).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def part(amount_minor: int, rate_bp: int) -> int:
    """The part of an amount at a rate in basis points (750 is 7.5 %), rounded half up."""
    return int((Decimal(amount_minor) * rate_bp / 10_000).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def contained(gross_minor: int, rate_bp: int) -> int:
    """The tax inside a gross amount at a rate in basis points, rounded half up; net + tax is the gross exactly."""
    return int((Decimal(gross_minor) * rate_bp / (10_000 + rate_bp)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def spread(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Shares of an amount in proportion to the weights, exact in sum (largest remainder, earlier first on ties).

    With no weight at all there is nobody to bear it: raises ValueError unless the amount is 0.
    """
    total = sum(weights)
    if total == 0:
        if amount_minor:
            raise ValueError("nothing to spread an amount over")
        return [0] * len(weights)
    shares = [amount_minor * weight // total for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(amount_minor * weights[i] % total), i))
    for i in remainders[: amount_minor - sum(shares)]:
        shares[i] += 1
    return shares
