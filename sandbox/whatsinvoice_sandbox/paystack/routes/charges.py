"""POST /charge by bank transfer or USSD, where the payer goes on outside the browser; and how far it has come."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request

from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.requests import InitializeRequest, parse_initialize, read_fields
from whatsinvoice_sandbox.paystack.shapes.charges import pending_charge, to_dial, to_transfer
from whatsinvoice_sandbox.paystack.subaccounts import Split
from whatsinvoice_sandbox.paystack.transactions import Transaction
from whatsinvoice_sandbox.world import Here, World

from . import keyed_router
from .transactions import begin, split_of

router = keyed_router()
_SHORTEST, _LONGEST = timedelta(minutes=15), timedelta(hours=8)
_USSD_BANKS = frozenset({"737", "919", "822", "966"})
_CURRENCIES = {"bank_transfer": ("NGN", "GHS"), "ussd": ("NGN",)}


@router.post("/charge", name="charge_create")
async def create(request: Request, world: Here) -> dict[str, Any]:
    fields = await read_fields(request)
    given = [channel for channel in _CURRENCIES if isinstance(fields.get(channel), dict)]
    if len(given) != 1:
        next_step = "The sandbox charges by an object bank_transfer or an object ussd"
        raise PaystackError(400, "Please pass a payment channel", "invalid_params", next_step)
    (channel,) = given
    asked = parse_initialize(fields | {"channels": [channel]})
    if asked.currency not in _CURRENCIES[channel]:
        next_step = f"Use {' or '.join(_CURRENCIES[channel])}"
        raise PaystackError(400, "Currency not supported by channel", "unsupported_currency", next_step)
    options, split = fields[channel], split_of(fields, world)
    if channel == "bank_transfer":
        expires_at = _expiry(options.get("account_expires_at"))
        transaction = _begin(world, request, asked, channel, split)
        transaction.account_expires_at = expires_at
        data = to_transfer(transaction)
    else:
        if options.get("type") not in _USSD_BANKS:
            next_step = f"Use one of {', '.join(sorted(_USSD_BANKS))}"
            raise PaystackError(400, "Invalid USSD type", "invalid_params", next_step)
        data = to_dial(_begin(world, request, asked, channel, split), options["type"])
    return {"status": True, "message": "Charge attempted", "data": data}


@router.get("/charge/{reference}", name="charge_check")
async def check(reference: str, world: Here) -> dict[str, Any]:
    transaction = world.transactions.by_reference(reference)
    if transaction is None:
        raise PaystackError(404, "Charge not found", "transaction_not_found", "Use the reference of a charge")
    return {"status": True, "message": "Reference check successful", "data": pending_charge(transaction)}


def _begin(world: World, request: Request, asked: InitializeRequest, channel: str, split: Split | None) -> Transaction:
    """Begin a charge. Paystack publishes no field for its split; the sandbox takes those of a checkout."""
    transaction = begin(world, request, asked)
    transaction.split = split
    transaction.act("pending", channel)
    return transaction


def _expiry(given: object) -> datetime:
    """When the account stops taking money: at least 15 minutes from now, at most 8 hours, which is also the default."""
    now = datetime.now(UTC)
    if given in (None, ""):
        return now + _LONGEST
    try:
        asked = datetime.fromisoformat(str(given))
    except ValueError as error:
        next_step = "Write account_expires_at in ISO 8601"
        raise PaystackError(400, "Invalid account expiry", "invalid_params", next_step) from error
    asked = asked.replace(tzinfo=UTC) if asked.tzinfo is None else asked
    return min(max(asked, now + _SHORTEST), now + _LONGEST)
