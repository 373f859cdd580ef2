"""What really is: the money, what became of webhooks, and which of them lied."""

from typing import Any

from fastapi import APIRouter

from whatsinvoice_sandbox.paystack.ledger import ledger_view
from whatsinvoice_sandbox.world import Here

router = APIRouter()


@router.get("/ledger")
async def ledger(world: Here) -> dict[str, Any]:
    """All that this provider believes in, oldest first."""
    refunds, disputes = world.refunds.newest_first()[::-1], world.disputes.newest_first()[::-1]
    return ledger_view(world.transactions.paid(), refunds, disputes)


@router.get("/webhooks")
async def webhooks(world: Here) -> dict[str, Any]:
    """The latest attempts to deliver a webhook; a dropped one has no status code and the error `dropped`."""
    return {"webhooks": world.deliveries.attempts()}


@router.get("/lies")
async def lies(world: Here) -> dict[str, Any]:
    """Every false webhook that went out."""
    return {"lies": world.paystack_webhooks.lies()}
