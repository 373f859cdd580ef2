"""Verifications and their limits by phone."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.domain.verifications import CODES_AN_HOUR, PendingRegistration, Purpose, Verification
from whatsinvoice_auth.models import VERIFICATIONS

_ROWS = VERIFICATIONS.c


def _verification(row: Row[tuple[object, ...]]) -> Verification:
    given: Mapping[str, Any] | None = row.registration
    return Verification(
        row.id,
        row.tag,
        row.phone,
        Purpose(row.purpose),
        row.requested_at,
        row.expires_at,
        row.sent,
        row.user_id,
        PendingRegistration(**given) if given else None,
        row.tries,
        row.claimed,
        row.ended,
    )


async def hold_phone(tx: Transaction, phone: str) -> None:
    """Let nobody else ask for or prove a verification of this phone until the transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"auth.codes:{phone}", 0))))


async def recent_messages(tx: Transaction, phone: str, moment: datetime) -> list[datetime]:
    """Return when the last codes were sent to a phone within an hour, newest first."""
    statement = select(_ROWS.requested_at).where(
        _ROWS.phone == phone, _ROWS.sent, _ROWS.requested_at > moment - timedelta(hours=1)
    )
    return list((await tx.execute(statement.order_by(_ROWS.requested_at.desc()).limit(CODES_AN_HOUR))).scalars())


async def live_tags(tx: Transaction, phone: str, moment: datetime) -> set[str]:
    """Return the tags of a phone's verifications that are not expired."""
    statement = select(_ROWS.tag).where(_ROWS.phone == phone, _ROWS.expires_at > moment)
    return set((await tx.execute(statement)).scalars())


async def add_verification(tx: Transaction, verification: Verification) -> None:
    given = verification.registration
    values = {name: getattr(verification, name) for name in Verification.__dataclass_fields__}
    values |= {"purpose": verification.purpose.value, "registration": asdict(given) if given else None}
    await tx.execute(insert(VERIFICATIONS).values(values))


async def verification(tx: Transaction, verification_id: str, *, lock: bool = False) -> Verification | None:
    """Return a verification; locked until the transaction ends, so that its tries are counted one after another."""
    statement = select(VERIFICATIONS).where(_ROWS.id == verification_id)
    row = (await tx.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return _verification(row) if row else None


async def claim(tx: Transaction, phone: str, tag: str, moment: datetime) -> Verification | None:
    """Mark the phone's open verification with this tag as asked for by its holder, and return it."""
    found = update(VERIFICATIONS).where(_ROWS.phone == phone, _ROWS.tag == tag, ~_ROWS.ended, _ROWS.expires_at > moment)
    row = (await tx.execute(found.values(claimed=True).returning(VERIFICATIONS))).one_or_none()
    return _verification(row) if row else None


async def count_try(tx: Transaction, verification_id: str) -> None:
    await tx.execute(update(VERIFICATIONS).where(_ROWS.id == verification_id).values(tries=_ROWS.tries + 1))


async def end_verification(tx: Transaction, verification_id: str) -> None:
    """Spend it; a registration's content goes at once."""
    await tx.execute(update(VERIFICATIONS).where(_ROWS.id == verification_id).values(ended=True, registration=None))
