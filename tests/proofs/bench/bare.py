"""The bare programs that ours is measured beside: one FastAPI route, one grpc.aio call, raw psycopg, the same JSON.

No token, no deadline, no idempotency, no validation beyond JSON: what is left when all that we promise is taken away.
`python tests/proofs/bench/bare.py grpc|http`; addresses come from BARE_DATABASE_URL, BARE_GRPC and BARE_PORT.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import grpc
import psycopg
import uvicorn
import uvloop
from fastapi import FastAPI, Request
from fastapi.responses import Response
from psycopg.types.json import Jsonb
from whatsinvoice_kit.core.ids import new_id

READ = "SELECT to_jsonb(i) - 'token' FROM invoices.invoices i WHERE id = %s"
SERVICE = "bare.Bare"
CONNECTIONS = 10


class Pool:
    """Ten connections, lent one by one."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[Any] = asyncio.Queue()

    async def open(self, url: str) -> None:
        for _ in range(CONNECTIONS):
            # row-level security is among what is taken away
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c app.business_id=*")
            self._free.put_nowait(connection)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)


async def _get(pool: Pool, request: bytes) -> bytes:
    async with pool.connection() as connection:
        row = await (await connection.execute(READ, [request.decode()])).fetchone()
    return json.dumps(row[0]).encode()


async def _create(pool: Pool, request: bytes) -> bytes:
    """The rows that ours writes: customer, number, invoice, timeline, outbox, idempotency key; in one transaction."""
    body = json.loads(request)
    lines, business_id, key = body["lines"], body["business_id"], body["key"]
    invoice_id, customer_id = new_id("inv"), new_id("cus")
    now, total = datetime.now().astimezone(), sum(line["unit_price_minor"] for line in lines)
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT 1 FROM invoices.idempotency_keys WHERE scope = 'bare' AND key = %s", [key])
        await connection.execute(
            "INSERT INTO invoices.customers (id, business_id, name) VALUES (%s, %s, %s)",
            [customer_id, business_id, body["customer"]["name"]],
        )
        await connection.execute(
            "INSERT INTO invoices.invoices (id, business_id, customer_id, customer, status, currency, lines,"
            " subtotal_minor, discount_minor, tax_minor, total_minor, prices_include_tax, terms, created_at)"
            " VALUES (%s, %s, %s, %s, 'open', 'NGN', %s, %s, 0, 0, %s, false, %s, %s)",
            [
                invoice_id,
                business_id,
                customer_id,
                Jsonb(body["customer"]),
                Jsonb(lines),
                total,
                total,
                Jsonb({}),
                now,
            ],
        )
        await connection.execute(
            "INSERT INTO invoices.timeline (id, business_id, invoice_id, kind, occurred_at, details)"
            " VALUES (%s, %s, %s, 'created', %s, '{}')",
            [new_id("tml"), business_id, invoice_id, now],
        )
        await connection.execute(
            "INSERT INTO invoices.counters (business_id, kind, last) VALUES (%s, 'bare', 1)"
            " ON CONFLICT (business_id, kind) DO UPDATE SET last = counters.last + 1 RETURNING last",
            [business_id],
        )
        await connection.execute(
            "INSERT INTO invoices.outbox (event_id, event_type, business_id, payload, published_at)"
            " VALUES (%s, 'Bare', %s, %s, now())",
            [new_id("evt"), business_id, request],
        )
        answer = json.dumps({"id": invoice_id, "total_minor": total, **body}).encode()
        await connection.execute(
            "INSERT INTO invoices.idempotency_keys (scope, key, request_hash, response) VALUES ('bare', %s, '', %s)",
            [key, answer],
        )
    return answer


async def serve_grpc() -> None:
    pool = Pool()
    await pool.open(os.environ["BARE_DATABASE_URL"])

    async def get(request: bytes, _: Any) -> bytes:
        return await _get(pool, request)

    async def create(request: bytes, _: Any) -> bytes:
        return await _create(pool, request)

    handlers: dict[str, Any] = {
        "Get": grpc.unary_unary_rpc_method_handler(get),
        "Create": grpc.unary_unary_rpc_method_handler(create),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(os.environ["BARE_GRPC"])
    await server.start()
    await server.wait_for_termination()


async def serve_http() -> None:
    channel: Any = grpc.aio.insecure_channel(os.environ["BARE_GRPC"])
    get, create = channel.unary_unary(f"/{SERVICE}/Get"), channel.unary_unary(f"/{SERVICE}/Create")
    app = FastAPI()

    @app.get("/invoices/{invoice_id}")
    async def read(invoice_id: str) -> Response:
        return Response(await get(invoice_id.encode()), media_type="application/json")

    @app.post("/invoices")
    async def write(request: Request) -> Response:
        return Response(await create(await request.body()), 201, media_type="application/json")

    port = int(os.environ["BARE_PORT"])
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(serve_grpc() if sys.argv[1] == "grpc" else serve_http())
