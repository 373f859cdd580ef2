"""Who may not call an RPC is refused, for each RPC and each caller; generated from the services' tables."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from support.callers import FILE, Entry, document, entries
from support.keys import Keyring
from support.services import bearer, channel_to, reason_of
from support.system import SERVICES, System, whole_system
from whatsinvoice_auth.domain import SCOPES, Role
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.core.roles import KEY_SCOPES

ENTRIES = list(entries())
EVERY_SCOPE = frozenset((*SCOPES[Role.OWNER], *KEY_SCOPES))
PATIENCE = 5.0


def test_the_page_says_what_the_tables_say() -> None:
    assert FILE.read_text() == document(), "python tests/support/callers.py"


def test_every_scope_in_the_tables_is_one_that_somebody_can_have() -> None:
    assert {entry.access.scope for entry in ENTRIES} - {""} <= EVERY_SCOPE


def test_every_rpc_is_somebodys() -> None:
    assert [entry.path for entry in ENTRIES if not (entry.access.services or entry.access.scope)] == []


@pytest.fixture
async def system(migrated: dict[str, str], redis_url: str, key_files: object) -> AsyncIterator[System]:
    async with whole_system(migrated, redis_url) as system:
        yield system


def _tokens(keyring: Keyring, entry: Entry) -> dict[str, tuple[str, bool]]:
    """Whose -> the token, and whether it opens this RPC."""
    allowed = entry.access.services
    found = {
        caller: (keyring.service_token(caller, entry.service, new_id("biz")), caller in allowed)
        for caller in keyring.services
    }
    scope = entry.access.scope
    all_others = " ".join(sorted(EVERY_SCOPE - {scope}))
    found["user with all other scopes"] = keyring.user_token(new_id("biz"), scope=all_others), False
    if scope:
        found["user with the scope"] = keyring.user_token(new_id("biz"), scope=scope), True
    return found


async def _reason(channel: grpc.aio.Channel, entry: Entry, token: str) -> str:
    """How an empty request ends: the reason of its error, or the status where it has none."""
    call: Any = (channel.unary_stream if entry.method.server_streaming else channel.unary_unary)(entry.path)
    try:
        asked = call(b"", metadata=bearer(token), timeout=PATIENCE)
        await (asked.read() if entry.method.server_streaming else asked)
    except grpc.aio.AioRpcError as error:
        return reason_of(error) or error.code().name
    return "OK"


async def test_each_rpc_is_refused_to_each_caller_that_its_table_does_not_name(
    system: System, keyring: Keyring
) -> None:
    refused, passed, wrong = Counter[str](), Counter[str](), []
    for service in SERVICES:
        async with channel_to(system.processes[service]) as channel:
            for entry in (entry for entry in ENTRIES if entry.service == service):
                for caller, (token, allowed) in _tokens(keyring, entry).items():
                    reason = await _reason(channel, entry, token)
                    (passed if allowed else refused)[service] += 1
                    if (reason == "NOT_ALLOWED") is allowed or reason.startswith("TOKEN_"):
                        wrong.append(f"{entry.path} by {caller}: {reason}")
    print(f"refused {refused.total()} {dict(refused)}, passed the gate {passed.total()} {dict(passed)}")  # noqa: T201  (figures to be read)
    assert wrong == []
    assert refused.total() == sum(len(entry.strangers) + 1 for entry in ENTRIES) > len(ENTRIES) * 4
