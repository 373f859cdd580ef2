"""Whole processes: a real service as it is started in production, asked over its ports, and stopped by a signal."""

import argparse
import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import httpx
import psycopg
import pytest
from redis.asyncio import Redis
from support.backing import S3
from support.builders import a_business_registered, an_invoice
from support.event_keys import EVENT_KEYS
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer, publish, running
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_invoices.__main__ import SPEC
from whatsinvoice_kit.command import main
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.events.dead_letters import dead_stream
from whatsinvoice_kit.runtime import Command

STREAM = "whatsinvoice.auth.v1"


@pytest.fixture
def environment(migrated: dict[str, str], redis_url: str, s3: S3, keyring: Keyring) -> dict[str, str]:
    """What the invoices service is started with."""
    return {
        "APP_ENV": "test",
        "INVOICES_DATABASE_URL": migrated["invoices"],
        "REDIS_URL": redis_url,
        "TRUSTED_KEYS": keyring.trusted,
        "SERVICE_KEY": json.dumps(keyring.services["invoices"]),
        "PUBLIC_BASE_URL": "https://pay.example",
        "EVENT_KEYS": EVENT_KEYS,
        "S3_ENDPOINT": s3.endpoint,
        "S3_ACCESS_KEY": s3.access_key,
        "S3_SECRET_KEY": s3.secret_key,
    }


class Service:
    """A process of the service; its ports come from its first log lines."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "whatsinvoice_invoices", *arguments],
            env={"PATH": os.environ["PATH"], **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[dict[str, Any]] = []

    def ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))
            if self.lines[-1]["event"] == "ready":
                return self.lines[-1]
        raise AssertionError(f"it ended with {self.process.wait()}: {self.lines}")

    def end(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=10)
        self.lines += [json.loads(line) for line in out.splitlines()]
        return self.process.returncode


@asynccontextmanager
async def started(environment: dict[str, str], *arguments: str) -> AsyncIterator[tuple[Service, dict[str, Any]]]:
    service = Service(environment, *arguments)
    try:
        yield service, await asyncio.to_thread(service.ready)
    finally:
        if service.process.poll() is None:
            service.process.kill()
            service.process.communicate()


async def status(port: int, path: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{port}{path}")).status_code


async def test_a_process_tells_where_it_runs_and_how_often_its_jobs_are_due(environment: dict[str, str]) -> None:
    async with started(environment, "--only=worker") as (_, ports), httpx.AsyncClient() as client:
        told = (await client.get(f"http://127.0.0.1:{ports['ops_port']}/metrics")).text.splitlines()
    assert 'process_environment{environment="test"} 1.0' in told
    assert 'job_interval_seconds{job="invoices.invariants"} 60.0' in told
    assert 'job_failures_total{job="invoices.tidy"} 0.0' in told


async def test_sigterm_answers_the_running_call_and_ends_with_0(
    environment: dict[str, str], keyring: Keyring, migrated: dict[str, str], redis_url: str
) -> None:
    business = new_id("biz")
    async with started(environment) as (service, ports):
        assert [await status(ports["ops_port"], path) for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        await publish(redis_url, STREAM, a_business_registered(business))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{ports['grpc_port']}") as channel:
            stub: Any = invoices_pb2_grpc.InvoicesServiceStub(channel)
            metadata = bearer(keyring.user_token(business))

            async def known() -> bool:
                with suppress(grpc.aio.AioRpcError):
                    await stub.ListInvoices(pb.ListInvoicesRequest(), metadata=metadata)
                    await stub.CreateInvoice(an_invoice(), metadata=metadata)
                    return True
                return False

            await eventually(known)
            with psycopg.connect(migrated["invoices"]) as blocker:
                blocker.execute("LOCK TABLE invoices.invoices IN ACCESS EXCLUSIVE MODE")
                call = asyncio.ensure_future(stub.CreateInvoice(an_invoice(), metadata=metadata))
                await asyncio.sleep(0.3)
                ended = asyncio.create_task(asyncio.to_thread(service.end))
                await asyncio.sleep(0.5)
                assert not call.done()
                assert await status(ports["ops_port"], "/readyz") == 503
            assert (await call).invoice.id.startswith("inv_")
        started_waiting = time.monotonic()
        assert await ended == 0
        assert time.monotonic() - started_waiting < 5
    assert service.lines[-1]["event"] == "stopped"
    assert {line["service"] for line in service.lines} == {"invoices"}
    assert not [line for line in service.lines if line["level"] in ("error", "critical")]


async def test_an_api_process_consumes_nothing_and_a_worker_serves_no_grpc(
    environment: dict[str, str], redis_url: str
) -> None:
    redis: Any = Redis.from_url(redis_url)

    async def consumers() -> set[str]:
        groups = [g["name"] for g in await redis.xinfo_groups(STREAM)]
        return {c["name"].decode() for g in groups for c in await redis.xinfo_consumers(STREAM, g)}

    await redis.xadd(STREAM, {"n": "1"})
    for only, serves, consumes in (("api", True, False), ("worker", False, True)):
        before = await consumers()
        async with started(environment, f"--only={only}") as (service, ports):
            assert (ports["grpc_port"] is not None) is serves
            assert await status(ports["ops_port"], "/readyz") == 200
            if consumes:

                async def more(before: set[str] = before) -> bool:
                    return bool(await consumers() - before)

                await eventually(more)
            else:
                await asyncio.sleep(1)
                assert await consumers() == before
            assert await asyncio.to_thread(service.end) == 0
    await redis.aclose()


async def test_a_process_is_ready_from_start_to_stop(environment: dict[str, str]) -> None:
    values = {name.removeprefix("INVOICES_").lower(): value for name, value in environment.items() if name != "APP_ENV"}
    async with running(SPEC, **values) as process:
        assert await status(process.ops.port, "/readyz") == 200
        process.ops.ready = False
        assert await status(process.ops.port, "/readyz") == 503
        port = process.ops.port
    with pytest.raises(httpx.ConnectError):
        await status(port, "/healthz")


@pytest.fixture
def loaded(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The command in this process, with the service's environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("whatsinvoice_kit.command.configure_logging", lambda *_, **__: None)
    return monkeypatch


def test_check_config_shows_the_settings_without_their_secrets(
    loaded: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environment: dict[str, str]
) -> None:
    main(SPEC, ["--check-config"])
    shown = capsys.readouterr().out
    assert "PUBLIC_BASE_URL=https://pay.example" in shown
    assert "DATABASE_URL=********" in shown
    for secret in ("invoices-of-the-tests", environment["S3_SECRET_KEY"], json.loads(environment["SERVICE_KEY"])["d"]):
        assert secret not in shown


def test_wrong_settings_end_the_command_with_78(loaded: pytest.MonkeyPatch) -> None:
    loaded.delenv("PUBLIC_BASE_URL")
    with pytest.raises(SystemExit) as end:
        main(SPEC, [])
    assert end.value.code == 78


@pytest.mark.parametrize("status", [0, 3])
def test_a_command_of_its_own_is_run_with_its_arguments_and_gives_the_exit_status(
    loaded: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    def takes(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("times", type=int)

    async def count(settings: Any, options: argparse.Namespace) -> int:
        sys.stdout.write(f"{settings.public_base_url} {options.command}")
        return int(options.times)

    spec = dataclasses.replace(SPEC, commands={"count": Command("count", takes, count)})
    code: object = 0
    try:
        main(spec, ["count", str(status)])
    except SystemExit as end:
        code = end.code
    assert (code, capsys.readouterr().out) == (status, "https://pay.example count")


def test_migrating_what_is_migrated_changes_nothing(loaded: pytest.MonkeyPatch, migrated: dict[str, str]) -> None:
    def revision() -> Any:
        with psycopg.connect(migrated["invoices"]) as connection:
            return connection.execute("SELECT version_num FROM invoices.alembic_version").fetchall()

    before = revision()
    main(SPEC, ["migrate"])
    assert revision() == before


def test_dead_letters_are_listed_and_what_is_no_event_stays(
    loaded: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], redis_url: str
) -> None:
    stream = "whatsinvoice.notifications.v1"
    dead = dead_stream(stream, "invoices")

    async def fill() -> None:
        redis: Any = Redis.from_url(redis_url)
        await redis.xadd(dead, {"something": "else", "__origin__": "7-0"})
        await redis.xadd(dead, {"__data__": b"\xff", "__origin__": "8-0"})
        await redis.aclose()

    async def left() -> tuple[int, int]:
        redis: Any = Redis.from_url(redis_url)
        found = await redis.xlen(dead), await redis.xlen(stream)
        await redis.delete(dead)
        await redis.aclose()
        return found

    asyncio.run(fill())
    main(SPEC, ["dead-letters", "list", stream])
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("first as 7-0")
    assert second.endswith("first as 8-0")
    main(SPEC, ["dead-letters", "redrive", stream])
    assert capsys.readouterr().out == "0 applied, 2 left\n"
    assert asyncio.run(left()) == (2, 0), "redrive writes to no producer's stream"


TYPED = """\
from sqlalchemy import insert, select, func
print('rows:', rows(select(func.count()).select_from(models.BUSINESSES)))
from whatsinvoice_invoices.repository import invoices
async def look():
    async with unit_of_work.read() as tx:
        return await invoices.invoice(tx, 'biz_1', 'inv_1')

print('found:', run(look()))
async def change():
    async with unit_of_work.begin() as tx:
        await tx.execute(insert(models.COUNTERS).values(business_id='biz_console', kind='x', last=1))

run(change())
print('changed:', len(rows(select(models.COUNTERS).where(models.COUNTERS.c.business_id == 'biz_console'))))
"""


@pytest.mark.parametrize("write", [False, True])
def test_the_console_reads_and_writes_only_when_asked(environment: dict[str, str], write: bool) -> None:
    own = {"PATH": os.environ["PATH"], **environment}
    words = [sys.executable, "-m", "whatsinvoice_invoices", "console", *(["--write"] if write else [])]
    done = subprocess.run(words, env=own, input=TYPED, capture_output=True, text=True, check=True, timeout=60)
    assert "rows: [{'count_1': " in done.stdout
    assert "found: None" in done.stdout
    assert f"changed: {int(write)}" in done.stdout
    assert ("read-only transaction" in done.stderr) != write
    assert environment["INVOICES_DATABASE_URL"] not in done.stdout + done.stderr
