"""Running a service of ours in the test's own loop, on real parts and free ports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from whatsinvoice_kit.config.redis_address import RedisAddress
from whatsinvoice_kit.events.authentic import producer_of
from whatsinvoice_kit.events.connection import connect_to
from whatsinvoice_kit.rpc.errors import from_rpc_error
from whatsinvoice_kit.runtime import Process, ServiceSpec

from support.event_keys import EVENT_KEYS, keys_of


@asynccontextmanager
async def running(spec: ServiceSpec[Any], **values: Any) -> AsyncIterator[Process[Any]]:
    """A started process; settings by field name, the rest by default, and `only` for one half of it."""
    only = values.pop("only", "")
    settings = spec.settings(**({"app_env": "test", "event_keys": EVENT_KEYS} | values))
    process = Process(spec, settings, only)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


def channel_to(process: Process[Any]) -> grpc.aio.Channel:
    """A plain channel to its gRPC port."""
    port = process.rpc.port if process.rpc else 0
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}")


def bearer(token: str, **metadata: str) -> tuple[tuple[str, str], ...]:
    """Call metadata with a token; underscores of further names become hyphens."""
    return (("authorization", f"Bearer {token}"), *((k.replace("_", "-"), v) for k, v in metadata.items()))


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason in an error's ErrorInfo."""
    return from_rpc_error(error).reason


async def publish(redis_url: str, stream: str, *events: Any) -> None:
    """Put events on a stream as the relay of its producer does."""
    keys = keys_of(producer_of(stream))
    connection = connect_to(RedisAddress.parse(redis_url))
    await connection.broker.connect()
    for event in events:
        body, event_type = event.SerializeToString(), type(event).__name__
        headers = {"event_type": event_type, "event_id": event.event_id, "traceparent": ""}
        headers |= keys.headers(stream, event_type, event.event_id, body)
        await connection.broker.publish(body, stream=stream, headers=headers)
    await connection.close()


def forget_streams(redis_url: str, *streams: str) -> None:
    """What services of other folders' tests have told is not for ours, who would ask for its rows in vain."""

    async def forget() -> None:
        connection = connect_to(RedisAddress.parse(redis_url))
        await connection.redis.delete(*streams)
        await connection.close()
        await asyncio.sleep(0.05)  # its transports end a step of the loop later, and this loop ends here

    asyncio.run(forget())
