"""GET /balance."""

from typing import Any

from whatsinvoice_sandbox.paystack.ledger import balances
from whatsinvoice_sandbox.world import Here

from . import keyed_router

router = keyed_router()


@router.get("/balance", name="balance")
async def balance(world: Here) -> dict[str, Any]:
    sums = balances(world.transactions.paid()) or {"NGN": 0}
    data = [{"currency": currency, "balance": amount} for currency, amount in sums.items()]
    return {"status": True, "message": "Balances retrieved", "data": data}
