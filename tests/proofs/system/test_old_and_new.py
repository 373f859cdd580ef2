"""A release rolls out: the schemas are migrated under load, and old and new code run side by side. `make faults`."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql
from support.former import commit_before_the_newest_migration, former_code
from support.replicas import Replicas
from support.stacks import stop
from support.traffic import a_merchants_token, traffic
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import DATABASE, owner_of, provision
from whatsinvoice_local.parts import SERVICES
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
DRAIN_DELAY = 2.0
UP = """
import sys
from pathlib import Path
from whatsinvoice_local.stack import Stack
given = {f"GATEWAY_{kind}_QUOTA": "1000000/minute" for kind in ("READ", "WRITE")}
Stack(Path(sys.argv[1]), given=given, preferred={}, say=lambda _: None).up()
"""


@pytest.fixture
def former(tmp_path: Path) -> dict[str, str]:
    return former_code(tmp_path)


@pytest.fixture
def stack(former: dict[str, str]) -> Iterator[Stack]:
    """Made and started by the former code."""
    folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-e2e-"))
    folder.chmod(0o755)
    found = Stack(folder, given={}, preferred={}, say=lambda _: None)
    try:
        subprocess.run([sys.executable, "-c", UP, str(folder)], env=former, check=True, cwd=folder)
        yield found
    finally:
        stop(found)
        shutil.rmtree(folder)


def _revisions(database_url: str) -> dict[str, str]:
    found = {}
    with psycopg.connect(database_url, dbname=DATABASE) as connection:
        for service in SERVICES:
            query = sql.SQL("SELECT version_num FROM {}.alembic_version").format(sql.Identifier(service))
            [(found[service],)] = connection.execute(query).fetchall()
    return found


def _migrate(database_url: str, passwords: dict[str, str]) -> dict[str, str]:
    """As a release does: roles, then each schema, by today's code. Gives what moved, with where it came to."""
    before, admin = _revisions(database_url), urlsplit(database_url)
    host, password = admin.netloc.rpartition("@")[2], "the-password-of-an-owner"
    for service in SERVICES:
        provision(database_url, service, passwords[service], password)
        owner = admin._replace(netloc=f"{owner_of(service)}:{password}@{host}", path=f"/{DATABASE}")
        migrate(f"whatsinvoice_{service}", owner.geturl())
    return dict(_revisions(database_url).items() - before.items())


async def test_no_request_fails_while_a_release_rolls_out(
    stack: Stack, former: dict[str, str], figure: Callable[[str], None]
) -> None:
    env = stack.state.env
    passwords = {name: urlsplit(env[f"{name.upper()}_DATABASE_URL"]).password or "" for name in SERVICES}
    found = Replicas(stack, DRAIN_DELAY, former)
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await found.start(client)
        token = await asyncio.to_thread(a_merchants_token, stack)
        async with traffic(found.gateways, token) as (sent, client):
            await asyncio.sleep(3)
            changed = await asyncio.to_thread(_migrate, env["DATABASE_URL"], passwords)
            await asyncio.sleep(5)
            before = sum(sent.answers.values())
            for number in (0, 1):  # one of each is new, then both
                for replica in found.all[number::2]:
                    replica.environment = {n: v for n, v in replica.environment.items() if n != "PYTHONPATH"}
                    await replica.restart(client)
                await asyncio.sleep(3)
    finally:
        await asyncio.to_thread(found.stop)
    figure(
        f"from {commit_before_the_newest_migration()[:9]} to today, migrated under load {changed}: {sent.told()}; "
        f"{before} requests before the first new process"
    )
    assert changed
    assert sent.failures == []
