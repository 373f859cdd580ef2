"""Paystack's list of transactions as an audit wants it: each of them, or a ProviderError."""

from collections.abc import AsyncIterator
from datetime import datetime

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.domain.charge import Charge
from whatsinvoice_payments.domain.walk import Unreadable


class PaystackTransactions:
    """See TransactionList."""

    def __init__(self, paystack: Paystack) -> None:
        self._paystack = paystack

    async def transactions(self, since: datetime, until: datetime) -> AsyncIterator[Charge]:
        """Whatever became of them; one that cannot be read ends it, since an audit without it proves nothing."""
        async for found in self._paystack.transactions(since, until, every=True):
            if isinstance(found, Unreadable):
                raise ProviderError(f"the provider's list holds {found.reference}, which cannot be read")
            yield found.charge
