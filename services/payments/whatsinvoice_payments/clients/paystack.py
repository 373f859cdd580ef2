"""Paystack's calls about transactions. Whatever it answers, what leaves here is checked or a ProviderError.

Contract: Paystack's published OpenAPI file and samples; amounts come as number or string.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from whatsinvoice_payments.clients import ProviderError, ProviderRefusal, ReferenceTaken
from whatsinvoice_payments.clients.paystack_http import (
    BAD_REQUEST,
    NOT_FOUND,
    READ_TRIES,
    UNAUTHORIZED,
    Call,
    PaystackHttp,
    read,
)
from whatsinvoice_payments.clients.paystack_shapes import ListedPage, ListedTransaction, Opened, Transaction
from whatsinvoice_payments.domain.charge import Charge
from whatsinvoice_payments.domain.walk import Listed, Page, Unreadable
from whatsinvoice_payments.domain.webhook import plain

PER_PAGE = 100


class Paystack(PaystackHttp):
    """Opens checkouts, and tells the truth about them."""

    async def initialize(
        self,
        *,
        reference: str,
        amount_minor: int,
        currency: str,
        email: str,
        callback_url: str,
        invoice_id: str,
        subaccount: str,
    ) -> tuple[str, str]:
        """POST /transaction/initialize, once: the reference is its only idempotency token. See Provider.initialize."""
        body = {
            "reference": reference,
            "amount": amount_minor,
            "currency": currency,
            "email": email,
            "callback_url": callback_url,
            "metadata": {"invoice_id": invoice_id},
        }
        if subaccount:
            body |= {"subaccount": subaccount, "bearer": "subaccount"}
        status, envelope = await self.ask("initialize", "POST", "/transaction/initialize", json=body)
        if status in (UNAUTHORIZED, NOT_FOUND):
            raise ProviderError(f"key or address of the provider is wrong: {status}")
        if status >= BAD_REQUEST:
            if envelope.code == "duplicate_reference" or "duplicate" in envelope.message.lower():
                raise ReferenceTaken(reference)
            raise ProviderRefusal(envelope.message)
        opened = read("initialize", Opened, envelope.data)
        if opened.reference != reference:
            raise ProviderError("the provider opened another reference")
        return opened.authorization_url, opened.access_code

    async def verify(self, reference: str) -> Charge | None:
        """GET /transaction/verify/:reference. 200 even when the payment failed: the status within says so."""
        return await self._charge("verify", f"/transaction/verify/{quote(reference, safe='')}")

    async def find(self, transaction_id: str) -> Charge | None:
        """GET /transaction/:id, which says the same of a transaction."""
        return await self._charge("transaction_fetch", f"/transaction/{quote(transaction_id, safe='')}")

    async def _charge(self, call: Call, path: str) -> Charge | None:
        status, envelope = await self.ask(call, "GET", path, tries=READ_TRIES)
        if status == NOT_FOUND or (status == BAD_REQUEST and "not found" in envelope.message.lower()):
            return None
        if status >= BAD_REQUEST:
            raise ProviderError(f"the provider refused with {status}")
        return read(call, Transaction, envelope.data).as_charge()

    async def transactions(
        self, since: datetime, until: datetime, *, every: bool = False
    ) -> AsyncIterator[Listed | Unreadable]:
        """All successful ones that were made from one moment to another, newest first; raises ProviderError.

        `every`: the others too, such as those that were reversed since.
        """
        cursor = ""
        while True:
            page = await self.transactions_page(since, until, cursor, every=every)
            for found in page.found:
                yield found
            cursor = page.following
            if not cursor:
                return

    async def transactions_page(self, since: datetime, until: datetime, cursor: str, *, every: bool = False) -> Page:
        """GET /transaction by cursor: those of `transactions` that come after it, up to 100; raises ProviderError.

        One that cannot be read is told of by itself: the others are not held up by it. ProviderRefusal, as for a cursor
        that it knows no more.
        """
        asked = {
            "use_cursor": "true",
            "perPage": PER_PAGE,
            **({} if every else {"status": "success"}),
            "from": _instant(since),
            "to": _instant(until),
        }
        if cursor:
            asked["next"] = cursor
        status, envelope = await self.ask("list", "GET", "/transaction", tries=READ_TRIES, params=asked)
        if status == UNAUTHORIZED:
            raise ProviderError("the key of the provider is wrong")
        if status >= BAD_REQUEST:
            raise ProviderRefusal(envelope.message)
        page = read("list", ListedPage, {"items": envelope.data, "meta": envelope.meta})
        following = page.meta.next or ""
        if following and following == cursor:
            raise ProviderError("the provider's list goes round in a circle")
        return Page([_listed(item) for item in page.items], following)


def _listed(item: Any) -> Listed | Unreadable:
    try:
        shape = read("list", ListedTransaction, item)
    except ProviderError:
        told = (item.get("reference") or item.get("id")) if isinstance(item, dict) else item
        return Unreadable(plain(str(told)))
    return Listed(shape.id, shape.as_charge(), shape.deposit())


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
