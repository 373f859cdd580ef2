"""The controls under /_control: people act, the provider moves, faults are set, the truth is read."""

from fastapi import APIRouter, Depends, HTTPException

from whatsinvoice_sandbox.world import Here

from . import faults, payers, phones, provider, truth


def _only_for_this_machine(world: Here) -> None:
    if not world.settings.controllable:
        raise HTTPException(
            403, "controls are refused unless the sandbox is bound to loopback, or SANDBOX_CONTROLS is on"
        )


router = APIRouter(prefix="/_control", dependencies=[Depends(_only_for_this_machine)])
for part in (phones, payers, provider, truth, faults):
    router.include_router(part.router)
