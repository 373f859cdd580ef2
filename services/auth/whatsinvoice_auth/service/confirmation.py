"""Fresh proof: a person confirms by password or code, and gets a token with more rights for five minutes."""

from dataclasses import dataclass

from whatsinvoice_kit.core.errors import invalid, unauthenticated
from whatsinvoice_kit.core.roles import FRESH_PROOF
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork

from whatsinvoice_auth import domain
from whatsinvoice_auth.domain.guesses import Origin
from whatsinvoice_auth.domain.verifications import Purpose, Verification
from whatsinvoice_auth.passwords import Passwords
from whatsinvoice_auth.repository import people
from whatsinvoice_auth.service.access import Signer
from whatsinvoice_auth.service.guessing import Guess, Guesses, note_right, note_wrong
from whatsinvoice_auth.service.sessions import member_of
from whatsinvoice_auth.service.verifications import Verifications, wrong_code


@dataclass(frozen=True, slots=True)
class Caller:
    """The session that asks."""

    user_id: str
    session_id: str
    business_id: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The password, or a verification with its code."""

    password: str
    verification_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Confirmations:
    """Ask for a code, and confirm. Guesses count on the session, so that its thief cannot try on."""

    passwords: Passwords
    verifications: Verifications
    guesses: Guesses
    signer: Signer

    async def ask(self, tx: Transaction, user_id: str) -> Verification:
        """Ask for a code to the person's own phone."""
        user = await people.locked_user(tx, user_id)
        if user is None:
            raise unauthenticated("MEMBER_GONE", "the account has ended")
        return await self.verifications.ask(tx, user.phone, Purpose.CONFIRM, user_id=user.id)

    async def confirm(self, unit_of_work: UnitOfWork, caller: Caller, given: Proof) -> str:
        """Return an access token of fresh proof; it opens its own transactions, as argon2 is slow."""
        if bool(given.password) == bool(given.verification_id and given.code):
            raise invalid("password", "PROOF_MISSING", "give the password, or verification_id and code")
        kind = "password" if given.password else "code"
        counted = await self.guesses.count(Guess(kind, "", Origin(), caller.user_id, caller.session_id))
        right = await (self._knows_password if given.password else self._has_code)(unit_of_work, caller, given)
        if not right:
            note_wrong(counted)
            raise invalid("password", "PASSWORD_WRONG", "this is not your password") if given.password else wrong_code()
        async with unit_of_work.begin() as tx:
            await note_right(tx, counted)
            member = await member_of(tx, caller.user_id, caller.business_id)
        scopes = [*domain.SCOPES[member.role], FRESH_PROOF]
        return self.signer.access_token(member, caller.session_id, scopes, domain.FRESH_SECONDS)

    async def _knows_password(self, unit_of_work: UnitOfWork, caller: Caller, given: Proof) -> bool:
        async with unit_of_work.begin() as tx:
            user = await people.locked_user(tx, caller.user_id)
        return await self.passwords.matches(given.password, user.password_hash if user else None)

    async def _has_code(self, unit_of_work: UnitOfWork, caller: Caller, given: Proof) -> bool:
        async with unit_of_work.begin() as tx:
            found = await self.verifications.redeem(tx, given.verification_id, given.code, Purpose.CONFIRM)
        return found is not None and found.user_id == caller.user_id
