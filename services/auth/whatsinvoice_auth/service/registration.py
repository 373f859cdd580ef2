"""Registering, and proving the phone."""

from dataclasses import dataclass

from whatsinvoice_kit.core.errors import Kind, ServiceError, invalid
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth import domain, events
from whatsinvoice_auth.domain import Business, Code, Member, Role, User
from whatsinvoice_auth.passwords import COMMON, Passwords
from whatsinvoice_auth.repository import codes, people
from whatsinvoice_auth.service.codes import VERIFY, Codes


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
class Registrations:
    """Register and verify."""

    passwords: Passwords
    codes: Codes

    async def prepare(self, given: Registration) -> Member:
        """Checks what was given and makes the user with her business; slow (argon2), so outside of any transaction."""
        country_code = given.country or "NG"
        country = domain.country_of(country_code)
        phone = to_e164(given.phone, country_code)
        name = domain.check_name("name", given.name)
        business_name = domain.check_name("business_name", given.business_name or name)
        domain.check_password(given.password, name=name, phone=phone, common=COMMON)
        if "@" not in given.email and given.email:
            raise invalid("email", "EMAIL_INVALID", "this is not an e-mail address")
        password_hash = await self.passwords.hash(given.password)
        user = User(new_id("usr"), phone, name, given.email.lower(), password_hash, phone_verified=False, version=1)
        business = Business(new_id("biz"), business_name, country_code, country.currency, country.time_zone, 1)
        return Member(new_id("mbr"), user, business, Role.OWNER, 1)

    async def register(self, tx: Transaction, member: Member) -> Code:
        """Adds the user and a code to prove her phone; an unproven registration of the same phone is replaced."""
        request = await self.codes.ask(tx, member.user.phone, VERIFY, waits=False)
        before = await people.user_by_phone(tx, member.user.phone)
        if before is not None and before.phone_verified:
            raise ServiceError(Kind.ALREADY_EXISTS, "PHONE_TAKEN", "this phone is registered already")
        if before is not None:
            await people.replace_unverified(tx, before.id, member)
        else:
            await people.add_owner(tx, member)
        tx.publish(events.business_registered(member))
        return await self.codes.make(tx, request, member.user.id)

    async def pending_code(self, tx: Transaction, phone: str, country: str) -> tuple[Code, str, str] | None:
        """The code that waits to be proven for a phone, that phone in E.164, and the code's digits."""
        number = to_e164(phone, country or "NG")
        user = await people.user_by_phone(tx, number)
        code = await codes.code_of(tx, user.id) if user else None
        return (code, number, self.codes.digits(code)) if code else None

    async def verify_phone(self, tx: Transaction, phone: str, digits: str) -> bool:
        """Whether the digits prove the phone; a wrong one costs a try, so the transaction must commit either way."""
        user = await self.codes.redeem(tx, phone, digits)
        if user is None:
            return False
        await prove_phone(tx, user)
        return True


async def prove_phone(tx: Transaction, user: User) -> None:
    """The phone is the user's; every business that she belongs to hears of it."""
    await people.mark_verified(tx, user.id)
    for member in await people.members_of(tx, user.id):
        tx.publish(events.phone_verified(member))
        tx.publish(events.member_changed(member))
