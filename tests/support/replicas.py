"""Every program of a stack twice, so that one of each can be away: what a cluster does with its pods."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from whatsinvoice_local.backing import processes
from whatsinvoice_local.backing.ports import free_port
from whatsinvoice_local.parts import SERVICES
from whatsinvoice_local.stack import Stack

READY_SECONDS = 90.0
PARTS = (*SERVICES, "gateway")


@dataclass
class Replica:
    """One process; `port` is of gRPC or, for the gateway, of HTTP."""

    part: str
    port: int
    ops_port: int
    environment: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)
    ready: bool = False

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"whatsinvoice_{self.part}"], env=self.environment, stdout=log, stderr=log
            )

    def ask_to_end(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> float:
        """Seconds until it has."""
        assert self.process is not None
        started = time.monotonic()
        assert await asyncio.to_thread(self.process.wait, 60) == 0, self.log.read_text()[-3000:]
        return time.monotonic() - started

    async def restart(self, client: httpx.AsyncClient) -> float:
        """Ends it and starts it again; gives the seconds that the end took."""
        self.ask_to_end()
        seconds = await self.ended()
        self.start()
        await self.until_ready(client)
        await asyncio.sleep(1)  # until the others have found it
        return seconds

    async def look(self, client: httpx.AsyncClient) -> bool:
        """Asks whether it is ready, as a load balancer does."""
        try:
            self.ready = (await client.get(f"http://127.0.0.1:{self.ops_port}/readyz")).status_code == 200
        except httpx.TransportError:
            self.ready = False
        return self.ready

    async def until_ready(self, client: httpx.AsyncClient) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not await self.look(client):
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            await asyncio.sleep(0.1)


class Replicas:
    """Two of each in the place of a stack's programs, which are stopped; its servers and its sandbox stay.

    The sandbox calls the gateway where it always was, so one gateway has that port.
    """

    def __init__(self, stack: Stack, drain_delay_seconds: float, further: Mapping[str, str] | None = None) -> None:
        """`further` is what each process has besides in its environment."""
        known = {part: environment_of(int(stack.state.env[f"{part.upper()}_PID"])) for part in PARTS}
        ports = {part: [free_port(), free_port()] for part in SERVICES}
        ports["gateway"] = [int(known["gateway"]["GATEWAY_PORT"]), free_port()]
        together = {
            f"{part.upper()}_GRPC": "ipv4:///" + ",".join(f"127.0.0.1:{port}" for port in ports[part])
            for part in SERVICES
        }
        self.all = [
            self._replica(stack, part, port, known[part] | dict(further or {}), together, drain_delay_seconds)
            for part in PARTS
            for port in ports[part]
        ]
        for part in reversed(PARTS):
            processes.stop(stack.state.home(part), deadline=30)

    @staticmethod
    def _replica(
        stack: Stack, part: str, port: int, known: Mapping[str, str], together: Mapping[str, str], delay: float
    ) -> Replica:
        name, ops_port = part.upper(), free_port()
        own = {
            f"{name}_PORT" if part == "gateway" else f"{name}_GRPC_PORT": str(port),
            f"{name}_OPS_PORT": str(ops_port),
            "DRAIN_DELAY_SECONDS": str(delay),
        }
        calls = {target: address for target, address in together.items() if target in known}
        log = stack.state.folder / "logs" / f"{part}-{port}.log"
        return Replica(part, port, ops_port, {**known, **calls, **own}, log)

    @property
    def gateways(self) -> list[Replica]:
        return [replica for replica in self.all if replica.part == "gateway"]

    async def start(self, client: httpx.AsyncClient) -> None:
        for replica in self.all:
            replica.start()
        for replica in self.all:
            await replica.until_ready(client)

    def stop(self) -> None:
        for replica in self.all:
            if replica.process is not None and replica.process.poll() is None:
                replica.ask_to_end()
        for replica in self.all:
            if replica.process is not None:
                replica.process.wait(60)


def environment_of(pid: int) -> dict[str, str]:
    """Of a process that runs."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return {name.decode(): value.decode() for name, _, value in (pair.partition(b"=") for pair in pairs if pair)}
