"""Operate the services of a stack by hand: bring schemas up to date, and run a command of a service against it."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from whatsinvoice_kit.data.migrations import migrate, revisions

from whatsinvoice_local.environment import Plan
from whatsinvoice_local.generated import redis_passwords
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


def become(service: str, state: State, *words: str) -> None:
    """Replace this process by a command of a service, with the environment that the service has in the stack.

    `service` may be `backup` too, which then saves this stack.

    Raises:
        StackError: the stack is down.
    """
    if not state.env:
        raise StackError("the stack is down: `make up` starts it")
    command = [sys.executable, "-m", f"whatsinvoice_{service}", *words]
    further = {name: os.environ[name] for name in ("TERM", "HOME") if name in os.environ}
    own = _environment_of_backup(state) if service == "backup" else _plan(state).environment_of(service)
    os.execve(sys.executable, command, own | further)  # noqa: S606  (our words)


def _plan(state: State) -> Plan:
    env = state.env
    storage = ObjectStorage(env["S3_ENDPOINT"], env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"])
    passwords = redis_passwords(state.secrets()) if state.process("valkey") else {}
    resources = Resources(env["DATABASE_URL"], env["REDIS_URL"], storage, redis_passwords=passwords)
    certificates = state.folder / "certs" if env.get("WHATSINVOICE_TLS") == "1" else None
    return Plan(resources, state.ports({}), state.secrets(), state.keys(), certificates)


def _environment_of_backup(state: State) -> dict[str, str]:
    from whatsinvoice_local.backups import backup_settings  # noqa: PLC0415  (imports for a second; few commands want it)

    values = backup_settings(state)
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8"} | {f"BACKUP_{name.upper()}": text for name, text in values.items()}
