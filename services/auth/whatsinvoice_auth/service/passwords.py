"""Changing a password, and setting one by a code."""

from dataclasses import dataclass

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork

from whatsinvoice_auth import domain, events
from whatsinvoice_auth.domain import User
from whatsinvoice_auth.domain.guesses import Origin
from whatsinvoice_auth.domain.verifications import Purpose
from whatsinvoice_auth.passwords import COMMON, Passwords
from whatsinvoice_auth.repository import guesses, keys, people, sessions
from whatsinvoice_auth.service.access import revoke
from whatsinvoice_auth.service.guessing import CountedGuess, Guess, Guesses, note_right, note_wrong
from whatsinvoice_auth.service.sessions import end_every_session
from whatsinvoice_auth.service.verifications import Verifications

NO_PHONE = "\0"
"""Part of no password."""


@dataclass(frozen=True, slots=True)
class Change:
    """A checked change: from one hash to another, for the user that both were made for."""

    user_id: str
    old_hash: str
    new_hash: str
    """Empty when the old password was wrong."""


@dataclass(frozen=True, slots=True)
class PasswordChanges:
    """Each in two steps: the slow one (argon2) outside of any transaction, then the one that stores."""

    passwords: Passwords
    verifications: Verifications
    guesses: Guesses

    async def prepare_change(
        self, unit_of_work: UnitOfWork, user_id: str, session_id: str, old: str, new: str
    ) -> Change:
        """Check both passwords; INVALID_ARGUMENT (PASSWORD_WEAK) for the new one."""
        async with unit_of_work.begin() as tx:
            user = await people.locked_user(tx, user_id)
        name, phone, kept = (user.name, user.phone, user.password_hash) if user else ("", "", "")
        domain.check_password(new, name=name, phone=phone, common=COMMON)
        counted = await self.guesses.count(Guess("password", "", Origin(), user_id, session_id))
        right = await self.passwords.matches(old, kept)
        if not right:
            note_wrong(counted)
            return Change(user_id, kept, "")
        async with unit_of_work.begin() as tx:
            await note_right(tx, counted)
        return Change(user_id, kept, await self.passwords.hash(new))

    async def change(self, tx: Transaction, change: Change, session_id: str) -> None:
        """Set the new password and end the user's other sessions; INVALID_ARGUMENT (PASSWORD_WRONG)."""
        user = await people.locked_user(tx, change.user_id)
        if user is None or not change.new_hash or user.password_hash != change.old_hash:
            raise invalid("old_password", "PASSWORD_WRONG", "this is not your password")
        await people.set_password(tx, user.id, change.new_hash)
        await end_every_session(tx, user.id, besides=session_id)

    async def prepare_reset(self, unit_of_work: UnitOfWork, verification_id: str, new: str) -> str:
        """Return the hash of a password that is strong enough; as slow for a request that proves nothing."""
        async with unit_of_work.begin() as tx:
            user = await self.verifications.owner_of(tx, verification_id)
        # the name is not looked at before the code proves who asks: the answer would tell of it
        domain.check_password(new, name="", phone=user.phone if user else NO_PHONE, common=COMMON)
        return await self.passwords.hash(new)

    async def reset(
        self, tx: Transaction, verification_id: str, digits: str, new_hash: str, counted: CountedGuess
    ) -> User | None:
        """Set the password that the digits prove and end all that the old one made; None for a wrong code.

        Every session and API key of the person ends, every known device is forgotten but this one, and the phone is
        told. A wrong code costs a try, so the transaction must commit either way.
        """
        found = await self.verifications.redeem(tx, verification_id, digits, Purpose.RESET_PASSWORD)
        user = await people.user_by_phone(tx, found.phone) if found else None
        user = await people.locked_user(tx, user.id) if user else None
        if user is None:
            note_wrong(counted)
            return None
        await people.set_password(tx, user.id, new_hash)
        await guesses.forget_devices(tx, user.id)
        await note_right(tx, counted, user.id)
        tx.publish(events.account_recovered(user))
        ended = await sessions.end_sessions(tx, user.id, now())
        await revoke(tx, ended, await keys.revoke_keys(tx, now(), user_id=user.id))
        return user
