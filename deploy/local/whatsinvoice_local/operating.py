"""What one does with the services of a stack by hand: bring schemas up to date, look inside one, audit the books."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from whatsinvoice_kit.data.migrations import migrate, revisions

from whatsinvoice_local.environment import Plan
from whatsinvoice_local.resources import ObjectStorage, Resources
from whatsinvoice_local.stack import StackError
from whatsinvoice_local.state import State


def migrate_services(
    services: Sequence[str], given: Mapping[str, str], state: State, say: Callable[[str], None]
) -> None:
    """At the addresses that `given` names as <NAME>_MIGRATION_URL, else those of the stack; raises StackError."""
    for service in services:
        name = f"{service.upper()}_MIGRATION_URL"
        url = given.get(name) or state.env.get(name)
        if not url:
            raise StackError(f"{name} is not given, and the stack is down")
        package = f"whatsinvoice_{service}"
        migrate(package, url)
        say(f"{service} is at {revisions(package)[-1]}")


def open_console(service: str, state: State, *, write: bool) -> None:
    """Becomes the console of a service of the stack; see `become`."""
    become(service, state, "console", *(["--write"] if write else []))


def become(service: str, state: State, *words: str) -> None:
    """Becomes a command of a service of the stack, with the environment that the service has; does not come back.

    Raises:
        StackError: the stack is down.
    """
    if not state.env:
        raise StackError("the stack is down: `make up` starts it")
    env = state.env
    storage = ObjectStorage(env["S3_ENDPOINT"], env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"])
    resources = Resources(env["DATABASE_URL"], env["REDIS_URL"], storage)
    plan = Plan(resources, state.ports({}), state.secrets(), state.keys())
    command = [sys.executable, "-m", f"whatsinvoice_{service}", *words]
    further = {name: os.environ[name] for name in ("TERM", "HOME") if name in os.environ}
    os.execve(sys.executable, command, plan.environment_of(service) | further)  # noqa: S606  (our words)
