"""Money that somebody sends from a bank: into a dedicated account, or into the one-time account of one transaction.

A dedicated account takes any amount and makes a transaction of each transfer. A one-time account takes exactly what was
asked, and once; a wrong amount goes back to the sender.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from .dedicated import DedicatedAccount, DedicatedAccounts
from .subaccounts import Split, Subaccounts
from .transactions import OUTCOMES, Transaction, Transactions, Transfer


class NotTaken(Exception):  # noqa: N818  what the bank says to the sender, not a mistake
    """The bank gives the money back at once; the merchant hears nothing."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a transfer: the transaction, and whether it was paid by it or the transfer rejected."""

    transaction: Transaction
    charged: bool


class Transfers:
    def __init__(
        self,
        transactions: Transactions,
        accounts: DedicatedAccounts,
        subaccounts: Subaccounts,
        charged: Callable[[Transaction], None],
        rejected: Callable[[Transaction, int], None],
    ) -> None:
        self._transactions = transactions
        self._accounts = accounts
        self._subaccounts = subaccounts
        self._charged = charged
        self._rejected = rejected

    def receive(self, number: str, amount: int, sender: Transfer, rejected_as: str = "") -> Received:
        """Receive a transfer of `amount` minor units. Raise NotTaken for an account that takes nothing.

        `rejected_as`: the outcome that a wrong amount leaves its transaction in, since Paystack publishes none.
        """
        account = self._accounts.by_number(number)
        if account:
            return Received(self._into_dedicated(account, amount, sender), charged=True)
        transaction = self._transactions.by_transfer_account(number)
        if transaction is None:
            raise NotTaken("there is no such account")
        if transaction.paid_at:
            raise NotTaken("the account was for one payment, which has been made")
        if transaction.account_expires_at and datetime.now(UTC) > transaction.account_expires_at:
            raise NotTaken("the account has expired")
        if amount != transaction.requested:
            if rejected_as:
                transaction.status, transaction.gateway_response = OUTCOMES[rejected_as]
            self._rejected(transaction, amount)
            return Received(transaction, charged=False)
        transaction.transfer = sender
        transaction.act("success", "bank_transfer", amount)
        self._charged(transaction)
        return Received(transaction, charged=True)

    def tell_again(self, account: DedicatedAccount, day: datetime) -> None:
        """Tells of every transfer into the account on that day once more, as a requery makes Paystack do."""
        for transaction in self._transactions.paid():
            into = transaction.account is account and transaction.paid_at
            if into and into.date() == day.date():
                self._charged(transaction)

    def _into_dedicated(self, account: DedicatedAccount, amount: int, sender: Transfer) -> Transaction:
        if not account.active:
            raise NotTaken("the account is closed")
        transaction = self._transactions.add(
            email=account.customer.email,
            amount=amount,
            currency=account.currency,
            reference=f"T{secrets.randbelow(10**15):015d}",
            callback_url="",
            channels=["dedicated_nuban"],
            metadata={"receiver_account_number": account.number, "receiver_bank": account.bank.name},
            ip_address="",
        )
        transaction.account, transaction.transfer = account, sender
        subaccount = self._subaccounts.find(account.subaccount) if account.subaccount else None
        transaction.split = Split(subaccount) if subaccount else None
        transaction.act("success", "dedicated_nuban", amount)
        self._charged(transaction)
        return transaction
