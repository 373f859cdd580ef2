"""`make bench`: our GET and POST beside a bare program in the same run (P1, P2), and start and memory (P9).

`make bench TRACING=1`: the GET of P1 alone, by turns on stacks that trace nothing, 1 % and all of it.

Bounded: some thousand requests to 127.0.0.1, a stack of its own that is stopped at the end. Prints a table and writes
.run/bench.json. Rates differ from machine to machine; the ratios are what counts.
"""

import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from whatsinvoice_local.backing import discard_postgres
from whatsinvoice_local.backing.ports import free_port
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.memory import resident_bytes
from whatsinvoice_local.stack import Stack

sys.path.insert(0, str(Path(__file__).parents[2]))
from proofs.bench.client import Load, request_bytes, run
from support.collector import running_collector

ROOT = Path(__file__).parents[3]
ROUNDS, READS, WRITES, CONNECTIONS = 3, 1_500, 600, 8
LINES = [{"description": f"item {n}", "quantity": "2", "unit_price_minor": 150_000} for n in range(3)]
UNLIMITED = {f"GATEWAY_{kind}_QUOTA": "1000000/minute" for kind in ("READ", "WRITE")}
"""One business asks more here in a minute than it may; the requests are counted all the same."""
PARTS = ("AUTH", "INVOICES", "PAYMENTS", "NOTIFICATIONS", "GATEWAY", "SANDBOX", "POSTGRES", "VALKEY", "SEAWEEDFS")


TRACED = {"off": "", "1 %": "0.01", "all": "1"}
TRACED_ROUNDS, TRACED_READS = 16, 250


@contextmanager
def stack(**given: str) -> Iterator[tuple[Stack, float]]:
    """A stack of its own, and how long it took to be ready."""
    folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-bench-"))
    folder.chmod(0o755)
    made = Stack(folder, given=UNLIMITED | given, preferred={}, say=lambda _: None)
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
    story.close()
    return story.token


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


async def _one_invoice(port: int, token: str) -> bytes:
    """The request that reads an invoice made for it."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Connection": "close"}
    body = json.dumps({"customer": {"name": "Jane Okafor"}, "lines": LINES, "issue": True}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes("POST", "/v1/invoices", headers | {"Idempotency-Key": secrets.token_hex(4)}, body))
    made = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
    writer.close()
    return request_bytes("GET", f"/v1/invoices/{made['id']}", {"Authorization": headers["Authorization"]})


def _same(request: bytes, _: int) -> bytes:
    return request


def _cpu_seconds(made: Stack) -> float:
    """What the gateway and invoices have used of the processors."""
    stats = (Path(f"/proc/{made.state.env[f'{part}_PID']}/stat").read_text() for part in ("GATEWAY", "INVOICES"))
    ticks = (stat.rpartition(")")[2].split()[11:13] for stat in stats)
    return sum(int(tick) for pair in ticks for tick in pair) / os.sysconf("SC_CLK_TCK")


async def _by_turns(stacks: dict[str, Stack]) -> dict[str, list[tuple[float, float]]]:
    """Requests a second and microseconds of processor a request, of each stack in each round, forth and back."""
    ports = {name: int(made.state.env["GATEWAY_URL"].rpartition(":")[2]) for name, made in stacks.items()}
    requests = {name: await _one_invoice(ports[name], _merchant(made)) for name, made in stacks.items()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in stacks}
    for number in range(-1, TRACED_ROUNDS):  # the first warms up
        for name in list(stacks)[:: 1 if number % 2 else -1]:
            before = _cpu_seconds(stacks[name])
            load = await run(ports[name], partial(_same, requests[name]), count=TRACED_READS, connections=CONNECTIONS)
            assert set(load.statuses) == {200}, load.statuses
            if number >= 0:
                found[name].append((load.rate, (_cpu_seconds(stacks[name]) - before) / TRACED_READS * 1e6))
    return found


def _beside_untraced(found: dict[str, list[tuple[float, float]]]) -> dict[str, dict[str, Any]]:
    """Medians of the rounds; the ratio of rates is the median of each round's own, since machines have moods."""
    rows = {}
    for name, rounds in found.items():
        ratios = [rate / off for (rate, _), (off, _) in zip(rounds, found["off"], strict=True)]
        cpu = {key: statistics.mean(used for _, used in found[key]) for key in (name, "off")}
        rows[name] = {
            "value": round(statistics.median(rate for rate, _ in rounds)),
            "ratio": round(statistics.median(ratios), 3),
            "cpu_us": round(cpu[name]),
            "cpu_ratio": round(cpu[name] / cpu["off"], 3),
        }
    return rows


def tracing() -> None:
    """What tracing costs the GET of P1, beside a stack that traces nothing, in rate and in processor time."""
    with ExitStack() as opened:
        collector = opened.enter_context(running_collector())
        stacks = {}
        for name, share in TRACED.items():
            traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_TRACES_SAMPLER_ARG": share}
            stacks[name], _ = opened.enter_context(stack(**traced if share else {}))
        rows = _beside_untraced(asyncio.run(_by_turns(stacks)))
        spans = len(collector.spans)
    for name, row in rows.items():
        sys.stdout.write(f"P1 traced {name}: {json.dumps(row)}\n")
    sys.stdout.write(f"spans that arrived: {spans}\n")


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
    tracing() if "--tracing" in sys.argv[1:] else main()
