"""Failed guesses by subject, and the devices that logged in before."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.domain.guesses import DEVICE_LIFE, DEVICES_A_PERSON, WINDOW, Tally
from whatsinvoice_auth.models import GUESSES, KNOWN_DEVICES

_DEVICES = KNOWN_DEVICES.c


async def locked_tallies(tx: Transaction, subjects: Sequence[str], moment: datetime) -> dict[str, Tally]:
    """Return the tally of each subject, locked until the transaction ends, so that no two guesses count as one."""
    ordered = sorted(subjects)
    rows = [{"subject": subject, "failures": 0, "since": moment} for subject in ordered]
    await tx.execute(insert(GUESSES).values(rows).on_conflict_do_nothing(index_elements=["subject"]))
    statement = select(GUESSES).where(GUESSES.c.subject.in_(ordered)).order_by(GUESSES.c.subject).with_for_update()
    return {row.subject: Tally(row.failures, row.since, row.paused_until) for row in await tx.execute(statement)}


async def put_tallies(tx: Transaction, tallies: Mapping[str, Tally]) -> None:
    for subject, tally in tallies.items():
        values = {"failures": tally.failures, "since": tally.since, "paused_until": tally.paused_until}
        await tx.execute(update(GUESSES).where(GUESSES.c.subject == subject).values(values))


async def take_back(tx: Transaction, subjects: Sequence[str]) -> None:
    """Uncount a guess that was right."""
    await tx.execute(
        update(GUESSES)
        .where(GUESSES.c.subject.in_(subjects))
        .values(failures=func.greatest(GUESSES.c.failures - 1, 0), paused_until=None)
    )


async def forget_tallies(tx: Transaction, moment: datetime) -> None:
    await tx.execute(delete(GUESSES).where(GUESSES.c.since < moment - WINDOW))


async def knows_device(tx: Transaction, user_id: str, device: bytes, moment: datetime) -> bool:
    statement = select(_DEVICES.device).where(
        _DEVICES.user_id == user_id, _DEVICES.device == device, _DEVICES.used_at > moment - DEVICE_LIFE
    )
    return (await tx.execute(statement)).one_or_none() is not None


async def remember_device(tx: Transaction, user_id: str, device: bytes, moment: datetime) -> None:
    """Keep a device as known; of a person's devices the latest stay."""
    statement = insert(KNOWN_DEVICES).values(user_id=user_id, device=device, used_at=moment)
    latest = {"used_at": moment}
    await tx.execute(statement.on_conflict_do_update(index_elements=["user_id", "device"], set_=latest))
    kept = select(_DEVICES.device).where(_DEVICES.user_id == user_id).order_by(_DEVICES.used_at.desc())
    await tx.execute(
        delete(KNOWN_DEVICES).where(
            _DEVICES.user_id == user_id, _DEVICES.device.not_in(kept.limit(DEVICES_A_PERSON).scalar_subquery())
        )
    )


async def forget_devices(tx: Transaction, user_id: str) -> None:
    """Forget the devices of a person whose password somebody else may have used."""
    await tx.execute(delete(KNOWN_DEVICES).where(_DEVICES.user_id == user_id))
