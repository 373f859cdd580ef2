"""Controls of misbehaviour and time, and what became of webhooks."""

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from whatsinvoice_sandbox.faults import EVENTS, KNOWN, Fault
from whatsinvoice_sandbox.world import Here

from .strict import Strict

router = APIRouter()


@router.put("/faults")
async def set_faults(faults: list[Fault], world: Here) -> dict[str, Any]:
    world.faults.replace(faults)
    return {"faults": world.faults.describe()}


@router.get("/faults")
async def show_faults(world: Here) -> dict[str, Any]:
    known = {provider: {call: sorted(names) for call, names in calls.items()} for provider, calls in KNOWN.items()}
    events = {provider: sorted(names) for provider, names in EVENTS.items()}
    return {"faults": world.faults.describe(), "known": known, "events": events}


@router.get("/webhooks")
async def webhooks(world: Here) -> dict[str, Any]:
    """The latest attempts to deliver a webhook; a dropped one has no status code and the error `dropped`."""
    return {"webhooks": world.deliveries.attempts()}


@router.get("/lies")
async def lies(world: Here) -> dict[str, Any]:
    """Every false webhook that went out."""
    return {"lies": world.paystack_webhooks.lies()}


class Clock(Strict):
    scale: float = Field(gt=0, allow_inf_nan=False)


@router.post("/clock")
async def set_clock(clock: Clock, world: Here) -> dict[str, float]:
    world.clock.rescale(clock.scale)
    return {"scale": world.clock.scale}
