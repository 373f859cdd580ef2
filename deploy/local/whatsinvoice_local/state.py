"""The folder of a stack, `.run/`: a home and a log for each part, ports, secrets, and `env` for everybody else."""

import os
from collections.abc import Mapping
from pathlib import Path

from whatsinvoice_local.backing import processes
from whatsinvoice_local.backing.ports import is_free, known_ports, promise, remembered_ports
from whatsinvoice_local.backing.processes import Process
from whatsinvoice_local.backing.secret_files import write_private
from whatsinvoice_local.generated import secrets_of, write_key_files
from whatsinvoice_local.parts import BACKING, PARTS, PROGRAMS, SERVICES

_LISTENERS = (*PROGRAMS, *(f"{part}.ops" for part in (*SERVICES, "gateway")))


class State:
    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def home(self, part: str) -> Path:
        return self.folder / "parts" / part

    def log(self, part: str) -> Path:
        return self.folder / "logs" / f"{part}.log"

    def make_homes(self) -> None:
        """Makes a home for each part; its log is reached by name among the others, wherever it is written."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            self.home(part).mkdir(parents=True, exist_ok=True)
            if not self.log(part).is_symlink():
                self.log(part).symlink_to(os.path.relpath(self.home(part) / processes.LOG, self.log(part).parent))

    def process(self, part: str) -> Process | None:
        """The process of a part, None when it does not run."""
        return processes.find(self.home(part))

    def running(self) -> list[str]:
        return [part for part in PARTS if self.process(part)]

    def secrets(self) -> dict[str, str]:
        """Every secret, made at the first call."""
        return secrets_of(self.folder / "secrets.json")

    def keys(self) -> Path:
        """The folder of keys, made of the secrets where they are missing."""
        return write_key_files(self.folder / "keys", self.secrets())

    def ports(self, preferred: Mapping[str, int]) -> dict[str, int]:
        """A port for each listener: preferred ones where free, else those of the last start where free, else new ones.

        While a program runs nothing moves: it keeps its port, and it knows those of the others.
        """
        file = self.folder / "ports.json"
        if any(part in PROGRAMS for part in self.running()):
            return known_ports(file)
        wanted = {name: port for name, port in preferred.items() if is_free(port) and promise(port)}
        return remembered_ports(file, _LISTENERS, wanted)

    def ports_of_last_start(self) -> dict[str, int]:
        """Return the port of every listener, of backing servers too."""
        files = (self.folder / "ports.json", *(self.home(part) / "ports.json" for part in BACKING))
        return {name: port for file in files for name, port in known_ports(file).items()}

    @property
    def env(self) -> dict[str, str]:
        """What `.run/env` says; empty while the stack is down."""
        file = self.folder / "env"
        lines = file.read_text().splitlines() if file.exists() else []
        return dict(line.split("=", 1) for line in lines)

    def write_env(self, values: Mapping[str, str]) -> None:
        write_private(self.folder / "env", "".join(f"{name}={value}\n" for name, value in values.items()))

    def forget_env(self) -> None:
        (self.folder / "env").unlink(missing_ok=True)

    def members(self) -> list[str]:
        """The parts of a stack that is up; servers that were given to it by an address are not among them."""
        env = self.env
        return [part for part in PARTS if f"{part.upper()}_PID" in env]

    def missing(self) -> list[str]:
        """The members that should run and do not."""
        return [part for part in self.members() if self.process(part) is None]
