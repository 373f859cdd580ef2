"""Amounts as people read them, exact: no float touches them."""

from whatsinvoice_invoices.documents.model import DocumentError

# All five have two decimals (ISO 4217).
_SIGNS = {"NGN": "₦", "GHS": "GH₵", "KES": "KSh\u00a0", "ZAR": "R\u00a0", "USD": "$"}


def written_amount(minor: int, currency: str) -> str:
    """Write `minor` units, as in `₦75,000.00` or `-₦5.00`.

    Raises:
        DocumentError: the currency is none that we invoice in.
    """
    if currency not in _SIGNS:
        raise DocumentError(f"no way to write amounts in {currency}")
    whole, rest = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{_SIGNS[currency]}{whole:,}.{rest:02}"
