"""`make bench`: our GET and POST beside a bare program in the same run (P1, P2), and start and memory (P9).

Bounded: some thousand requests to 127.0.0.1, a stack of its own that is stopped at the end. Prints a table and writes
.run/bench.json. Rates differ from machine to machine; the ratios are what counts.
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from whatsinvoice_local.backing import discard_postgres
from whatsinvoice_local.backing.ports import free_port
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.memory import resident_bytes
from whatsinvoice_local.stack import Stack

sys.path.insert(0, str(Path(__file__).parents[1]))
from load.client import Load, request_bytes, run

ROOT = Path(__file__).parents[2]
ROUNDS, READS, WRITES, CONNECTIONS = 3, 1_500, 600, 8
LINES = [{"description": f"item {n}", "quantity": "2", "unit_price_minor": 150_000} for n in range(3)]
UNLIMITED = {f"GATEWAY_{kind}_QUOTA": "1000000/minute" for kind in ("READ", "WRITE")}
"""One business asks more here in a minute than it may; the requests are counted all the same."""
PARTS = ("AUTH", "INVOICES", "PAYMENTS", "NOTIFICATIONS", "GATEWAY", "SANDBOX", "POSTGRES", "VALKEY", "SEAWEEDFS")


@contextmanager
def stack() -> Iterator[tuple[Stack, float]]:
    """A stack of its own, and how long it took to be ready."""
    folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-bench-"))
    folder.chmod(0o755)
    made = Stack(folder, given=UNLIMITED, preferred={}, say=lambda _: None)
    started = time.monotonic()
    made.up()
    try:
        yield made, time.monotonic() - started
    finally:
        made.down()
        discard_postgres(made.state.home("postgres"))


@contextmanager
def bare(database_url: str) -> Iterator[int]:
    """The bare programs; gives the HTTP port."""
    port, grpc_port = free_port(), free_port()
    environment = {
        **os.environ,
        "BARE_DATABASE_URL": database_url,
        "BARE_GRPC": f"127.0.0.1:{grpc_port}",
        "BARE_PORT": str(port),
    }
    command = [sys.executable, str(Path(__file__).parent / "bare.py")]
    processes = [subprocess.Popen([*command, kind], env=environment) for kind in ("grpc", "http")]
    try:
        yield port
    finally:
        for process in processes:
            process.terminate()
            process.wait(10)


def _merchant(made: Stack) -> str:
    """The access token of a merchant who has just registered."""
    env = made.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], made.state.folder)
    for step in (story.register, story.receive_code, story.log_in):
        story.deadline = time.monotonic() + 30
        step()
    token = str(story.gateway.headers["authorization"]).partition(" ")[2]
    story.close()
    return token


async def _beside(
    ours: Callable[[int], bytes], theirs: Callable[[int], bytes], ports: tuple[int, int], count: int
) -> tuple[Load, Load]:
    """Both by turns; the best round of each."""
    found: tuple[list[Load], list[Load]] = ([], [])
    for _ in range(ROUNDS):
        for index, make in enumerate((ours, theirs)):
            found[index].append(await run(ports[index], make, count=count, connections=CONNECTIONS))
    return max(found[0], key=lambda load: load.rate), max(found[1], key=lambda load: load.rate)


async def _measure(token: str, ports: tuple[int, int]) -> dict[str, Any]:
    key = secrets.token_hex(4)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = {"customer": {"name": "Jane Okafor"}, "lines": LINES}
    ours_body = json.dumps({**body, "issue": True}).encode()

    def write(number: int) -> bytes:
        unique = f"{key}-{number}-{secrets.token_hex(4)}"
        return request_bytes("POST", "/v1/invoices", {**headers, "Idempotency-Key": unique}, ours_body)

    def bare_write(number: int) -> bytes:
        unique = f"{key}-{number}-{secrets.token_hex(4)}"
        return request_bytes(
            "POST", "/invoices", {}, json.dumps({**body, "business_id": "biz_bare", "key": unique}).encode()
        )

    writes = await _beside(write, bare_write, ports, WRITES)
    reader, writer = await asyncio.open_connection("127.0.0.1", ports[0])
    writer.write(request_bytes("GET", "/v1/invoices?limit=1", {**headers, "Connection": "close"}))
    page = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
    writer.close()
    invoice_id = page["data"][0]["id"]
    reads = await _beside(
        lambda _: request_bytes("GET", f"/v1/invoices/{invoice_id}", headers),
        lambda _: request_bytes("GET", f"/invoices/{invoice_id}", {}),
        ports,
        READS,
    )
    return {"P1": _row(reads, 0.7), "P2": _row(writes, 0.6)}


def _row(pair: tuple[Load, Load], target: float) -> dict[str, Any]:
    ours, theirs = pair
    assert set(ours.statuses) <= {200, 201}, ours.statuses
    assert set(theirs.statuses) <= {200, 201}, theirs.statuses
    ratio = ours.rate / theirs.rate
    times = {
        name: {"p50_ms": round(load.percentile(0.5), 2), "p99_ms": round(load.percentile(0.99), 2)}
        for name, load in (("ours", ours), ("bare", theirs))
    }
    return {
        "value": round(ours.rate),
        "beside": round(theirs.rate),
        "ratio": round(ratio, 2),
        "target": target,
        "ok": ratio >= target,
        **times,
    }


def main() -> None:
    with stack() as (made, seconds):
        env = made.state.env
        token = _merchant(made)
        memory = {part: resident_bytes(int(env[f"{part}_PID"])) / 2**20 for part in PARTS if f"{part}_PID" in env}
        with bare(env["INVOICES_DATABASE_URL"]) as port:
            time.sleep(3)  # it has no readiness to ask for
            gateway = int(env["GATEWAY_URL"].rpartition(":")[2])
            figures = asyncio.run(_measure(token, (gateway, port)))
        total = sum(memory.values())
        figures["P9"] = {
            "value": round(seconds, 1),
            "target": 15,
            "ok": seconds <= 15 and total <= 1_200 and all(memory[part] <= 150 for part in PARTS[:5] if part in memory),
            "memory_mb": {part.lower(): round(size) for part, size in memory.items()} | {"all": round(total)},
        }
    for name, row in figures.items():
        sys.stdout.write(f"{name}: {json.dumps(row)}\n")
    target = ROOT / ".run" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
