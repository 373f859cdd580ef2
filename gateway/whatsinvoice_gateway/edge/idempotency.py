"""The Idempotency-Key header: passed on to the service, which keeps the first answer beside the effect."""

from typing import Annotated

from fastapi import Depends, Header
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.rpc.call import current_call

HEADER = "Idempotency-Key"
REQUIRED = "this moves money or a message: send an Idempotency-Key"
_Key = Header(
    alias=HEADER,
    min_length=1,
    max_length=255,
    pattern="^[\\x21-\\x7e]+$",
    description="Visible ASCII; the same key gets the first answer",
)


async def _optional(key: Annotated[str | None, _Key] = None) -> None:
    current_call().idempotency_key = key or ""


async def _required(key: Annotated[str, _Key]) -> None:
    current_call().idempotency_key = key


def require_key() -> None:
    """Refuse a request of this body without a key; 400 (IDEMPOTENCY_KEY_REQUIRED)."""
    if not current_call().idempotency_key:
        raise ServiceError(Kind.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REQUIRED", REQUIRED)


idempotent = Depends(_optional)
idempotency_required = Depends(_required)
"""A route that moves money or a message: 400 without the header, see problems.py."""
