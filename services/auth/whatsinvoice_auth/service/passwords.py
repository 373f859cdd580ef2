"""Changing a password, and setting one by a code."""

from dataclasses import dataclass

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth import domain
from whatsinvoice_auth.passwords import COMMON, Passwords
from whatsinvoice_auth.repository import people
from whatsinvoice_auth.service.codes import Codes
from whatsinvoice_auth.service.registration import prove_phone
from whatsinvoice_auth.service.sessions import end_every_session


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
    codes: Codes

    async def prepare_change(self, unit_of_work: UnitOfWork, user_id: str, old: str, new: str) -> Change:
        """Checks both passwords; INVALID_ARGUMENT (PASSWORD_WEAK) for the new one."""
        async with unit_of_work.begin() as tx:
            user = await people.locked_user(tx, user_id)
        name, phone, kept = (user.name, user.phone, user.password_hash) if user else ("", "", "")
        domain.check_password(new, name=name, phone=phone, common=COMMON)
        right = await self.passwords.matches(old, kept)
        return Change(user_id, kept, await self.passwords.hash(new) if right else "")

    async def change(self, tx: Transaction, change: Change, session_id: str) -> None:
        """Sets the new password and ends the user's other sessions; INVALID_ARGUMENT (PASSWORD_WRONG)."""
        user = await people.locked_user(tx, change.user_id)
        if user is None or not change.new_hash or user.password_hash != change.old_hash:
            raise invalid("old_password", "PASSWORD_WRONG", "this is not your password")
        await people.set_password(tx, user.id, change.new_hash)
        await end_every_session(tx, user.id, besides=session_id)

    async def prepare_reset(self, unit_of_work: UnitOfWork, phone: str, new: str) -> str:
        """The hash of a password that is strong enough; as slow for a stranger's phone."""
        number = to_e164(phone, "NG")
        async with unit_of_work.begin() as tx:
            user = await people.user_by_phone(tx, number)
        # the name is not looked at before the code proves who asks: the answer would tell of it
        domain.check_password(new, name="", phone=user.phone if user else number, common=COMMON)
        return await self.passwords.hash(new)

    async def reset(self, tx: Transaction, phone: str, digits: str, new_hash: str) -> bool:
        """Whether the digits were right; then the password is set, the phone proven and every session ended.

        A wrong code costs a try, so the transaction must commit either way.
        """
        user = await self.codes.redeem(tx, phone, digits)
        if user is None:
            return False
        await people.locked_user(tx, user.id)
        await people.set_password(tx, user.id, new_hash)
        if not user.phone_verified:
            await prove_phone(tx, user)
        await end_every_session(tx, user.id)
        return True
