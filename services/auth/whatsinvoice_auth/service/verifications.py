"""Verifications: asking for a one-time code, and proving the request that asked for it."""

import hmac
import secrets
from dataclasses import dataclass

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError, invalid, not_found
from whatsinvoice_kit.core.ids import is_id, new_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth import events
from whatsinvoice_auth.domain import User
from whatsinvoice_auth.domain.guesses import Origin
from whatsinvoice_auth.domain.verifications import (
    CODE_LIFE,
    KEPT,
    TAG_CHARACTERS,
    TAG_LENGTH,
    PendingRegistration,
    Purpose,
    Verification,
    digits_of,
    wait_for_message,
)
from whatsinvoice_auth.repository import people, verifications
from whatsinvoice_auth.service.guessing import Guess, Guesses


@dataclass(frozen=True, slots=True)
class CodeToSend:
    """The content of a message about a verification. No digits: the phone is registered already."""

    verification: Verification
    digits: str


@dataclass(frozen=True, slots=True)
class Verifications:
    """Makes and proves verifications; their digits are derived with the secret."""

    secret: str
    guesses: Guesses

    async def ask(
        self,
        tx: Transaction,
        phone: str,
        purpose: Purpose,
        *,
        registration: PendingRegistration | None = None,
        user_id: str = "",
    ) -> Verification:
        """Make a verification for a phone (E.164). The work and its time are the same whether the phone is known.

        A phone that received 6 codes within a minute or 12 within an hour receives none: its holder writes
        `CODE <tag>`, so that nobody else's requests use up what the holder needs.
        """
        moment = now()
        await verifications.hold_phone(tx, phone)
        wait = wait_for_message(await verifications.recent_messages(tx, phone, moment), moment)
        known = await people.user_by_phone(tx, phone) is not None
        made = Verification(
            new_id("ver"),
            _new_tag(await verifications.live_tags(tx, phone, moment)),
            phone,
            purpose,
            moment,
            moment + CODE_LIFE,
            sent=not wait and (known or purpose is Purpose.REGISTER),
            user_id=user_id,
            registration=registration,
        )
        await verifications.add_verification(tx, made)
        tx.publish(events.code_requested(made))
        return made

    async def resend(self, tx: Transaction, verification_id: str) -> Verification:
        """Replace a verification by a new one with the same content; NOT_FOUND when there is none to replace."""
        found = await self._open(tx, verification_id)
        await verifications.end_verification(tx, found.id)
        return await self.ask(tx, found.phone, found.purpose, registration=found.registration, user_id=found.user_id)

    async def code_of(self, tx: Transaction, verification_id: str) -> CodeToSend:
        """Return what the message about a verification says now; NOT_FOUND when its code would prove nothing."""
        found = await verifications.verification(tx, verification_id)
        if found is None or not found.usable(now()):
            raise _gone()
        known = await people.user_by_phone(tx, found.phone) is not None
        if known == (found.purpose is Purpose.REGISTER):
            if not known:
                raise _gone()
            return CodeToSend(found, "")
        return CodeToSend(found, digits_of(found.id, self.secret))

    async def claim(self, tx: Transaction, phone: str, tag: str) -> Verification:
        """Return the verification of a phone's holder by its tag; strangers' failures do not touch it any more."""
        found = await verifications.claim(tx, phone, tag.upper(), now())
        if found is None:
            raise _gone()
        return found

    async def guess(self, tx: Transaction, verification_id: str, origin: Origin) -> Guess:
        """Return what a guess at this verification counts on: once it was claimed, its own tries alone."""
        found = await self._found(tx, verification_id)
        if found is None:
            return Guess("code", "", origin)
        user = await people.user_by_phone(tx, found.phone)
        return Guess("code", found.phone, origin, user.id if user else "", exempt=found.claimed)

    async def redeem(self, tx: Transaction, verification_id: str, digits: str, purpose: Purpose) -> Verification | None:
        """Return the verification that the digits prove, spent; None for a wrong code, which costs a try.

        The transaction must commit either way.
        """
        found = await self._found(tx, verification_id, lock=True)
        if found is None or found.purpose is not purpose or not found.usable(now()):
            return None
        if not hmac.compare_digest(digits_of(found.id, self.secret).encode(), digits.encode()):
            await verifications.count_try(tx, found.id)
            return None
        await verifications.end_verification(tx, found.id)
        return found

    async def owner_of(self, tx: Transaction, verification_id: str) -> User | None:
        """Return the user whose password a verification would set."""
        found = await self._found(tx, verification_id)
        return await people.user_by_phone(tx, found.phone) if found else None

    async def _open(self, tx: Transaction, verification_id: str) -> Verification:
        found = await self._found(tx, verification_id, lock=True)
        if found is None or found.ended or now() - found.requested_at > KEPT:
            raise _gone()
        return found

    @staticmethod
    async def _found(tx: Transaction, verification_id: str, *, lock: bool = False) -> Verification | None:
        if not is_id("ver", verification_id):
            return None
        return await verifications.verification(tx, verification_id, lock=lock)


def wrong_code() -> ServiceError:
    """Return the one error for every code that proves nothing."""
    return invalid("code", "CODE_INVALID", "the code is wrong, spent or expired")


def _gone() -> ServiceError:
    return not_found("VERIFICATION_NOT_FOUND", "there is no such request, or it is proven, replaced or expired")


def _new_tag(taken: set[str]) -> str:
    while True:
        tag = "".join(secrets.choice(TAG_CHARACTERS) for _ in range(TAG_LENGTH))
        if tag not in taken:
            return tag
