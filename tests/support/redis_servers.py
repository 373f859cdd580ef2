"""Redis processes that run together: one alone, a master with a replica and three Sentinels, or a cluster of six."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from whatsinvoice_kit.config.redis_address import RedisAddress
from whatsinvoice_local.backing.ports import free_port

from support.certificates import write_certificate
from support.redis_server import HAS_TLS, Server, eventually


@dataclass
class Redises:
    """Some that run together. `url` is what REDIS_URL says."""

    mode: str
    folder: Path
    servers: list[Server] = field(default_factory=list)
    sentinels: list[Server] = field(default_factory=list)
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    sentinel_password: str = field(default_factory=lambda: secrets.token_hex(16))
    tls: Path | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if HAS_TLS:
            self.tls = self.folder
            write_certificate(self.folder, "redis")

    @property
    def url(self) -> str:
        asked = self.sentinels or self.servers[: 3 if self.mode == "cluster" else 1]
        nodes = ",".join(f"127.0.0.1:{server.port}" for server in asked)
        mode = "" if self.mode == "standalone" else f"+{self.mode}"
        end = {"standalone": "/0", "sentinel": "/0?service=events", "cluster": ""}[self.mode]
        return f"redis{'s' if self.tls else ''}{mode}://:{self.password}@{nodes}{end}"

    @property
    def address(self) -> RedisAddress:
        own = self.sentinel_password if self.sentinels else ""
        return RedisAddress.parse(self.url).trusting(str(self.tls / "ca.crt") if self.tls else "", own)

    def settings(self) -> dict[str, str]:
        """The environment of a process that uses it."""
        given = {"REDIS_URL": self.url}
        if self.tls:
            given["REDIS_TLS_CA_FILE"] = str(self.tls / "ca.crt")
        if self.sentinels:
            given["REDIS_SENTINEL_PASSWORD"] = self.sentinel_password
        return given

    def add(self, settings: str = "") -> Server:
        common = f"""\
dir ./
appendonly yes
save ""
maxmemory-policy noeviction
repl-diskless-sync-delay 0
masterauth "{self.password}"
"""
        folder = self.folder / f"server-{len(self.servers)}"
        self.servers.append(Server(folder, self.tls, self.password, common + settings))
        return self.servers[-1]

    def by_port(self, port: int) -> Server:
        return next(server for server in self.servers if server.port == port)

    def master_of(self, key: str) -> Server:
        """Who has a key, as those who choose masters know it."""
        if self.mode == "standalone":
            return self.servers[0]
        if self.sentinels:
            return self.by_port(int(self.sentinels[0].asked("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "events")[1]))
        alive = next(server for server in self.servers if server.process)
        slot = int(alive.asked("CLUSTER", "KEYSLOT", key))
        with alive.client() as client:
            for first, last, port in _slots(client):
                if first <= slot <= last:
                    return self.by_port(port)
        raise AssertionError(f"nobody has slot {slot}")

    def await_takeover(self, key: str) -> Server:
        """Who has the key after its master was killed."""
        eventually(lambda: self._is_master(self.master_of(key)), "a new master")
        return self.master_of(key)

    def empty(self) -> None:
        """Deletes everything."""
        for server in self.servers:
            if self._is_master(server):
                server.asked("FLUSHALL")

    @staticmethod
    def _is_master(server: Server) -> bool:
        return server.process is not None and server.info("replication")["role"] == "master"

    def mend(self) -> None:
        """Starts again what was killed, until it follows the new master."""
        killed = [server for server in self.servers if server.process is None]
        for server in killed:
            server.start()
            if self.sentinels:  # sooner than the ten seconds after which Sentinels would say so
                server.asked("REPLICAOF", "127.0.0.1", self.master_of("").port)
        if killed:
            eventually(self.whole, "every replica in step")

    def whole(self) -> bool:
        """Whether each master has a replica that has all it has."""
        known = [server.info("replication") for server in self.servers]
        masters = [info for info in known if info["role"] == "master"]
        replicas = [info for info in known if info["role"] == "slave"]
        return len(masters) == len(replicas) and all(
            info["master_link_status"] == "up" and not info["master_sync_in_progress"] for info in replicas
        )

    def stop(self) -> None:
        for server in (*self.sentinels, *self.servers):
            server.kill()


def _slots(client: Any) -> list[tuple[int, int, int]]:
    """First and last slot, and the master's port."""
    return [
        (int(first), int(last), int(master[1])) for first, last, master, *_ in client.execute_command("CLUSTER SLOTS")
    ]


@contextmanager
def running(mode: str, folder: Path) -> Iterator[Redises]:
    """Started by mode, and killed at the end whatever happens."""
    redises = Redises(mode, folder)
    try:
        {"standalone": _start_one, "sentinel": _start_sentinels, "cluster": _start_cluster}[mode](redises)
        yield redises
    finally:
        redises.stop()


def _start_one(redises: Redises) -> None:
    redises.add().start()


def _start_sentinels(redises: Redises) -> None:
    """A master, a replica, and three Sentinels with a password of their own, two of which must agree."""
    master = redises.add()
    master.start()
    redises.add(f"replicaof 127.0.0.1 {master.port}").start()
    eventually(redises.whole, "the replica in step")
    watched = f"""\
dir ./
sentinel sentinel-pass {redises.sentinel_password}
sentinel monitor events 127.0.0.1 {master.port} 2
sentinel auth-pass events {redises.password}
sentinel down-after-milliseconds events 2000
sentinel failover-timeout events 5000
"""
    for number in range(3):
        place = redises.folder / f"sentinel-{number}"
        sentinel = Server(place, redises.tls, redises.sentinel_password, watched, ("--sentinel",))
        redises.sentinels.append(sentinel)
        sentinel.start()
    for sentinel in redises.sentinels:
        eventually(partial(_sees_all, sentinel), "Sentinels that know one another")


def _sees_all(sentinel: Server) -> bool:
    found = sentinel.asked("SENTINEL", "MASTER", "events")
    return int(found["num-other-sentinels"]) == 2 and int(found["num-slaves"]) == 1


def _start_cluster(redises: Redises) -> None:
    """Three masters, each with a replica."""
    for _ in range(6):
        redises.add(f"cluster-enabled yes\ncluster-node-timeout 3000\ncluster-port {free_port()}").start()
    first, ends = redises.servers[0], (0, 5461, 10923, 16384)
    for number, server in enumerate(redises.servers):
        server.asked("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        if number < 3:
            server.asked("CLUSTER", "ADDSLOTSRANGE", ends[number], ends[number + 1] - 1)
        if server is not first:
            bus = next(line.split()[1] for line in server.settings.splitlines() if line.startswith("cluster-port"))
            first.asked("CLUSTER", "MEET", "127.0.0.1", server.port, bus)
    for server in redises.servers:
        eventually(partial(_knows_all, server), "nodes that know one another")
    for master, replica in zip(redises.servers[:3], redises.servers[3:], strict=True):
        master_id = master.asked("CLUSTER", "MYID")
        eventually(partial(replica.asked, "CLUSTER", "REPLICATE", master_id), "a replica that knows whose")
    eventually(redises.whole, "every replica in step")
    for server in redises.servers:
        eventually(partial(_is_ok, server), "a cluster that is whole")


def _knows_all(server: Server) -> bool:
    return len(str(server.asked("CLUSTER", "NODES")).splitlines()) == 6


def _is_ok(server: Server) -> bool:
    return server.asked("CLUSTER INFO")["cluster_state"] == "ok" and len(server.asked("CLUSTER SLOTS")) == 3
