"""Rate limits against guessing on the auth routes: slowapi, counted in Redis, in memory while that is away."""

from http import HTTPStatus
from math import ceil
from time import time
from typing import Any

from fastapi import FastAPI, Request
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address
from starlette.responses import Response

from whatsinvoice_gateway.edge.problems import problem
from whatsinvoice_gateway.settings import Settings

REDIS_SECONDS = 0.1
"""slowapi is synchronous: a Redis that hangs may hold the loop no longer than this."""


def make_limiter(settings: Settings) -> Limiter:
    """A limiter per client address. X-Forwarded-For is not looked at."""
    timeouts: dict[str, Any] = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    return Limiter(
        key_func=get_remote_address,
        storage_uri=settings.redis_url.get_secret_value(),
        storage_options=timeouts,
        in_memory_fallback_enabled=True,
        key_prefix="gateway",
    )


def headers_of(limiter: Limiter, view_limit: Any) -> dict[str, str]:
    """RateLimit-Limit, -Remaining and -Reset (seconds) of the limit that a request was counted against."""
    item, keys = view_limit
    reset, remaining = limiter.limiter.get_window_stats(item, *keys)
    seconds = max(1, ceil(reset - time()))
    return {
        "RateLimit-Limit": str(item.amount),
        "RateLimit-Remaining": str(max(0, remaining)),
        "RateLimit-Reset": str(seconds),
    }


def install(app: FastAPI, limiter: Limiter) -> None:
    """429 as problem+json, with when to come back."""
    app.state.limiter = limiter

    async def on_exceeded(request: Request, error: Exception) -> Response:  # noqa: ARG001  (the handler's signature)
        headers = headers_of(limiter, request.state.view_rate_limit)
        headers["Retry-After"] = headers["RateLimit-Reset"]
        return problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "RATE_LIMITED",
            "too many requests; try again later",
            instance=request.url.path,
            headers=headers,
        )

    app.add_exception_handler(RateLimitExceeded, on_exceeded)
