"""The account that a merchant's money goes to: a change of it waits, so that a thief's can be seen and undone."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from whatsinvoice_kit.core.ids import new_id

from whatsinvoice_payments.domain.bank_account import BankAccount


class PayoutStatus(Enum):
    """A business has at most one ACTIVE, and at most one that is PENDING or ACTIVATING."""

    PENDING = "pending"
    ACTIVATING = "activating"
    """Its time has come and the provider is being told."""
    ACTIVE = "active"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    """Given up before it became active."""


COMING = (PayoutStatus.PENDING, PayoutStatus.ACTIVATING)


@dataclass(slots=True)
class PayoutAccount:
    """`subaccount_code` is the provider's, once it is active."""

    id: str
    business_id: str
    status: PayoutStatus
    account: BankAccount
    currency: str
    active_from: datetime
    created_at: datetime
    subaccount_code: str = ""
    ended_at: datetime | None = None

    @classmethod
    def wanted(
        cls, business_id: str, account: BankAccount, currency: str, moment: datetime, active_from: datetime
    ) -> "PayoutAccount":
        """A new one that becomes active at its time."""
        return cls(new_id("poa"), business_id, PayoutStatus.PENDING, account, currency, active_from, moment)

    def is_for(self, account: BankAccount) -> bool:
        """Whether the money goes to this very account, whatever its holder is called today."""
        mine, other = self.account, account
        return (mine.bank_code, mine.account_number) == (other.bank_code, other.account_number)

    def activate(self, subaccount_code: str) -> None:
        """The provider sends money there from now on."""
        self.status, self.subaccount_code = PayoutStatus.ACTIVE, subaccount_code

    def end_as(self, status: PayoutStatus, moment: datetime) -> None:
        """Replaced by another, or withdrawn."""
        self.status, self.ended_at = status, moment


@dataclass(frozen=True, slots=True)
class Payout:
    """Where the money goes now, and what follows it."""

    active: PayoutAccount | None = None
    coming: PayoutAccount | None = None
