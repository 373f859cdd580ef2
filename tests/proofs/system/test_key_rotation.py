"""Keys change under load, and nobody who has a right to come in is told otherwise (A2)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from support.system import KeyFiles, whole_system
from support.token_load import ENDED, Load
from whatsinvoice_kit.rotate_keys import NOTHING, Schedule, rotate
from whatsinvoice_kit.rpc.tokens import USER_ISSUER

ISSUERS = (USER_ISSUER, "whatsinvoice-gateway")
COMPRESSED = Schedule(every=4, lead=1.5, keep=4)
"""Of a month, an hour and a quarter of an hour."""
ACCESS_SECONDS = 3
PATIENCE = 40.0
FEWEST = 30
"""It asks a hundred times a second; where others use the machine fewer are answered, and the rate is printed."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]


@asynccontextmanager
async def _loaded(migrated: dict[str, str], redis_url: str, phone: str) -> AsyncIterator[tuple[Load, asyncio.Event]]:
    """Auth, invoices and a gateway with ten sessions, whose requests go on until the event is set."""
    changes: dict[str, dict[str, Any]] = {
        "auth": {"access_seconds": ACCESS_SECONDS},
        "gateway": {"key_set_seconds": 0.5},
    }
    async with whole_system(migrated, redis_url, ("auth", "invoices"), **changes) as system:
        load, stop = Load(system, refresh_after=1.5), asyncio.Event()
        await load.sign_in(phone, 10)
        running = asyncio.create_task(load.run(stop))
        yield load, stop
        seconds = await running
        asked = sum(count for (path, _), count in load.statuses.items() if path != "/v1/auth/refresh")
        print(f"{asked} requests in {seconds:.1f} s ({asked / seconds:.0f}/s): {dict(sorted(load.statuses.items()))}")  # noqa: T201  (figures to be read)
        assert asked >= FEWEST


async def test_two_rotations_of_users_keys_and_two_of_a_services_at_100_a_second_refuse_nobody(
    migrated: dict[str, str], redis_url: str, key_files: KeyFiles, phone: str
) -> None:
    """The schedule runs every quarter of a second, twice at once each time."""
    gone: dict[str, list[str]] = {issuer: [] for issuer in ISSUERS}
    first = {issuer: json.loads(key_files.of(issuer).read_text())["kid"] for issuer in ISSUERS}
    async with _loaded(migrated, redis_url, phone) as (load, stop):
        deadline = time.monotonic() + PATIENCE
        while any(len(ended) < 2 for ended in gone.values()):
            assert time.monotonic() < deadline, gone
            for issuer in ISSUERS:
                once = partial(rotate, key_files.trusted, issuer, key_files.of(issuer), COMPRESSED)
                said = await asyncio.gather(asyncio.to_thread(once), asyncio.to_thread(once))
                assert NOTHING in said
                gone[issuer] += [
                    part.removesuffix(" is gone") for part in "; ".join(said).split("; ") if "gone" in part
                ]
            await asyncio.sleep(0.25)
        await asyncio.sleep(0.5)
        stop.set()
        published = (await load.system.client.get("/.well-known/jwks.json")).json()["keys"]
    assert {issuer: ended[0] for issuer, ended in gone.items()} == first
    assert {key["kid"] for key in published}.isdisjoint(gone[USER_ISSUER])
    good = {200, ENDED, 404}
    assert {key: count for key, count in load.statuses.items() if key[1] not in good} == {}
    assert {path for path, status in load.statuses if status == 404} == {"/i/nothing"}


async def test_a_stolen_key_is_believed_no_more_within_a_second(
    migrated: dict[str, str], redis_url: str, key_files: KeyFiles, phone: str
) -> None:
    """The same load sees 401 here: it would have seen a false one there."""
    async with _loaded(migrated, redis_url, phone) as (load, stop):
        await asyncio.sleep(0.5)
        assert not any(status == 401 for _, status in load.statuses)
        rotate(key_files.trusted, USER_ISSUER, key_files.of(USER_ISSUER), COMPRESSED, stolen=True)
        await asyncio.sleep(1)
        refused = {path for path, status in load.statuses if status == 401}
        await asyncio.sleep(2.5)
        before = sum(count for (_, status), count in load.statuses.items() if status == 401)
        await asyncio.sleep(0.5)
        stop.set()
    after = sum(count for (_, status), count in load.statuses.items() if status == 401)
    assert refused == {"/v1/me", "/v1/invoices"}
    assert after == before, "who refreshed is let in again"
