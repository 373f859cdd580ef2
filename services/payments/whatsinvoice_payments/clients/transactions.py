"""Paystack's list of transactions, page by page. What leaves here is checked, or a ProviderError."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.clients.paystack import BAD_REQUEST, READ_TRIES, Paystack, read
from whatsinvoice_payments.clients.paystack_shapes import Shape, Transaction
from whatsinvoice_payments.domain.charge import Charge

PAGE = 100


class _Page(Shape):
    data: list[Transaction]


class PaystackTransactions:
    """See TransactionList."""

    def __init__(self, paystack: Paystack) -> None:
        self._paystack = paystack

    async def transactions(self, since: datetime, until: datetime) -> AsyncIterator[Charge]:
        """GET /transaction with cursors: what comes in meanwhile moves no page."""
        asked: dict[str, Any] = {"use_cursor": "true", "perPage": PAGE}
        asked |= {"from": since.isoformat(), "to": until.isoformat()}
        following: str | None = ""
        while following is not None:
            params = asked | ({"next": following} if following else {})
            status, envelope = await self._paystack.ask(
                "list_transactions", "GET", "/transaction", tries=READ_TRIES, params=params
            )
            if status >= BAD_REQUEST:
                raise ProviderError(f"the provider refused its list with {status}")
            for transaction in read("list_transactions", _Page, {"data": envelope.data}).data:
                yield transaction.as_charge()
            cursor = envelope.meta.get("next") if isinstance(envelope.meta, dict) else None
            if cursor == following:
                raise ProviderError("the provider's list does not end")
            following = cursor if isinstance(cursor, str) and cursor else None
