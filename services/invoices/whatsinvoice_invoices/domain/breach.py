"""A rule about invoices that does not hold, and of what."""

from dataclasses import dataclass

CHECKS = ("paid_mismatch", "numbers_gap")
"""Every rule by its name; the gauge has one series for each."""


@dataclass(frozen=True, slots=True)
class Breach:
    """`check` is the rule's name, `ids` are those of the rows, `said` is what is wrong with them."""

    check: str
    business_id: str
    ids: tuple[str, ...]
    said: str
