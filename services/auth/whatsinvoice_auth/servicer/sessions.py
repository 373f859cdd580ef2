"""Sessions, keys that sign, and what has ended."""

from collections.abc import AsyncIterator
from typing import Any

from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice_kit.core.errors import invalid, unauthenticated
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.rpc.call import current_call

from whatsinvoice_auth.domain import Session
from whatsinvoice_auth.events import ROLES, business_message, place_messages, stamp, user_message
from whatsinvoice_auth.service.sessions import (
    Login,
    Tokens,
    end_every_session,
    end_session,
    list_sessions,
    member_of,
    places_of,
)
from whatsinvoice_auth.servicer.part import Part, next_page, origin_of, session_id, user_id


class SessionRpcs(Part):
    """Log in, refresh, look, log out, and what gateways need to believe a token."""

    async def Login(self, request: pb.LoginRequest, context: Any) -> pb.LoginResponse:
        given = Login(
            request.phone, request.password, request.business_id, request.user_agent, origin_of(request.origin)
        )
        return pb.LoginResponse(tokens=_tokens(await self._use.sessions.log_in(self._unit_of_work, given)))

    async def Refresh(self, request: pb.RefreshRequest, context: Any) -> pb.RefreshResponse:
        async with self._unit_of_work.begin() as tx:
            tokens = await self._use.sessions.refresh(tx, request.refresh_token, request.device_id)
        if tokens is None:
            raise unauthenticated("REFRESH_TOKEN_REUSED", "the refresh token was used before; the session has ended")
        return pb.RefreshResponse(tokens=_tokens(tokens))

    async def GetKeySet(self, request: pb.GetKeySetRequest, context: Any) -> pb.GetKeySetResponse:
        keys = [pb.JsonWebKey(kid=key["kid"], x=key["x"], y=key["y"]) for key in self._use.sessions.signer.keys.all()]
        return pb.GetKeySetResponse(keys=keys)

    async def GetMe(self, request: pb.GetMeRequest, context: Any) -> pb.GetMeResponse:
        async with self._across.read() as tx:
            member = await member_of(tx, user_id(), current_call().business_id)
            places = await places_of(tx, user_id())
        return pb.GetMeResponse(
            user=user_message(member.user),
            business=business_message(member.business),
            role=ROLES[member.role],
            places=place_messages(places),
        )

    async def Logout(self, request: pb.LogoutRequest, context: Any) -> pb.LogoutResponse:
        async def work(tx: Transaction) -> pb.LogoutResponse:
            await end_session(tx, user_id(), session_id())
            return pb.LogoutResponse()

        return await self._across_idempotency.once(request, pb.LogoutResponse, work)

    async def LogoutAll(self, request: pb.LogoutAllRequest, context: Any) -> pb.LogoutAllResponse:
        async def work(tx: Transaction) -> pb.LogoutAllResponse:
            await end_every_session(tx, user_id())
            return pb.LogoutAllResponse()

        return await self._across_idempotency.once(request, pb.LogoutAllResponse, work)

    async def ListSessions(self, request: pb.ListSessionsRequest, context: Any) -> pb.ListSessionsResponse:
        async with self._across.read() as tx:
            found, cursor = await list_sessions(tx, user_id(), request.page.limit, request.page.cursor)
        return pb.ListSessionsResponse(sessions=[_session(session) for session in found], page=next_page(cursor))

    async def EndSession(self, request: pb.EndSessionRequest, context: Any) -> pb.EndSessionResponse:
        async with self._across.begin() as tx:
            await end_session(tx, user_id(), request.session_id)
        return pb.EndSessionResponse()

    async def WatchRevocations(
        self, request: pb.WatchRevocationsRequest, context: Any
    ) -> AsyncIterator[pb.WatchRevocationsResponse]:
        cursor = request.cursor or "0"
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):  # noqa: PLR2004  (within a bigint)
            raise invalid("cursor", "CURSOR_INVALID", "use the cursor of the last response")
        async for sequence, found in self._use.revocations.watch(int(cursor)):
            yield pb.WatchRevocationsResponse(
                revocations=[pb.Revocation(id=ended, expire_time=stamp(until)) for ended, until in found],
                cursor=str(sequence),
            )


def _tokens(tokens: Tokens) -> pb.TokenPair:
    return pb.TokenPair(access_token=tokens.access, expires_in=tokens.seconds, refresh_token=tokens.refresh)


def _session(session: Session) -> pb.Session:
    return pb.Session(
        id=session.id,
        business_id=session.business_id,
        user_agent=session.user_agent,
        create_time=stamp(session.created_at),
        use_time=stamp(session.used_at),
        expire_time=stamp(session.expires_at),
        current=session.id == session_id(),
    )
