"""What Paystack keeps of a charge, and the least it charges; amounts in minor units.

Rates: support.paystack.com, "What are Paystack's fees?" (Nigeria: 1.5 % + NGN 100, waived below NGN 2,500, at most
NGN 2,000; into a dedicated account 1 %, at most NGN 300). Minimums: the currency table of Paystack's documentation.
"""

from dataclasses import dataclass

MINIMUM = {"NGN": 5000, "USD": 200, "GHS": 10, "ZAR": 100, "KES": 300}


@dataclass(frozen=True, slots=True)
class _Tariff:
    basis_points: int
    flat: int = 0
    flat_from: int = 0
    cap: int | None = None


_TARIFFS = {
    "NGN": _Tariff(150, flat=100_00, flat_from=2_500_00, cap=2_000_00),
    "GHS": _Tariff(195),
    "KES": _Tariff(290),
    "ZAR": _Tariff(290, flat=100),
    "USD": _Tariff(390),
}


_INTO_DEDICATED = {"NGN": _Tariff(100, cap=300_00)}


def fees_of(amount: int, currency: str, channel: str = "") -> int:
    """Fees in minor units, rounded half up."""
    tariff = _TARIFFS[currency]
    if channel == "dedicated_nuban":
        tariff = _INTO_DEDICATED.get(currency, tariff)
    fees = (amount * tariff.basis_points + 5_000) // 10_000
    if amount >= tariff.flat_from:
        fees += tariff.flat
    return fees if tariff.cap is None else min(fees, tariff.cap)


def with_fees(requested: int, currency: str, channel: str) -> int:
    """What a payer who bears the fees pays, so that `requested` is left of it."""
    amount = requested
    while amount - fees_of(amount, currency, channel) < requested:
        amount = requested + fees_of(amount, currency, channel)
    return amount
