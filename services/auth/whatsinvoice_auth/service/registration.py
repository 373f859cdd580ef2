"""Registering: what was given waits in a verification, and becomes an account when the code proves it."""

from dataclasses import dataclass

from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.mail import checked_email
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth import domain, events
from whatsinvoice_auth.domain import Business, Member, Role, User
from whatsinvoice_auth.domain.verifications import PendingRegistration, Purpose, Verification
from whatsinvoice_auth.passwords import COMMON, Passwords
from whatsinvoice_auth.repository import people, verifications
from whatsinvoice_auth.service.verifications import Verifications


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
    verifications: Verifications

    async def prepare(self, given: Registration) -> tuple[str, PendingRegistration]:
        """Check what was given and hash the password; slow (argon2), so outside of any transaction."""
        country_code = given.country or "NG"
        domain.country_of(country_code)
        phone = to_e164(given.phone, country_code)
        name = domain.check_name("name", given.name)
        business_name = domain.check_name("business_name", given.business_name or name)
        domain.check_password(given.password, name=name, phone=phone, common=COMMON)
        email = checked_email("email", given.email)
        password_hash = await self.passwords.hash(given.password)
        return phone, PendingRegistration(name, email, password_hash, business_name, country_code)

    async def register(self, tx: Transaction, phone: str, given: PendingRegistration) -> Verification:
        """Ask for a code to prove the phone; of a phone that is registered already its owner is told."""
        return await self.verifications.ask(tx, phone, Purpose.REGISTER, registration=given)

    async def verify_phone(self, tx: Transaction, verification_id: str, digits: str) -> Member | None:
        """Create the account that the digits prove, and return its owner's place; None for a wrong code.

        A wrong code costs a try, so the transaction must commit either way. ALREADY_EXISTS (PHONE_TAKEN) when the phone
        was registered since the request.
        """
        found = await self.verifications.redeem(tx, verification_id, digits, Purpose.REGISTER)
        if found is None or found.registration is None:
            return None
        await verifications.hold_phone(tx, found.phone)
        if await people.user_by_phone(tx, found.phone) is not None:
            raise ServiceError(Kind.ALREADY_EXISTS, "PHONE_TAKEN", "this phone is registered already")
        member = _owner(found.phone, found.registration)
        await people.add_owner(tx, member)
        tx.publish(events.business_registered(member))
        tx.publish(events.phone_verified(member))
        tx.publish(events.member_changed(member))
        tx.publish(events.place_chosen(member))
        return member


def _owner(phone: str, given: PendingRegistration) -> Member:
    country = domain.country_of(given.country)
    business = Business(new_id("biz"), given.business_name, given.country, country.currency, country.time_zone, 1)
    user = User(new_id("usr"), phone, given.name, given.email, given.password_hash, 1, business.id)
    return Member(new_id("mbr"), user, business, Role.OWNER, 1)
