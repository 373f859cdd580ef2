"""Paystack's calls about refunds. Whatever it answers, what leaves here is checked or a ProviderError.

Contract: Paystack's published OpenAPI file and samples. A refund has no reference of ours; our id stands in its
`merchant_note`, by which it is found again.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.clients.banks import require
from whatsinvoice_payments.clients.money_back_shapes import BankNumbers, RefundData, RefundPage
from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.clients.paystack_http import BAD_REQUEST, READ_TRIES, Call, read
from whatsinvoice_payments.domain.charge import Charge
from whatsinvoice_payments.domain.refund import ProviderRefund, Refund

PAGE = 100
"""The most that Paystack gives at once."""


class PaystackRefunds:
    """Sends refunds, and tells of all that a transaction has."""

    def __init__(self, paystack: Paystack) -> None:
        self._paystack = paystack

    async def create(self, reference: str, refund: Refund) -> ProviderRefund:
        """POST /refund, once: the same call twice refunds twice.

        Raises:
            ProviderError: nobody knows whether it was taken; look with `all_of` before trying again.
            ProviderRefusal: it was not.
        """
        body = {
            "transaction": reference,
            "amount": refund.amount_minor,
            "currency": refund.currency,
            "merchant_note": refund.id,
        }
        status, envelope = await self._paystack.ask("refund_create", "POST", "/refund", json=body)
        require(status, envelope)
        return read("refund_create", RefundData, envelope.data).as_refund()

    async def all_of(self, charge: Charge) -> Sequence[ProviderRefund]:
        """GET /refund: every one of a transaction, oldest first."""
        asked = {"transaction": charge.transaction_id or charge.reference}
        found = [
            refund
            async for page in pages(self._paystack, "refund_list", "/refund", asked)
            for refund in read("refund_list", RefundPage, {"refunds": page}).refunds
            if refund.transaction_reference in (None, charge.reference)
        ]
        return sorted((refund.as_refund() for refund in found), key=lambda refund: int(refund.id))

    async def since(self, moment: datetime) -> dict[str, str]:
        """GET /refund: the ids of those made since then, whoever made them, with the references they are about."""
        asked = {"from": moment.isoformat()}
        return {
            str(refund.id): refund.transaction_reference or ""
            async for page in pages(self._paystack, "refund_list", "/refund", asked)
            for refund in read("refund_list", RefundPage, {"refunds": page}).refunds
        }

    async def retry(self, provider_id: str, currency: str, bank_code: str, account_number: str) -> bool:
        """Sends one that needs attention to an account of the payer; False for a bank that is not known.

        Raises:
            ProviderRefusal: the refund needs nothing, or the account is not taken.
        """
        asked = {"currency": currency}
        status, envelope = await self._paystack.ask("banks", "GET", "/bank", tries=READ_TRIES, params=asked)
        require(status, envelope)
        banks = read("banks", BankNumbers, {"banks": envelope.data}).banks
        bank = next((bank for bank in banks if bank.code == bank_code), None)
        if bank is None:
            return False
        account = {"currency": currency, "account_number": account_number, "bank_id": str(bank.id)}
        path = f"/refund/retry_with_customer_details/{quote(provider_id, safe='')}"
        body = {"refund_account_details": account}
        status, envelope = await self._paystack.ask("refund_retry", "POST", path, json=body)
        require(status, envelope)
        return True


async def pages(paystack: Paystack, call: Call, path: str, asked: dict[str, str]) -> AsyncIterator[list[Any]]:
    """A list of Paystack's, page after page."""
    number, full = 1, True
    while full:
        params = asked | {"perPage": str(PAGE), "page": str(number)}
        status, envelope = await paystack.ask(call, "GET", path, tries=READ_TRIES, params=params)
        if status >= BAD_REQUEST:
            raise ProviderError(f"the provider refused with {status}")
        if not isinstance(envelope.data, list):  # read as an empty one, it would let a refund be sent twice
            raise ProviderError("the provider's list cannot be read")
        yield envelope.data
        number, full = number + 1, len(envelope.data) == PAGE
