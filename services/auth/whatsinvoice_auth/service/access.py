"""Access tokens as auth signs them, and ending what they were given for."""

from collections.abc import Sequence
from dataclasses import dataclass

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.rpc.keys import SigningKeys
from whatsinvoice_kit.rpc.tokens import USER_AUDIENCE, USER_ISSUER, sign

from whatsinvoice_auth import domain, events
from whatsinvoice_auth.domain import Member, Session
from whatsinvoice_auth.repository import revocations


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with that of its keys whose turn it is; the others are published as well."""

    keys: SigningKeys

    def access_token(self, member: Member, origin: str, scopes: Sequence[str], seconds: int, **more: str) -> str:
        """For a place in a business; `origin` is the session or the API key that it ends with."""
        return sign(
            self.keys.current(),
            issuer=USER_ISSUER,
            audience=USER_AUDIENCE,
            subject=member.user.id,
            seconds=seconds,
            sid=origin,
            biz=member.business.id,
            scope=" ".join(scopes),
            **more,
        )


async def revoke(tx: Transaction, sessions: Sequence[Session], key_ids: Sequence[str] = ()) -> None:
    """Tells gateways and others what has ended. Call it last: see `add_revocations`."""
    for session in sessions:
        tx.publish(events.session_revoked(session))
    ended = [*(session.id for session in sessions), *key_ids]
    await revocations.add_revocations(tx, ended, now() + domain.REVOKED_FOR)
