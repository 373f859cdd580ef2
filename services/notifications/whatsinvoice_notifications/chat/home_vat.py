"""The rate `plus VAT` means at home: dated rows with their source, in `home_vat.toml`."""

import tomllib
from datetime import date
from importlib import resources

_ROWS = tomllib.loads((resources.files(__package__) / "home_vat.toml").read_text("utf-8"))["rate"]


def home_vat_bp(country: str, on: date) -> int | None:
    """The standard rate in basis points in force on the day; None for a country without a row."""
    rates = [(row["since"], row["rate_bp"]) for row in _ROWS if row["country"] == country and row["since"] <= on]
    return max(rates)[1] if rates else None
