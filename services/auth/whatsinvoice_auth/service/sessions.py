"""Sessions: opening, going on, listing, ending."""

from dataclasses import dataclass, replace
from datetime import datetime

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError, not_found, precondition, unauthenticated
from whatsinvoice_kit.core.ids import is_id, new_id
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth import domain, events
from whatsinvoice_auth.domain import Member, Session, User
from whatsinvoice_auth.domain.guesses import Origin
from whatsinvoice_auth.passwords import Passwords
from whatsinvoice_auth.repository import people, sessions
from whatsinvoice_auth.service.access import Signer, revoke
from whatsinvoice_auth.service.guessing import Guess, Guesses, note_right, note_wrong
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
    """What a person gives to log in. Without a business the session acts for the place that the person chose."""

    phone: str
    password: str
    business_id: str
    user_agent: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Sessions:
    """Log in, refresh, log out."""

    passwords: Passwords
    guesses: Guesses
    signer: Signer
    refresh_secret: str
    access_seconds: int

    async def log_in(self, unit_of_work: UnitOfWork, given: Login) -> Tokens:
        """Open a session. An unknown phone and a wrong password cannot be told apart, in words or in time.

        It opens its own transactions: no connection is held while argon2 works.
        """
        number = to_e164(given.phone, "NG")
        async with unit_of_work.begin() as tx:
            user = await people.user_by_phone(tx, number)
        guess = Guess("password", number, given.origin, user.id if user else "")
        counted = await self.guesses.count(guess)
        if not await self.passwords.matches(given.password, user.password_hash if user else None) or user is None:
            note_wrong(counted)
            raise _wrong_credentials()
        outdated = self.passwords.outdated(user.password_hash)
        better = await self.passwords.hash(given.password) if outdated else ""
        async with unit_of_work.begin() as tx:
            tokens = await self._open(tx, user, given, better)
            await note_right(tx, counted, user.id)
        return tokens

    async def _open(self, tx: Transaction, user: User, given: Login, better_hash: str) -> Tokens:
        kept = await people.locked_user(tx, user.id)
        if kept is None or kept.password_hash != user.password_hash:  # changed while argon2 was at work
            raise _wrong_credentials()
        if better_hash:
            await people.set_password(tx, user.id, better_hash)
        member = _place(await people.members_of(tx, user.id), given.business_id, kept.chosen_business_id)
        moment, token = now(), domain.first_refresh_token()
        session = _new_session(user.id, member.business.id, given.user_agent, moment + domain.SESSION_LIFE)
        await sessions.add_session(tx, session, moment)
        await sessions.add_refresh_token(tx, domain.hash_of(token), session.id, "")
        return self._tokens(member, session.id, token)

    async def switch(self, tx: Transaction, user_id: str, session_id: str, business_id: str) -> str:
        """Choose another of the user's businesses, and return an access token for it.

        The session goes on under another id, so that its tokens for the business before end now; refresh tokens stay.
        """
        user = await people.locked_user(tx, user_id)
        if user is None:
            raise unauthenticated("MEMBER_GONE", "the account has ended")
        member = _place(await people.members_of(tx, user_id), business_id, "")
        before = await sessions.session(tx, session_id)
        if user.chosen_business_id != business_id:
            chosen = await people.choose_business(tx, user, business_id)
            tx.publish(events.place_chosen(replace(member, user=chosen)))
        after = _new_session(user_id, business_id, before.user_agent, before.expires_at)
        await sessions.add_session(tx, after, now())
        await sessions.move_tokens(tx, before.id, after.id)
        await revoke(tx, await sessions.end_sessions(tx, user_id, now(), only=before.id))
        scopes = domain.SCOPES[member.role]
        return self.signer.access_token(member, after.id, scopes, self.access_seconds)

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


def _wrong_credentials() -> ServiceError:
    return unauthenticated("CREDENTIALS_INVALID", "phone or password is wrong")


def _new_session(user_id: str, business_id: str, user_agent: str, expires_at: datetime) -> Session:
    moment = now()
    shown = "".join(filter(str.isprintable, user_agent))[:MAX_USER_AGENT]
    return Session(new_id("ses"), user_id, business_id, expires_at, None, moment, moment, shown)


def _place(members: list[Member], business_id: str, chosen_business_id: str) -> Member:
    """Return the place in the named business; without a name the place that the person acts in."""
    if not members:
        raise precondition("NO_BUSINESS", "you belong to no business any more")
    if not business_id:
        if (place := domain.acting_place(members, chosen_business_id)) is not None:
            return place
        names = ", ".join(f"{member.business.name} ({member.business.id})" for member in members)
        raise precondition("BUSINESS_REQUIRED", f"you belong to several businesses; name one as business_id: {names}")
    for member in members:
        if business_id == member.business.id:
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
