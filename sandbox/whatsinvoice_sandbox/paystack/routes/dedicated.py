"""Dedicated accounts: given to a customer, assigned in one go, listed, asked again, taken away."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from whatsinvoice_sandbox.paystack.dedicated import CURRENCIES, PROVIDERS, DedicatedAccount, Provider
from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.paging import PageQuery, page_of
from whatsinvoice_sandbox.paystack.requests import checked_email, read_fields, required
from whatsinvoice_sandbox.paystack.shapes.customers import customer_view
from whatsinvoice_sandbox.paystack.shapes.dedicated import assigned, fetched, listed, provider_view
from whatsinvoice_sandbox.world import Here

from . import keyed_router

router = keyed_router()
_COUNTRIES = {"NG": "NGN", "GH": "GHS"}


class AccountQuery(PageQuery):
    active: bool = True
    customer: str = ""
    currency: str = ""
    provider_slug: str = ""
    bank_id: int | None = None

    def selects(self, account: DedicatedAccount) -> bool:
        return all(
            (
                account.active == self.active,
                not self.customer or self.customer in {str(account.customer.id), account.customer.code},
                not self.currency or self.currency == account.currency,
                not self.provider_slug or self.provider_slug == account.bank.slug,
                self.bank_id is None or self.bank_id == account.bank.id,
            )
        )


@router.post("/dedicated_account", name="dedicated_create")
async def create(request: Request, world: Here) -> dict[str, Any]:
    fields = await read_fields(request)
    required(fields, "customer")
    customer = world.customers.find(str(fields["customer"])) or world.customers.by_id(str(fields["customer"]))
    if customer is None:
        raise PaystackError(
            404, "Customer not found", "not_found", "Create the customer first, and send its code or id"
        )
    currency = fields.get("currency") or "NGN"
    if currency not in CURRENCIES:
        next_step = f"Dedicated accounts exist in {' and '.join(CURRENCIES)}"
        raise PaystackError(400, "Currency not supported", "unsupported_currency", next_step)
    subaccount = world.subaccounts.find_or_refuse(fields.get("subaccount"))
    code = subaccount.code if subaccount else None
    account = world.accounts.assign(customer, _bank(fields.get("preferred_bank")), currency, code)
    data = assigned(account) | {"customer": customer_view(customer)}
    return {"status": True, "message": "NUBAN successfully created", "data": data}


@router.get("/dedicated_account", name="dedicated_list")
async def list_accounts(query: Annotated[AccountQuery, Query()], world: Here) -> dict[str, Any]:
    page, meta = page_of([account for account in world.accounts.newest_first() if query.selects(account)], query)
    data = [listed(account) for account in page]
    return {"status": True, "message": "Managed accounts successfully retrieved", "data": data, "meta": meta}


@router.post("/dedicated_account/assign", name="dedicated_assign")
async def assign(request: Request, world: Here) -> dict[str, Any]:
    """Customer and account in one call; what came of it is told by webhook. A BVN of other than 11 digits fails."""
    fields = await read_fields(request)
    required(fields, "email", "first_name", "last_name", "phone", "preferred_bank", "country")
    if fields["country"] not in _COUNTRIES:
        raise PaystackError(400, "Country not supported", "invalid_params", f"Use {' or '.join(_COUNTRIES)}")
    bank, email = _bank(fields["preferred_bank"]), checked_email(fields["email"])
    subaccount = world.subaccounts.find_or_refuse(fields.get("subaccount"))
    customer = world.customers.of_email(email)
    customer.first_name, customer.last_name = str(fields["first_name"]), str(fields["last_name"])
    customer.phone = str(fields["phone"])
    code = subaccount.code if subaccount else None
    world.assign_account(customer, bank, _COUNTRIES[fields["country"]], code, str(fields.get("bvn") or ""))
    return {"status": True, "message": "Assign dedicated account in progress"}


@router.get("/dedicated_account/available_providers", name="dedicated_providers")
async def providers() -> dict[str, Any]:
    data = [provider_view(provider) for provider in PROVIDERS.values()]
    return {"status": True, "message": "Dedicated account providers retrieved", "data": data}


@router.get("/dedicated_account/requery", name="dedicated_requery")
async def requery(world: Here, account_number: str = "", provider_slug: str = "", date: str = "") -> dict[str, Any]:
    """Tells of the day's transfers into the account once more."""
    account = world.accounts.by_number(account_number)
    if account is None or account.bank.slug != provider_slug:
        raise PaystackError(
            404, "Dedicated account not found", "not_found", "Send its account_number and provider_slug"
        )
    try:
        day = datetime.fromisoformat(date).replace(tzinfo=UTC) if date else datetime.now(UTC)
    except ValueError as error:
        raise PaystackError(400, "Invalid date", "invalid_params", "Write the date as YYYY-MM-DD") from error
    world.transfers.tell_again(account, day)
    message = "We are checking the status of your transfer. We will send you a notification once it is confirmed"
    return {"status": True, "message": message}


def _found(account_id: int, world: Here) -> DedicatedAccount:
    account = world.accounts.by_id(account_id)
    if account is None:
        raise PaystackError(404, "Dedicated account not found", "not_found", "Use the id of a dedicated account")
    return account


TheAccount = Annotated[DedicatedAccount, Depends(_found)]


@router.get("/dedicated_account/{account_id}", name="dedicated_fetch")
async def fetch(account: TheAccount) -> dict[str, Any]:
    return {"status": True, "message": "Customer retrieved", "data": fetched(account)}


@router.delete("/dedicated_account/{account_id}", name="dedicated_deactivate")
async def deactivate(account: TheAccount) -> dict[str, Any]:
    account.active = False
    return {"status": True, "message": "Managed Account Successfully Unassigned", "data": assigned(account)}


def _bank(slug: object) -> Provider:
    if slug in (None, ""):
        return PROVIDERS["test-bank"]
    if str(slug) not in PROVIDERS:
        next_step = f"Use one of {', '.join(PROVIDERS)}"
        raise PaystackError(400, "Preferred bank is not available", "invalid_params", next_step)
    return PROVIDERS[str(slug)]
