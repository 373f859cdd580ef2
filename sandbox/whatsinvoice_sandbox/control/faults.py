"""Controls of misbehaviour and time."""

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


class Clock(Strict):
    scale: float = Field(gt=0, allow_inf_nan=False)


@router.post("/clock")
async def set_clock(clock: Clock, world: Here) -> dict[str, float]:
    world.clock.rescale(clock.scale)
    return {"scale": world.clock.scale}
