"""The controls under /_control: people act, the provider moves, faults are set, the truth is read."""

from fastapi import APIRouter, Depends, HTTPException

from whatsinvoice_sandbox.world import Here

from . import faults, paystack, phones


def _only_for_this_machine(world: Here) -> None:
    if not world.settings.controllable:
        raise HTTPException(
            403, "controls are refused unless the sandbox is bound to loopback, or SANDBOX_CONTROLS is on"
        )


router = APIRouter(prefix="/_control", dependencies=[Depends(_only_for_this_machine)])
for part in (phones, paystack, faults):
    router.include_router(part.router)
