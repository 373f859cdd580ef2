"""The Idempotency-Key header: passed on to the service, which keeps the first answer beside the effect."""

from typing import Annotated

from fastapi import Depends, Header
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.rpc.call import current_call

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern="^[\\x21-\\x7e]+$",
        description="Visible ASCII; the same key gets the first answer",
    ),
]


async def _optional(key: Key = None) -> None:
    current_call().idempotency_key = key or ""


async def _required(key: Key = None) -> None:
    if not key:
        message = "this route moves money or a message: send an Idempotency-Key"
        raise ServiceError(Kind.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REQUIRED", message)
    current_call().idempotency_key = key


idempotent = Depends(_optional)
idempotency_required = Depends(_required)
