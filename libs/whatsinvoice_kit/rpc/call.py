"""The call that is being served: who calls, for which business, until when. Set once at the edge, read anywhere."""

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

from whatsinvoice_kit.core.errors import Kind, ServiceError


@dataclass(frozen=True, slots=True)
class Identity:
    """A proven caller: a user (`kind` user, `subject` usr_…) or a service acting on its own (`subject` its name)."""

    kind: str
    subject: str
    business_id: str = ""
    session_id: str = ""
    scopes: frozenset[str] = frozenset()
    person_id: str = ""
    """Of a service: the person on whose word it acts. The scopes are then that person's."""
    daily_refund_minor: int = 0
    """Of an API key with refunds:write: the sum of refunds that it may give a day, in minor units."""

    @property
    def by_api_key(self) -> bool:
        """Whether the token was exchanged for an API key."""
        return self.session_id.startswith("key_")


@dataclass(slots=True)
class Call:
    """One request or message in the making."""

    method: str = ""
    """/whatsinvoice.invoices.v1.InvoicesService/IssueInvoice"""
    identity: Identity | None = None
    token: str = ""
    """The caller's own token, forwarded when a user's call goes on to another service."""
    request_id: str = ""
    idempotency_key: str = ""
    deadline: float = field(default_factory=lambda: time.monotonic() + 3600)
    """By time.monotonic()."""
    replayed: bool = False
    """The answer is an earlier one, kept under the idempotency key."""

    @property
    def tenant(self) -> str:
        """The business, or whoever calls when there is none yet."""
        if self.identity is None:
            return "anonymous"
        return self.identity.business_id or self.identity.subject

    @property
    def business_id(self) -> str:
        """The business that the caller acts for; PERMISSION_DENIED when it acts for none."""
        if self.identity is None or not self.identity.business_id:
            raise ServiceError(
                Kind.PERMISSION_DENIED, "BUSINESS_REQUIRED", "this needs a caller that acts for a business"
            )
        return self.identity.business_id

    @property
    def seconds_left(self) -> float:
        """Until the deadline; never below zero."""
        return max(0.0, self.deadline - time.monotonic())


_current: ContextVar[Call | None] = ContextVar("call", default=None)


def attributes_of(method: str) -> dict[str, str | int]:
    """What a span tells of an RPC, by its full path."""
    service, _, name = method.strip("/").partition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}


def current_call() -> Call:
    """The call that is being served; outside of any, an empty one without identity."""
    return _current.get() or Call()


def serving_call() -> Call | None:
    """The call that is being served, or None in a service's own background work."""
    return _current.get()


@contextmanager
def serving(call: Call) -> "Iterator[Call]":
    """Makes this the current call for the block."""
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
