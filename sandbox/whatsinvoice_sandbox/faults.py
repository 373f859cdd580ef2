"""Misbehaviour on demand, seeded so that a run can be repeated.

On webhooks: `drop` (never sent), `duplicate` (sent `copies` times), `delay` and `reorder` (held for `seconds`, or for a
random part of them), `lie` (a charge.success that is signed, but with a wrong amount, currency or reference). All of
them, or those of one `event`.
On calls: `delay`, `http_5xx` and `rate_limit` (refused, nothing done), `timeout` (done, but the answer is held back),
`flap` (down and up in turns of `seconds`), `lie` (a verify that contradicts what was asked).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, model_validator

# what a webhook fault can be narrowed to
EVENTS: dict[str, frozenset[str]] = {
    "paystack": frozenset(
        {
            "charge.success",
            "bank.transfer.rejected",
            *(f"dedicatedaccount.assign.{outcome}" for outcome in ("success", "failed")),
            *(f"customeridentification.{outcome}" for outcome in ("success", "failed")),
            *(f"refund.{status}" for status in ("pending", "processing", "processed", "failed", "needs-attention")),
            *(f"charge.dispute.{moment}" for moment in ("create", "remind", "resolve")),
        }
    ),
    "meta": frozenset({"messages", "statuses"}),
}
_WEBHOOK = frozenset({"drop", "duplicate", "reorder", "delay"})
_CALL = frozenset({"delay", "timeout", "http_5xx", "rate_limit", "flap"})
_PAYSTACK_CALLS = (
    *("initialize", "list", "transaction_fetch", "banks", "resolve", "balance"),
    *("refund_create", "refund_list", "refund_fetch", "refund_retry"),
    *("dispute_list", "dispute_fetch", "dispute_of_transaction", "dispute_update", "dispute_upload_url"),
    *("dispute_evidence", "dispute_resolve", "charge_create", "charge_check", "customer_create", "customer_fetch"),
    *("dedicated_create", "dedicated_list", "dedicated_fetch", "dedicated_deactivate", "dedicated_assign"),
    *("dedicated_requery", "dedicated_providers"),
    *("subaccount_create", "subaccount_list", "subaccount_fetch", "subaccount_update"),
)
KNOWN: dict[str, dict[str, frozenset[str]]] = {
    "paystack": {
        "webhook": _WEBHOOK | {"lie"},
        "verify": _CALL | {"lie"},
        **dict.fromkeys(_PAYSTACK_CALLS, _CALL),
    },
    "meta": {
        "webhook": _WEBHOOK,
        **dict.fromkeys(("messages", "media", "media_url", "download", "message_templates"), _CALL),
    },
}
_DEFAULT_SECONDS = {"delay": 1.0, "reorder": 1.0, "timeout": 60.0, "flap": 5.0}


class InjectedOutage(Exception):  # noqa: N818  it is an event that was ordered, not a mistake
    """The call fails as if the provider were down."""


class InjectedThrottle(Exception):  # noqa: N818  as above
    """The call is refused as if the provider were over its limit."""


class Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    call: str
    fault: str
    rate: float = Field(default=1.0, ge=0, le=1)
    count: int | None = Field(default=None, ge=1)
    seed: int = 0
    seconds: float | None = Field(default=None, ge=0)
    copies: int = Field(default=2, ge=2, le=100)
    field: Literal["amount", "currency", "reference", "split"] | None = None
    event: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        calls = KNOWN.get(self.provider)
        if calls is None:
            raise ValueError(f"unknown provider {self.provider!r}; known: {', '.join(sorted(KNOWN))}")
        if self.call not in calls:
            raise ValueError(f"unknown call {self.call!r} of {self.provider}; known: {', '.join(sorted(calls))}")
        if self.fault not in calls[self.call]:
            known = ", ".join(sorted(calls[self.call]))
            raise ValueError(f"unknown fault {self.fault!r} of {self.provider} {self.call}; known: {known}")
        self._check_event()
        return self

    def _check_event(self) -> None:
        if self.event is None:
            return
        if self.call != "webhook":
            raise ValueError("only a fault on the call 'webhook' can be narrowed to an event")
        known = {"charge.success"} if self.fault == "lie" else EVENTS[self.provider]
        if self.event not in known:
            raise ValueError(f"unknown event {self.event!r} for {self.fault}; known: {', '.join(sorted(known))}")

    def aims_at(self, provider: str, call: str, fault: str, event: str) -> bool:
        return (self.provider, self.call, self.fault) == (provider, call, fault) and self.event in {None, event}

    @property
    def duration(self) -> float:
        """Seconds."""
        return _DEFAULT_SECONDS.get(self.fault, 0.0) if self.seconds is None else self.seconds


@dataclass(slots=True)
class _Armed:
    fault: Fault
    dice: random.Random
    since: float
    fired: int = 0

    def fires(self) -> bool:
        if self.fault.count is not None and self.fired >= self.fault.count:
            return False
        if self.fault.fault == "flap" and int((time.monotonic() - self.since) / max(self.fault.duration, 0.001)) % 2:
            return False
        if self.dice.random() >= self.fault.rate:
            return False
        self.fired += 1
        return True


@dataclass(slots=True)
class Faults:
    _armed: list[_Armed] = field(default_factory=list)

    def replace(self, faults: list[Fault]) -> None:
        now = time.monotonic()
        self._armed = [
            _Armed(fault, random.Random(fault.seed), now)  # noqa: S311  repeatable on purpose, guards nothing
            for fault in faults
        ]

    def describe(self) -> list[dict[str, Any]]:
        return [{**armed.fault.model_dump(exclude_none=True), "fired": armed.fired} for armed in self._armed]

    def draw(self, provider: str, call: str, fault: str, event: str = "") -> Fault | None:
        """The fault to play now, if one is armed for this call (a webhook: of this event) and its dice say so."""
        for armed in self._armed:
            if armed.fault.aims_at(provider, call, fault, event) and armed.fires():
                return armed.fault
        return None

    def draw_part(self, fault: Fault) -> float:
        """A random part of the fault's duration, in seconds, from the fault's own dice."""
        return self._dice_of(fault).random() * fault.duration

    def draw_lie(self, fault: Fault) -> str:
        """Return what to lie about: the fault's field, or one that its dice choose. A split only where it is named."""
        return fault.field or self._dice_of(fault).choice(("amount", "currency", "reference"))

    def _dice_of(self, fault: Fault) -> random.Random:
        return next(armed.dice for armed in self._armed if armed.fault is fault)


class FaultyRoute(APIRoute):
    """A provider's route whose name is the `call` that faults are aimed at."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # Starlette types it as a Coroutine, which an async def satisfies
        handle = super().get_route_handler()

        async def handle_with_faults(request: Request) -> Response:
            faults: Faults = request.app.state.world.faults
            provider: str = request.app.state.provider
            if fault := faults.draw(provider, self.name, "delay"):
                await asyncio.sleep(fault.duration)
            if faults.draw(provider, self.name, "http_5xx") or faults.draw(provider, self.name, "flap"):
                raise InjectedOutage
            if faults.draw(provider, self.name, "rate_limit"):
                raise InjectedThrottle
            response = await handle(request)
            if fault := faults.draw(provider, self.name, "timeout"):
                await asyncio.sleep(fault.duration)
            return response

        return handle_with_faults
