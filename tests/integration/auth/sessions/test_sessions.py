"""Sessions end when they should, and whoever watches hears of it at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text
from support.services import bearer
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice.auth.v1.events_pb2 import SessionRevoked
from whatsinvoice.common.v1.common_pb2 import PageRequest
from whatsinvoice_auth.passwords import HASHER


class Watcher:
    """Keeps what a gateway would."""

    def __init__(self, auth: AuthServiceStub, metadata: Any, cursor: str = "") -> None:
        self.cursor = cursor
        self.ended: set[str] = set()
        self.stream: Any = auth.WatchRevocations(pb.WatchRevocationsRequest(cursor=cursor), metadata=metadata)

    async def read(self) -> None:
        response = await self.stream.read()
        self.cursor = response.cursor
        self.ended |= {revocation.id for revocation in response.revocations}

    async def heard(self, count: int = 1) -> float:
        """Reads until it knows of so many; the seconds that took."""
        started = time.monotonic()
        async with asyncio.timeout(5):
            while len(self.ended) < count:
                await self.read()
        return time.monotonic() - started


@pytest.fixture
async def watcher(auth: AuthServiceStub, gateway: Any) -> AsyncIterator[Watcher]:
    """Watches from now on."""
    first = Watcher(auth, gateway)
    await first.read()
    first.ended.clear()
    yield first
    first.stream.cancel()


async def _sessions(auth: AuthServiceStub, metadata: Any) -> list[pb.Session]:
    return list((await auth.ListSessions(pb.ListSessionsRequest(), metadata=metadata)).sessions)


async def test_sessions_are_listed_with_what_they_said_of_themselves(
    auth: AuthServiceStub, log_in: Any, verified: str
) -> None:
    await log_in(verified, user_agent="Firefox on Android")
    here = bearer((await log_in(verified, user_agent="curl")).access_token)
    found = await _sessions(auth, here)
    assert [(session.user_agent, session.current) for session in found] == [
        ("curl", True),
        ("Firefox on Android", False),
    ]
    page = await auth.ListSessions(pb.ListSessionsRequest(page=PageRequest(limit=1)), metadata=here)
    rest = await auth.ListSessions(
        pb.ListSessionsRequest(page=PageRequest(limit=1, cursor=page.page.next_cursor)), metadata=here
    )
    assert [*page.sessions, *rest.sessions] == found
    assert rest.page.next_cursor == ""


async def test_logging_out_ends_this_session_alone(
    auth: AuthServiceStub, log_in: Any, verified: str, watcher: Watcher, gateway: Any, expect: Any
) -> None:
    tokens, other = await log_in(verified), await log_in(verified)
    [here] = [s.id for s in await _sessions(auth, bearer(tokens.access_token)) if s.current]
    await auth.Logout(pb.LogoutRequest(), metadata=bearer(tokens.access_token))
    assert await watcher.heard() < 1
    assert watcher.ended == {here}
    await expect(pb.RefreshRequest(refresh_token=tokens.refresh_token), gateway, "REFRESH_TOKEN_INVALID")
    await auth.Refresh(pb.RefreshRequest(refresh_token=other.refresh_token), metadata=gateway)


async def test_logging_out_everywhere_ends_all(
    auth: AuthServiceStub, log_in: Any, verified: str, watcher: Watcher, owner: Any
) -> None:
    for _ in range(2):
        await log_in(verified)
    await auth.LogoutAll(pb.LogoutAllRequest(), metadata=owner)
    assert await watcher.heard(3) < 1
    assert await _sessions(auth, owner) == []


async def test_a_session_of_somebody_else_cannot_be_ended(
    auth: AuthServiceStub, owner: Any, expect: Any, log_in: Any, verified: str
) -> None:
    other = bearer((await log_in(verified)).access_token)
    [one] = [s.id for s in await _sessions(auth, other) if s.current]
    await expect(pb.EndSessionRequest(session_id="ses_01h00000000000000000000000"), owner, "SESSION_NOT_FOUND")
    await expect(pb.EndSessionRequest(), owner, "SESSION_NOT_FOUND")
    await auth.EndSession(pb.EndSessionRequest(session_id=one), metadata=owner)
    await expect(pb.EndSessionRequest(session_id=one), owner, "SESSION_NOT_FOUND")


async def test_a_reused_refresh_token_is_heard_of_within_a_second(
    auth: AuthServiceStub, log_in: Any, verified: str, watcher: Watcher, gateway: Any, expect: Any
) -> None:
    tokens = await log_in(verified)
    await auth.Refresh(pb.RefreshRequest(refresh_token=tokens.refresh_token, device_id="a"), metadata=gateway)
    request = pb.RefreshRequest(refresh_token=tokens.refresh_token, device_id="b")
    await expect(request, gateway, "REFRESH_TOKEN_REUSED")
    assert await watcher.heard() < 1


async def test_a_watcher_goes_on_from_its_cursor(
    auth: AuthServiceStub, log_in: Any, verified: str, watcher: Watcher, gateway: Any
) -> None:
    await auth.Logout(pb.LogoutRequest(), metadata=bearer((await log_in(verified)).access_token))
    await watcher.heard()
    watcher.stream.cancel()
    for _ in range(2):
        await auth.Logout(pb.LogoutRequest(), metadata=bearer((await log_in(verified)).access_token))
    later = Watcher(auth, gateway, watcher.cursor)
    await later.heard(2)
    later.stream.cancel()
    assert len(later.ended) == 2
    assert later.ended.isdisjoint(watcher.ended)


async def test_only_the_gateway_watches(auth: AuthServiceStub, owner: Any, keyring: Any) -> None:
    for metadata in (owner, bearer(keyring.service_token("invoices", "auth"))):
        with pytest.raises(Exception, match="may not call WatchRevocations"):
            await auth.WatchRevocations(pb.WatchRevocationsRequest(), metadata=metadata).read()


async def test_the_bus_hears_of_ended_sessions(auth: AuthServiceStub, process: Any, log_in: Any, verified: str) -> None:
    here = bearer((await log_in(verified)).access_token)
    [one] = await _sessions(auth, here)
    await auth.Logout(pb.LogoutRequest(), metadata=here)
    query = text("SELECT payload FROM auth.outbox WHERE event_type = 'SessionRevoked' AND business_id = :id")
    async with process.unit_of_work.read() as tx:
        [payload] = (await tx.execute(query, {"id": one.business_id})).scalars()
    assert SessionRevoked.FromString(payload).aggregate_id == one.id


async def test_a_changed_password_ends_the_other_sessions(
    auth: AuthServiceStub, log_in: Any, verified: str, owner: Any, watcher: Watcher, expect: Any
) -> None:
    await log_in(verified)
    wrong = pb.ChangePasswordRequest(old_password="Wrong1234", new_password="Tall3rThanTrees")
    await expect(wrong, owner, "PASSWORD_WRONG")
    common = pb.ChangePasswordRequest(old_password="Passw0rdly", new_password="Password123")
    error = await expect(common, owner, "PASSWORD_WEAK")
    assert [violation.code for violation in error.violations] == ["PASSWORD_COMMON"]
    change = pb.ChangePasswordRequest(old_password="Passw0rdly", new_password="Tall3rThanTrees")
    await auth.ChangePassword(change, metadata=owner)
    assert await watcher.heard() < 1
    assert [session.current for session in await _sessions(auth, owner)] == [True]
    await log_in(verified, "Tall3rThanTrees")


async def test_a_password_change_repeated_under_its_key_is_answered_again(
    auth: AuthServiceStub, owner: Any, verified: str, process: Any
) -> None:
    change = pb.ChangePasswordRequest(old_password="Passw0rdly", new_password="Tall3rThanTrees")
    for _ in range(2):
        await auth.ChangePassword(change, metadata=(*owner, ("idempotency-key", f"change-{verified}")))


async def test_an_old_hash_is_made_anew_at_login(
    auth: AuthServiceStub, process: Any, log_in: Any, verified: str
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("Passw0rdly")
    async with process.unit_of_work.begin() as tx:
        await tx.execute(text("UPDATE auth.users SET password_hash = :h WHERE phone = :p"), {"h": weak, "p": verified})
    await log_in(verified)
    async with process.unit_of_work.read() as tx:
        kept = (
            await tx.execute(text("SELECT password_hash FROM auth.users WHERE phone = :p"), {"p": verified})
        ).scalar_one()
    assert kept != weak
    assert not HASHER.check_needs_rehash(kept)
