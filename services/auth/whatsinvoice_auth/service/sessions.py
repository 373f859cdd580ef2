"""Sessions: opening, going on, listing, ending."""

from dataclasses import dataclass
from datetime import datetime

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import not_found, precondition, unauthenticated
from whatsinvoice_kit.core.ids import is_id, new_id
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth import domain
from whatsinvoice_auth.domain import Member, Session, User
from whatsinvoice_auth.passwords import Passwords
from whatsinvoice_auth.repository import people, sessions
from whatsinvoice_auth.service.access import Signer, revoke
from whatsinvoice_auth.service.paging import check_page

MAX_USER_AGENT = 200


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token (seconds to live) and the refresh token for the next pair."""

    access: str
    seconds: int
    refresh: str


@dataclass(frozen=True, slots=True)
class Login:
    """What a person gives to log in; without a business she acts for the one that she has belonged to longest."""

    phone: str
    password: str
    business_id: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """Log in, refresh, log out."""

    passwords: Passwords
    signer: Signer
    refresh_secret: str
    access_seconds: int

    async def log_in(self, unit_of_work: UnitOfWork, given: Login) -> Tokens:
        """A new session. An unknown phone and a wrong password cannot be told apart, in words or in time.

        It opens its own transactions: no connection is held while argon2 works.
        """
        number = to_e164(given.phone, "NG")
        async with unit_of_work.begin() as tx:
            user = await people.user_by_phone(tx, number)
        if not await self.passwords.matches(given.password, user.password_hash if user else None) or user is None:
            raise unauthenticated("CREDENTIALS_INVALID", "phone or password is wrong")
        if not user.phone_verified:
            raise precondition("PHONE_NOT_VERIFIED", "prove your phone first")
        outdated = self.passwords.outdated(user.password_hash)
        better = await self.passwords.hash(given.password) if outdated else ""
        async with unit_of_work.begin() as tx:
            return await self._open(tx, user, given, better)

    async def _open(self, tx: Transaction, user: User, given: Login, better_hash: str) -> Tokens:
        kept = await people.locked_user(tx, user.id)
        if kept is None or kept.password_hash != user.password_hash:  # changed while argon2 was at work
            raise unauthenticated("CREDENTIALS_INVALID", "phone or password is wrong")
        if better_hash:
            await people.set_password(tx, user.id, better_hash)
        member = _place(await people.members_of(tx, user.id), given.business_id)
        moment, token = now(), domain.first_refresh_token()
        session = Session(
            new_id("ses"),
            user.id,
            member.business.id,
            moment + domain.SESSION_LIFE,
            None,
            moment,
            moment,
            "".join(filter(str.isprintable, given.user_agent))[:MAX_USER_AGENT],
        )
        await sessions.add_session(tx, session, moment)
        await sessions.add_refresh_token(tx, domain.hash_of(token), session.id, "")
        return self._tokens(member, session.id, token)

    async def refresh(self, tx: Transaction, token: str, device_id: str) -> Tokens | None:
        """The next pair; None, with the session ended, when the token was spent before by somebody else.

        The same device within 10 s gets the same answer again, since its first may have been lost on the way.
        """
        spent = domain.hash_of(token)
        session_id = await sessions.session_of_token(tx, spent)
        moment = now()
        session = await sessions.session(tx, session_id) if session_id else None
        if session is None or session.ended_at or moment >= session.expires_at:
            raise unauthenticated("REFRESH_TOKEN_INVALID", "the refresh token is not valid")
        kept = await sessions.refresh_token(tx, spent)
        child = domain.next_refresh_token(token, self.refresh_secret)
        if kept.spent_at is None:
            await sessions.spend_refresh_token(tx, spent, device_id, moment)
            await sessions.add_refresh_token(tx, domain.hash_of(child), session.id, device_id)
            await sessions.mark_used(tx, session.id, moment)
        elif not self._is_retry(kept.spent_at, moment, kept.device_id == device_id):
            await revoke(tx, await sessions.end_sessions(tx, session.user_id, moment, only=session.id))
            return None
        member = await member_of(tx, session.user_id, session.business_id)
        return self._tokens(member, session.id, child)

    @staticmethod
    def _is_retry(spent_at: datetime, moment: datetime, same_device: bool) -> bool:
        return same_device and moment - spent_at <= domain.RETRY_GRACE

    def _tokens(self, member: Member, session_id: str, refresh: str) -> Tokens:
        scopes = domain.SCOPES[member.role]
        access = self.signer.access_token(member, session_id, scopes, self.access_seconds)
        return Tokens(access, self.access_seconds, refresh)


def _place(members: list[Member], business_id: str) -> Member:
    """The oldest place, or that in the business."""
    if not members:
        raise precondition("NO_BUSINESS", "you belong to no business any more")
    for member in members:
        if business_id in ("", member.business.id):
            return member
    raise not_found("BUSINESS_NOT_FOUND", "you belong to no such business")


async def member_of(tx: Transaction, user_id: str, business_id: str) -> Member:
    """A user's place in a business; UNAUTHENTICATED (MEMBER_GONE) once it has ended."""
    for member in await people.members_of(tx, user_id):
        if member.business.id == business_id:
            return member
    raise unauthenticated("MEMBER_GONE", "the session's place in the business has ended")


async def places_of(tx: Transaction, user_id: str) -> list[Member]:
    """All of a user's places, the oldest first."""
    return await people.members_of(tx, user_id)


async def list_sessions(tx: Transaction, user_id: str, limit: int, cursor: str) -> tuple[list[Session], str]:
    """A page of a user's open sessions, newest first, and the cursor of the next."""
    limit = check_page("ses", limit, cursor)
    found = await sessions.open_sessions(tx, user_id, now(), cursor, limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else ""


async def end_session(tx: Transaction, user_id: str, session_id: str) -> None:
    """Ends one of a user's sessions; NOT_FOUND when it is not open, or not hers."""
    ended = await sessions.end_sessions(tx, user_id, now(), only=session_id) if is_id("ses", session_id) else []
    if not ended:
        raise not_found("SESSION_NOT_FOUND", "there is no such session")
    await revoke(tx, ended)


async def end_every_session(tx: Transaction, user_id: str, *, besides: str = "") -> None:
    """Ends all of a user's sessions, or all but one."""
    await revoke(tx, await sessions.end_sessions(tx, user_id, now(), besides=besides))
