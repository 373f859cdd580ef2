"""Rate limits against guessing on the auth routes: slowapi, counted in Redis, in memory while that is away."""

from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import time
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request
from limits.errors import StorageError
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address
from starlette.responses import Response
from starlette.types import Scope
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice_kit.events.limit_stores import sync_store

from whatsinvoice_gateway.edge import cluster_storage  # noqa: F401  (limits knows a store once its class is made)
from whatsinvoice_gateway.edge.problems import problem
from whatsinvoice_gateway.edge.quotas import Tally
from whatsinvoice_gateway.settings import Settings


def client_address(request: Request) -> str:
    """Whom a limit counts: an IPv4 address, or the /64 that one customer of an IPv6 network has to himself."""
    text = str(get_remote_address(request))
    try:
        address = ip_address(text)
    except ValueError:  # what a trusted proxy wrote; it is a key like any other
        return text
    if not isinstance(address, IPv6Address):
        return text
    return str(address.ipv4_mapped or ip_network((address, 64), strict=False))


DeviceId = Annotated[
    str,
    Header(
        alias="X-Device-Id",
        max_length=64,
        description="A random id of 16 characters or more, kept by the device: strangers' guesses do not count on it",
    ),
]


def origin_of(request: Request, device_id: str) -> auth_pb2.Origin:
    """Return where a guess comes from, for auth to count."""
    return auth_pb2.Origin(address=str(get_remote_address(request)), device_id=device_id)


def make_limiter(settings: Settings) -> Limiter:
    """A limiter per client address, the same for all paths of a route."""
    uri, options = sync_store(settings.redis_address(), settings.limit_store_seconds)
    return Limiter(
        key_func=client_address,
        storage_uri=uri,
        storage_options=options | {"wrap_exceptions": True},
        in_memory_fallback_enabled=True,
        key_prefix="gateway",
        key_style="endpoint",
    )


def close(limiter: Limiter) -> None:
    """Closes the connections, which neither slowapi nor `limits` does."""
    store = limiter._storage  # noqa: SLF001  (`limiter.limiter` is the one in memory while Redis is given up)
    for name in ("storage", "storage_slave", "sentinel"):
        if client := getattr(store, name, None):
            client.close()


def headers_of(scope: Scope) -> dict[str, str]:
    """RateLimit-* of the limit, or else the quota, that a request was counted against; empty without either."""
    state = scope.get("state", {})
    view_limit = state.get("view_rate_limit")
    tally = state.get("tally")
    if view_limit is not None:
        tally = _tally(scope["app"].state.limiter, view_limit)
    return tally.headers if tally is not None else {}


def _tally(limiter: Limiter, view_limit: Any) -> Tally | None:
    item, keys = view_limit
    try:
        reset, remaining = limiter.limiter.get_window_stats(item, *keys)
    except StorageError:  # Redis went away since it counted: the next request notices and counts in memory
        return None
    return Tally(remaining > 0, item.amount, remaining, max(1, ceil(reset - time())))


def install(app: FastAPI, limiter: Limiter) -> None:
    """429 as problem+json, with when to come back."""
    app.state.limiter = limiter

    async def on_exceeded(request: Request, error: Exception) -> Response:  # noqa: ARG001  (the handler's signature)
        seconds = headers_of(request.scope).get("RateLimit-Reset", "1")
        return problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "RATE_LIMITED",
            "too many requests; try again later",
            instance=request.url.path,
            headers={"Retry-After": seconds},
        )

    app.add_exception_handler(RateLimitExceeded, on_exceeded)
