"""Paystack's calls about banks and accounts. Whatever it answers, what leaves here is checked or a ProviderError.

Contract: Paystack's published OpenAPI file and samples.
"""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from whatsinvoice_payments.clients import ProviderError, ProviderRefusal, ReferenceTaken
from whatsinvoice_payments.clients.bank_shapes import (
    Banks,
    Dedicated,
    DedicatedList,
    MadeCustomer,
    Resolved,
    Subaccount,
    TransferCharge,
)
from whatsinvoice_payments.clients.paystack_http import (
    BAD_REQUEST,
    NOT_FOUND,
    READ_TRIES,
    UNAUTHORIZED,
    PaystackHttp,
    read,
)
from whatsinvoice_payments.clients.paystack_shapes import Envelope
from whatsinvoice_payments.domain.bank_account import Bank, BankAccount
from whatsinvoice_payments.domain.payment import Payment

OUR_SHARE = 0
"""Per cent of a payment that stays with the platform; the provider's fees are apart from it."""


class PaystackBanking:
    """Banks, subaccounts, accounts for payers. All but `charge_by_transfer` may be asked again without harm."""

    def __init__(self, paystack: PaystackHttp) -> None:
        self._paystack = paystack

    async def list_banks(self, currency: str) -> Sequence[Bank]:
        """GET /bank: those that are in use."""
        status, envelope = await self._paystack.ask(
            "banks", "GET", "/bank", tries=READ_TRIES, params={"currency": currency}
        )
        require(status, envelope)
        found = read("banks", Banks, {"banks": envelope.data}).banks
        return [Bank(bank.code, bank.name) for bank in found if bank.active]

    async def resolve(self, bank_code: str, account_number: str) -> str | None:
        """GET /bank/resolve: whose account it is; None where the bank knows no such account."""
        asked = {"account_number": account_number, "bank_code": bank_code}
        status, envelope = await self._paystack.ask("resolve", "GET", "/bank/resolve", tries=READ_TRIES, params=asked)
        if status == UNAUTHORIZED:
            raise ProviderError("the key of the provider is wrong")
        if status >= BAD_REQUEST:
            return None
        resolved = read("resolve", Resolved, envelope.data)
        return resolved.account_name if resolved.account_number == account_number else None

    async def create_subaccount(self, business_name: str, account: BankAccount) -> str:
        """POST /subaccount: its code. Twice makes two, of which one is never used.

        Raises:
            ProviderRefusal: the provider does not take this account.
        """
        status, envelope = await self._paystack.ask(
            "subaccount_create", "POST", "/subaccount", json=_settlement(business_name, account)
        )
        require(status, envelope)
        return read("subaccount_create", Subaccount, envelope.data).subaccount_code

    async def update_subaccount(self, code: str, business_name: str, account: BankAccount) -> None:
        """PUT /subaccount/:code: its money goes there from now on. Raises ProviderRefusal as `create_subaccount`."""
        path = f"/subaccount/{quote(code, safe='')}"
        body = _settlement(business_name, account)
        status, envelope = await self._paystack.ask("subaccount_update", "PUT", path, tries=READ_TRIES, json=body)
        require(status, envelope)

    async def virtual_account(
        self, *, email: str, name: str, currency: str, subaccount: str
    ) -> tuple[str, BankAccount]:
        """The provider's customer with this address and the account of her own, both made where they are not yet.

        Raises:
            ProviderRefusal: the provider gives none.
        """
        body = {"email": email, "first_name": name, "last_name": ""}
        status, envelope = await self._paystack.ask("customer", "POST", "/customer", tries=READ_TRIES, json=body)
        require(status, envelope)
        customer = read("customer", MadeCustomer, envelope.data)
        known = await self._dedicated_of(customer.id)
        account = known or await self._dedicate(customer.customer_code, currency, subaccount)
        return customer.customer_code, BankAccount("", account.bank.name, account.account_number, account.account_name)

    async def _dedicated_of(self, customer_id: int) -> Dedicated | None:
        asked = {"active": "true", "customer": customer_id}
        status, envelope = await self._paystack.ask(
            "dedicated_list", "GET", "/dedicated_account", tries=READ_TRIES, params=asked
        )
        require(status, envelope)
        found = read("dedicated_list", DedicatedList, {"accounts": envelope.data}).accounts
        return found[0] if found else None

    async def _dedicate(self, customer_code: str, currency: str, subaccount: str) -> Dedicated:
        body = {"customer": customer_code}
        if currency != "NGN":
            body["currency"] = currency
        if subaccount:
            body["subaccount"] = subaccount
        status, envelope = await self._paystack.ask("dedicated_create", "POST", "/dedicated_account", json=body)
        require(status, envelope)
        return read("dedicated_create", Dedicated, envelope.data)

    async def charge_by_transfer(
        self, attempt: Payment, *, email: str, expires_at: datetime
    ) -> tuple[BankAccount, datetime]:
        """POST /charge, once: an account that takes just this amount, and until when the provider says so.

        Paystack publishes no field of this call for a split. It is asked for as of a checkout, and whether it was done
        is read from `fees_split` of the transaction before anything is booked.

        Raises:
            ProviderError: nobody knows whether there is one.
            ProviderRefusal: there is none.
            ReferenceTaken: there was one before.
        """
        body = {
            "reference": attempt.reference,
            "amount": attempt.asked_minor,
            "currency": attempt.currency,
            "email": email,
            "bank_transfer": {"account_expires_at": expires_at.isoformat()},
            "metadata": {"invoice_id": attempt.invoice_id},
        }
        if attempt.split_subaccount:
            body |= {"subaccount": attempt.split_subaccount, "bearer": attempt.split_bearer}
        status, envelope = await self._paystack.ask("charge", "POST", "/charge", json=body)
        if status == BAD_REQUEST and "duplicate" in f"{envelope.code} {envelope.message}".lower():
            raise ReferenceTaken(attempt.reference)
        require(status, envelope)
        charge = read("charge", TransferCharge, envelope.data)
        if charge.reference != attempt.reference:
            raise ProviderError("the provider opened another reference")
        account = BankAccount("", charge.bank.name, charge.account_number, charge.account_name)
        return account, charge.account_expires_at or expires_at


def _settlement(business_name: str, account: BankAccount) -> dict[str, object]:
    return {
        "business_name": business_name,
        "settlement_bank": account.bank_code,
        "account_number": account.account_number,
        "percentage_charge": OUR_SHARE,
    }


def require(status: int, envelope: Envelope) -> None:
    """ProviderError for a wrong key or address, ProviderRefusal for any other no."""
    if status in (UNAUTHORIZED, NOT_FOUND):
        raise ProviderError(f"key or address of the provider is wrong: {status}")
    if status >= BAD_REQUEST:
        raise ProviderRefusal(envelope.message)
