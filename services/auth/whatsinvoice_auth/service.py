"""Use cases of auth. Each runs in the transaction that it is given; whoever opened that commits it."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError, invalid, precondition, unauthenticated
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.phones import to_e164
from whatsinvoice_kit.rpc.tokens import USER_AUDIENCE, USER_ISSUER, sign

from whatsinvoice_auth import domain, events, repository
from whatsinvoice_auth.domain import Business, Code, Member, Role, Session, User
from whatsinvoice_auth.passwords import Passwords


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person gives to register; `country` is ISO 3166 alpha-2, empty for NG."""

    phone: str
    name: str
    password: str
    business_name: str
    country: str
    email: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token (seconds to live) and the refresh token for the next pair."""

    access: str
    seconds: int
    refresh: str


class AuthService:
    """Register, verify, log in, refresh, and who am I."""

    def __init__(self, passwords: Passwords, keys: list[dict[str, Any]], code_secret: str, refresh_secret: str) -> None:
        self.keys = keys
        self._passwords = passwords
        self._code_secret = code_secret
        self._refresh_secret = refresh_secret

    async def prepare(self, given: Registration) -> Member:
        """Checks what was given and makes the user with her business; slow (argon2), so outside of any transaction."""
        country_code = given.country or "NG"
        country = domain.country_of(country_code)
        phone = to_e164(given.phone, country_code)
        name = domain.check_name("name", given.name)
        business_name = domain.check_name("business_name", given.business_name or name)
        domain.check_password(given.password, name=name, phone=phone)
        if "@" not in given.email and given.email:
            raise invalid("email", "EMAIL_INVALID", "this is not an e-mail address")
        password_hash = await self._passwords.hash(given.password)
        user = User(new_id("usr"), phone, name, given.email.lower(), password_hash, phone_verified=False, version=1)
        business = Business(new_id("biz"), business_name, country_code, country.currency, country.time_zone, 1)
        return Member(new_id("mbr"), user, business, Role.OWNER, 1)

    async def register(self, tx: Transaction, member: Member) -> Code:
        """Adds the user and a code to prove her phone; an unproven registration of the same phone is replaced."""
        before = await repository.user_by_phone(tx, member.user.phone)
        if before is not None and before.phone_verified:
            raise ServiceError(Kind.ALREADY_EXISTS, "PHONE_TAKEN", "this phone is registered already")
        if before is not None:
            await repository.forget_unverified(tx, before.id)
        await repository.add_owner(tx, member)
        code = Code(new_id("otc"), member.user.id, 0, now() + domain.CODE_LIFE)
        await repository.replace_code(tx, code)
        tx.publish(events.business_registered(member))
        return code

    async def pending_code(self, tx: Transaction, phone: str, country: str) -> tuple[Code, str, str] | None:
        """The code that waits to be proven for a phone, that phone in E.164, and the code's digits."""
        number = to_e164(phone, country or "NG")
        user = await repository.user_by_phone(tx, number)
        code = await repository.code_of(tx, user.id) if user else None
        return (code, number, domain.digits_of(code.id, self._code_secret)) if code else None

    async def verify_phone(self, tx: Transaction, phone: str, digits: str) -> bool:
        """Whether the digits prove the phone; a wrong one costs a try, so the transaction must commit either way."""
        user = await repository.user_by_phone(tx, to_e164(phone, "NG"))
        code = await repository.code_of(tx, user.id) if user else None
        if user is None or code is None or not code.usable(now()):
            return False
        if not hmac.compare_digest(domain.digits_of(code.id, self._code_secret).encode(), digits.encode()):
            await repository.count_try(tx, code.id)
            return False
        await repository.drop_code(tx, code.id)
        await repository.mark_verified(tx, user.id)
        for member in await repository.members_of(tx, user.id):
            tx.publish(events.phone_verified(member))
            tx.publish(events.member_changed(member))
        return True

    async def log_in(self, unit_of_work: UnitOfWork, phone: str, password: str) -> Tokens:
        """A new session. An unknown phone and a wrong password cannot be told apart, in words or in time.

        It opens its own transactions: no connection is held while argon2 works.
        """
        number = to_e164(phone, "NG")
        async with unit_of_work.begin() as tx:
            user = await repository.user_by_phone(tx, number)
        if not await self._passwords.matches(password, user.password_hash if user else None) or user is None:
            raise unauthenticated("CREDENTIALS_INVALID", "phone or password is wrong")
        if not user.phone_verified:
            raise precondition("PHONE_NOT_VERIFIED", "prove your phone first")
        moment, token = now(), domain.first_refresh_token()
        async with unit_of_work.begin() as tx:
            member = (await repository.members_of(tx, user.id))[0]
            session = Session(new_id("ses"), user.id, member.business.id, moment + domain.SESSION_LIFE, None)
            await repository.add_session(tx, session, moment)
            await repository.add_refresh_token(tx, domain.hash_of(token), session.id, "")
        return self._tokens(member, session.id, token)

    async def refresh(self, tx: Transaction, token: str, device_id: str) -> Tokens | None:
        """The next pair; None, with the session ended, when the token was spent before by somebody else.

        The same device within 10 s gets the same answer again, since its first may have been lost on the way.
        """
        spent = domain.hash_of(token)
        session_id = await repository.session_of_token(tx, spent)
        moment = now()
        session = await repository.session(tx, session_id) if session_id else None
        if session is None or session.ended_at or moment >= session.expires_at:
            raise unauthenticated("REFRESH_TOKEN_INVALID", "the refresh token is not valid")
        kept = await repository.refresh_token(tx, spent)
        child = domain.next_refresh_token(token, self._refresh_secret)
        if kept.spent_at is None:
            await repository.spend_refresh_token(tx, spent, device_id, moment)
            await repository.add_refresh_token(tx, domain.hash_of(child), session.id, device_id)
        elif not self._is_retry(kept.spent_at, moment, kept.device_id == device_id):
            await repository.end_session(tx, session.id, moment)
            return None
        member = await self._member(tx, session.user_id, session.business_id)
        return self._tokens(member, session.id, child)

    @staticmethod
    def _is_retry(spent_at: datetime, moment: datetime, same_device: bool) -> bool:
        return same_device and moment - spent_at <= domain.RETRY_GRACE

    async def get_me(self, tx: Transaction, user_id: str, business_id: str) -> Member:
        """The caller's own place."""
        return await self._member(tx, user_id, business_id)

    async def _member(self, tx: Transaction, user_id: str, business_id: str) -> Member:
        for member in await repository.members_of(tx, user_id):
            if member.business.id == business_id:
                return member
        raise unauthenticated("MEMBER_GONE", "the session's place in the business has ended")

    def _tokens(self, member: Member, session_id: str, refresh: str) -> Tokens:
        access = sign(
            self.keys[0],
            issuer=USER_ISSUER,
            audience=USER_AUDIENCE,
            subject=member.user.id,
            seconds=domain.ACCESS_SECONDS,
            sid=session_id,
            biz=member.business.id,
            scope=" ".join(domain.SCOPES[member.role]),
        )
        return Tokens(access, domain.ACCESS_SECONDS, refresh)
