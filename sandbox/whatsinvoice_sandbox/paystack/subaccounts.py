"""Subaccounts as Paystack keeps them: another bank account that a share of each charge goes to."""

import itertools
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from .errors import PaystackError

Bearer = Literal["account", "subaccount"]
_FIRST_ID = 1_151_700


@dataclass(slots=True)
class Subaccount:
    """`percentage_charge` is the part of each charge that the main account keeps."""

    id: int
    code: str
    business_name: str
    bank_id: int
    bank_name: str
    account_number: str
    account_name: str
    percentage_charge: Decimal
    active: bool = True
    contact: dict[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Split:
    """How a charge is shared; `transaction_charge`, in minor units, stands in for the percentage."""

    subaccount: Subaccount
    bearer: Bearer = "account"
    transaction_charge: int | None = None

    def shares(self, amount: int, fees: int) -> tuple[int, int]:
        """What the main account and what the subaccount gets, in minor units, after the bearer paid the fees."""
        kept = self.transaction_charge
        if kept is None:
            part = amount * self.subaccount.percentage_charge / 100
            kept = int(part.quantize(Decimal(1), ROUND_HALF_UP))
        kept = min(kept, amount)
        if self.bearer == "account":
            return kept - fees, amount - kept
        return kept, amount - kept - fees


class Subaccounts:
    def __init__(self) -> None:
        self._by_code: dict[str, Subaccount] = {}
        self._ids = itertools.count(_FIRST_ID)

    def add(self, **details: Any) -> Subaccount:
        subaccount = Subaccount(id=next(self._ids), code=f"ACCT_{secrets.token_hex(8)[:15]}", **details)
        self._by_code[subaccount.code] = subaccount
        return subaccount

    def find(self, code_or_id: str) -> Subaccount | None:
        return self._by_code.get(code_or_id) or next(
            (known for known in self._by_code.values() if str(known.id) == code_or_id), None
        )

    def find_or_refuse(self, code: object) -> Subaccount | None:
        """None for no code; raises PaystackError 404 for one that is not an active subaccount's."""
        if code in (None, ""):
            return None
        found = self.find(str(code))
        if found is None or not found.active:
            raise PaystackError(404, "Subaccount not found", "subaccount_not_found", "Send the code of an active one")
        return found

    def newest_first(self) -> list[Subaccount]:
        return list(reversed(self._by_code.values()))
