"""One stack: up and down. Any process may ask, and one at a time starts or stops."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from whatsinvoice_local.backing import BackingError, processes
from whatsinvoice_local.backing.processes import Process
from whatsinvoice_local.certificates import write_certificates
from whatsinvoice_local.doctor import PREFERRED_PORTS
from whatsinvoice_local.environment import Plan
from whatsinvoice_local.generated import redis_passwords
from whatsinvoice_local.parts import BACKING, PARTS, PROGRAMS, SERVICES
from whatsinvoice_local.probe import says_ok
from whatsinvoice_local.resources import STOP, start_resources
from whatsinvoice_local.state import State

READY_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
DRAIN_SECONDS = 30.0
"""Before a program that was asked to end is killed; services give themselves 25."""


PASSED_ON = ("GATEWAY_", "OTEL_", *(f"PAYMENTS_{word}_" for word in ("PROVIDER", "RECONCILE", "WALK", "WEBHOOK")))
"""Starts of the settings that a stack takes from whoever starts it: limits, and how patient payments is."""


class StackError(RuntimeError):
    """The stack did not come up; the message names the part and shows the end of its log."""


class Stack:
    """`given` may name real backing servers, see resources.py, ask for mutual TLS by WHATSINVOICE_TLS=1, name the
    proxy before the gateway as WHATSINVOICE_PROXY_URL, and set what the gateway has as GATEWAY_…; `preferred` are
    ports to take where they are free.

    `say` is told of each step of a start or a stop.
    """

    def __init__(
        self,
        folder: Path,
        *,
        given: Mapping[str, str] = os.environ,
        preferred: Mapping[str, int] = PREFERRED_PORTS,
        say: Callable[[str], None],
    ) -> None:
        self.state = State(folder)
        self._given = given
        self._preferred = preferred
        self._say = say
        self._since = time.monotonic()

    def up(self) -> bool:
        """Starts what does not run and returns when all of it is ready; False when there was nothing to do.

        Raises:
            StackError: a part did not start; what this call had started is stopped again.
        """
        self._since = time.monotonic()
        with processes.locked(self.state.folder):
            if self.state.members() and not self.state.missing():
                return False
            before = self.state.running()
            if not before:
                self.state.forget_env()
            try:
                self._start()
            except BaseException as error:
                self._stop([part for part in PARTS if part not in before])
                if isinstance(error, BackingError):
                    raise StackError(str(error)) from error
                raise
            return True

    def down(self) -> bool:
        """Stops everything that runs, services draining first; False when nothing ran."""
        self._since = time.monotonic()
        with processes.locked(self.state.folder):
            self.state.forget_env()
            running = self.state.running()
            self._stop(running)
            return bool(running)

    def _start(self) -> None:
        state = self.state
        state.make_homes()
        before = {} if state.running() else {**state.ports_of_last_start(), **self._preferred}
        ports = state.ports(self._preferred)
        resources = start_resources(state.folder / "parts", self._given, redis_passwords(state.secrets()))
        self._tell("postgres, valkey and seaweedfs are ready")
        self._tell_moved(before)
        further = {name: value for name, value in self._given.items() if name.startswith(PASSED_ON)}
        proxy = self._given.get("WHATSINVOICE_PROXY_URL", "")
        plan = Plan(resources, ports, state.secrets(), state.keys(), self._certificates(), further, proxy)
        self._spawn("sandbox", plan)
        self._prepare(plan)
        self._tell("roles, tables and bucket are ready")
        started = {part: self._spawn(part, plan) for part in PROGRAMS}
        self._await(started, plan)
        pids = {part: found.pid for part in PARTS if (found := state.process(part))}
        if dead := [part for part in PROGRAMS if part not in pids]:
            log = processes.log_tail(state.home(dead[0]))
            raise StackError(f"{', '.join(dead)} ended while the others started; {log}")
        state.write_env(plan.published(pids))

    def _await(self, started: Mapping[str, Process], plan: Plan) -> None:
        """Until all are ready; the templates are pushed meanwhile, as soon as there is a sandbox to take them."""
        pushing: subprocess.Popen[str] | None = None
        try:
            for part, process in started.items():
                home, url = self.state.home(part), plan.ready_url(part)
                processes.wait_until_ready(process, home, partial(_answers, url), deadline=READY_SECONDS)
                self._tell(f"{part} is ready")
                if part == "sandbox":
                    pushing = self._push_templates(plan)
            said, _ = pushing.communicate() if pushing else ("", "")
            if pushing and pushing.returncode:
                raise StackError(f"the message templates are not taken:\n{said}")
        finally:
            if pushing and pushing.stdout and not pushing.stdout.closed:  # a part was not ready, and nobody read it
                pushing.kill()
                pushing.communicate()

    def _certificates(self) -> Path | None:
        """The folder of mutual TLS, its certificates good for ten days at least; None unless it is asked for."""
        if self._given.get("WHATSINVOICE_TLS") != "1":
            return None
        folder = self.state.folder / "certs"
        write_certificates(folder)
        return folder

    @staticmethod
    def _prepare(plan: Plan) -> None:
        from whatsinvoice_local.provisioning import prepare  # noqa: PLC0415  (imports for a second; few commands want it)

        try:
            prepare(plan)
        except Exception as error:
            raise StackError(f"roles, tables or bucket cannot be made: {error}") from error

    @staticmethod
    def _push_templates(plan: Plan) -> "subprocess.Popen[str]":
        """A sandbox forgets them when it ends; the command leaves those that are there."""
        command = [sys.executable, "-m", "whatsinvoice_notifications", "templates", "push"]
        environment = plan.environment_of("notifications")
        return subprocess.Popen(  # noqa: S603  (our own program)
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def _spawn(self, part: str, plan: Plan) -> Process:
        """Starts the program, or gives the process it has."""
        home, command = self.state.home(part), [sys.executable, "-m", f"whatsinvoice_{part}"]
        return processes.find(home) or processes.spawn(
            command, home, environment=plan.environment_of(part), working_folder=home
        )

    def _stop(self, parts: Collection[str]) -> None:
        """The gateway before the services and they before all else, so that what is under way can end."""
        for group in (("gateway",), SERVICES, ("sandbox",), BACKING):
            asked = [part for part in group if part in parts]
            with ThreadPoolExecutor() as threads:
                if any(threads.map(self._stop_part, asked)):
                    self._tell(f"stopped {', '.join(asked)}")

    def _stop_part(self, part: str) -> bool:
        home = self.state.home(part)
        return STOP[part](home) if part in STOP else processes.stop(home, deadline=DRAIN_SECONDS)

    def _tell_moved(self, before: Mapping[str, int]) -> None:
        """Say which parts have another port than before or preferred, since a program beside the stack has it."""
        for name, port in self.state.ports_of_last_start().items():
            if (wanted := before.get(name, port)) != port:
                repair = f"`ss -ltnp 'sport = :{wanted}'` names it; stop it, then `make down up`"
                self._say(
                    f"port {wanted} is taken by another program, and {name} has {port}. To have {wanted}: {repair}."
                )

    def _tell(self, what: str) -> None:
        self._say(f"{time.monotonic() - self._since:5.1f} s  {what}")


def _answers(url: str) -> bool:
    """Asks no more often than it must: those who start need the processors themselves."""
    if says_ok(url):
        return True
    time.sleep(_PAUSE_SECONDS)
    return False
