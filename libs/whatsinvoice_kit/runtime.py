"""One process of a service: gRPC, consumers, relay, jobs and the ops port in one loop, from signals to drain."""

import asyncio
import signal
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

import structlog
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import Gauge
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncEngine

from whatsinvoice_kit.config.settings import ServiceSettings
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.db import as_service_error, make_engine
from whatsinvoice_kit.data.idempotency import KEPT_HOURS, Idempotency
from whatsinvoice_kit.data.jobs import Job, JobRunner
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.events.bus import Bus, StreamReader
from whatsinvoice_kit.events.connection import connect_to
from whatsinvoice_kit.events.inbox import Inbox, Subscription
from whatsinvoice_kit.events.redrive import redrive
from whatsinvoice_kit.events.relay import Relay
from whatsinvoice_kit.events.tables import KitTables
from whatsinvoice_kit.events.waiting import WaitingEvents
from whatsinvoice_kit.observe import telemetry
from whatsinvoice_kit.observe.health import OpsServer
from whatsinvoice_kit.queue.worker import Queue, QueueRunner
from whatsinvoice_kit.rpc.client import Client, TokenSource, forwarded
from whatsinvoice_kit.rpc.identity import AccessTable, ServiceIdentity
from whatsinvoice_kit.rpc.server import Gate, RpcServer
from whatsinvoice_kit.rpc.tls import CertificateFiles
from whatsinvoice_kit.rpc.tokens import Verifier

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 25.0
RELAY_SECONDS = 1.0
MEASURE_SECONDS = 5.0
TIDY_SECONDS = 3600.0
ENVIRONMENT = Gauge("process_environment", "1 for what APP_ENV says; prod must be backed up", ["environment"])

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Kit(Generic[SettingsT]):
    """What a service's `build` is given to make its parts from."""

    settings: SettingsT
    engine: AsyncEngine
    unit_of_work: UnitOfWork
    idempotency: Idempotency
    identity: ServiceIdentity
    tls: CertificateFiles | None
    """None: plaintext."""

    def client(
        self, target: str, service: ServiceDescriptor, token: TokenSource = forwarded, repeatable: tuple[str, ...] = ()
    ) -> Client:
        """A channel to another service; add its `close` to Parts.closing."""
        return Client(target, service, token, repeatable, self.tls)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service is made of."""

    register: Callable[[Any, Any], None]
    """The generated add_…Servicer_to_server."""
    servicer: object
    descriptor: ServiceDescriptor
    access: AccessTable
    subscriptions: Sequence[Subscription] = ()
    jobs: Sequence[Job] = ()
    queues: Sequence[Queue] = ()
    closing: Sequence[Callable[[], Awaitable[None]]] = ()


@dataclass(frozen=True, slots=True)
class Command(Generic[SettingsT]):
    """A service's own command, `python -m whatsinvoice_<name> <command> …`; what `run` gives is the exit status."""

    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[SettingsT, Namespace], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class ServiceSpec(Generic[SettingsT]):
    """A service, as its __main__ declares it."""

    name: str
    settings: type[SettingsT]
    tables: KitTables
    build: Callable[[Kit[SettingsT]], Parts]
    commands: Mapping[str, Command[SettingsT]] = field(default_factory=dict)
    """By name, beside those that every service has."""

    @property
    def package(self) -> str:
        """Its import name."""
        return f"whatsinvoice_{self.name}"

    @property
    def stream(self) -> str:
        """The stream of its own events."""
        return f"whatsinvoice.{self.name}.v1"


class Process(Generic[SettingsT]):
    """A running service. `only` is "api" (gRPC), "worker" (consumers, relay, jobs) or "" for both."""

    def __init__(self, spec: ServiceSpec[SettingsT], settings: SettingsT, only: str = "") -> None:
        self._spec = spec
        self._settings = settings
        self._started = time.monotonic()
        ENVIRONMENT.labels(settings.app_env).set(1)
        url = settings.database_url.get_secret_value()
        self.engine = make_engine(url, pool_size=settings.pool_size, application=spec.package)
        self.unit_of_work = UnitOfWork(self.engine, spec.tables.outbox)
        identity = ServiceIdentity(spec.name, settings.service_keys())
        idempotency = Idempotency(self.unit_of_work, spec.tables.idempotency)
        self._tls = settings.certificate_files()
        self._parts = spec.build(Kit(settings, self.engine, self.unit_of_work, idempotency, identity, self._tls))
        self.ops = OpsServer(settings.ops_host, settings.ops_port, self._ping)
        self.rpc = self._make_rpc() if only != "worker" else None
        self._bus: Bus | None = None
        self._jobs: JobRunner | None = None
        self._queues: QueueRunner | None = None
        if only != "api":
            tables = spec.tables
            waiting = WaitingEvents(self.unit_of_work, tables.waiting, tables.work, self._parts.subscriptions)
            self._queues = QueueRunner(self.unit_of_work, tables.work, [*self._parts.queues, waiting.queue()])
            self._bus, self._jobs = self._make_worker(url, waiting, self._queues)

    def _make_rpc(self) -> RpcServer:
        parts, settings = self._parts, self._settings
        verifier = Verifier(settings.believed_keys(), self._spec.name)
        gate = Gate(verifier, parts.access, as_service_error)
        rpc = RpcServer(
            gate,
            f"{settings.grpc_host}:{settings.grpc_port}",
            self._tls,
            reflects=settings.app_env != "prod",  # the services are described to nobody there
        )
        rpc.add(parts.register, parts.servicer, parts.descriptor.full_name)
        return rpc

    def _make_worker(self, url: str, waiting: WaitingEvents, queues: QueueRunner) -> tuple[Bus, JobRunner]:
        spec, settings, tables = self._spec, self._settings, self._spec.tables
        connection = connect_to(settings.redis_address())
        keys = settings.shared_event_keys()
        readers = [
            StreamReader(
                connection,
                subscription.stream,
                spec.name,
                Inbox(self.unit_of_work, tables.inbox, subscription, waiting).apply,
                keys,
                claim_idle_ms=settings.claim_idle_ms,
                max_deliveries=settings.max_deliveries,
            )
            for subscription in self._parts.subscriptions
        ]
        outbox = (tables.outbox, tables.relay_state)
        relay = Relay(connection.redis, self.unit_of_work, *outbox, spec.stream, keys, days=settings.outbox_days)

        async def tidy() -> int:
            await relay.tidy(tables.inbox)
            keys = tables.idempotency
            async with self.unit_of_work.begin() as tx:
                oldest = now() - timedelta(hours=KEPT_HOURS)
                await tx.execute(delete(keys).where(keys.c.created_at < oldest))
            return 0

        bus = Bus(connection, readers)

        async def measure() -> int:
            await bus.measure()
            await relay.measure()
            await queues.measure()
            await waiting.measure()
            return 0

        jobs = [
            Job("relay", relay.publish_batch, RELAY_SECONDS, channel=f"{spec.name}_outbox"),
            Job("watch-redis", relay.check_redis, RELAY_SECONDS),
            Job("measure", measure, MEASURE_SECONDS),
            Job(f"{spec.name}.tidy", tidy, TIDY_SECONDS, single=True),
            *self._parts.jobs,
        ]
        return bus, JobRunner(url, jobs, channels=[f"{spec.name}_work"])

    async def _ping(self) -> None:
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def redrive(self, stream: str) -> tuple[int, int]:
        """Apply the dead letters of one stream, and make the waiting events due that were given up."""
        subscription = next((found for found in self._parts.subscriptions if found.stream == stream), None)
        if subscription is None:
            raise SystemExit(f"{self._spec.name} does not read {stream}")
        tables, keys = self._spec.tables, self._settings.shared_event_keys()
        waiting = WaitingEvents(self.unit_of_work, tables.waiting, tables.work, self._parts.subscriptions)
        inbox = Inbox(self.unit_of_work, tables.inbox, subscription, waiting)
        connection = connect_to(self._settings.redis_address())
        try:
            await waiting.retry_given_up()
            return await redrive(connection.redis, stream, self._spec.name, inbox.apply, keys)
        finally:
            await connection.close()

    async def close(self) -> None:
        """Close what a process holds that was never started."""
        for close in self._parts.closing:
            await close()
        await self.engine.dispose()

    async def start(self) -> None:
        """Starts everything, then is ready."""
        await self.ops.start()
        if self.rpc is not None:
            await self.rpc.start()
        if self._bus is not None and self._jobs is not None and self._queues is not None:
            wakeups, channel = self._jobs.wakeups, f"{self._spec.name}_work"
            await self._bus.start()
            self._queues.start(lambda: wakeups.event(channel))
            await self._jobs.start()
        self.ops.ready = True
        ports = {"grpc_port": self.rpc.port if self.rpc else None, "ops_port": self.ops.port}
        log.info("ready", seconds=round(time.monotonic() - self._started, 2), **ports)

    async def stop(self) -> None:
        """Not ready, a while later no new work, running work ends within 25 s in all, everything closed."""
        self.ops.ready = False
        ends: list[Awaitable[None]] = []
        if self.rpc is not None:
            ends.append(self._stop_rpc(self.rpc, self._settings.drain_delay_seconds))
        if self._bus is not None and self._jobs is not None and self._queues is not None:
            ends.append(self._stop_worker(self._bus, self._jobs, self._queues))
        await asyncio.gather(*ends)
        await self.ops.stop()
        await self.close()
        log.info("stopped")

    @staticmethod
    async def _stop_rpc(rpc: RpcServer, delay: float) -> None:
        await rpc.leave()
        await asyncio.sleep(delay)
        await rpc.stop(DRAIN_SECONDS - delay)

    @staticmethod
    async def _stop_worker(bus: Bus, jobs: JobRunner, queues: QueueRunner) -> None:
        """Stop jobs, queues and readers, then close the bus: the relay is one of the jobs and uses its connections."""
        await asyncio.gather(jobs.stop(DRAIN_SECONDS), queues.stop(DRAIN_SECONDS), bus.stop_reading())
        await bus.stop()


async def serve(spec: ServiceSpec[SettingsT], settings: SettingsT, only: str = "") -> None:
    """Runs a process until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    telemetry.start(spec.name, settings.otel_exporter_otlp_endpoint, settings.otel_traces_sampler_arg)
    process = Process(spec, settings, only)
    await process.start()
    await stop.wait()
    await process.stop()
    telemetry.stop()


async def redrive_dead_letters(spec: ServiceSpec[SettingsT], settings: SettingsT, stream: str) -> tuple[int, int]:
    """Apply the dead letters of one stream in this process. Return how many were applied, and how many stay.

    Raises:
        SystemExit: the service does not read that stream.
    """
    process = Process(spec, settings, "worker")
    try:
        return await process.redrive(stream)
    finally:
        await process.close()
