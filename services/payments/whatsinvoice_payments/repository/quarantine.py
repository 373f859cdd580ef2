"""What is held back: findings go in once, and wait for their ruling."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_payments.domain.quarantine import Finding, Held, Kind, Ruling
from whatsinvoice_payments.models import QUARANTINE

_FIELDS = tuple(name for name in Finding.__dataclass_fields__ if name != "kind")


async def add_finding(tx: Transaction, finding: Finding) -> bool:
    """Keeps it, open; False where the same was found before."""
    values = {name: getattr(finding, name) for name in _FIELDS}
    statement = upsert(QUARANTINE).values(
        values | {"id": new_id("qua"), "kind": finding.kind.value, "created_at": now()}
    )
    return (await tx.execute(statement.on_conflict_do_nothing().returning(QUARANTINE.c.id))).one_or_none() is not None


async def list_open(tx: Transaction, limit: int) -> Sequence[Held]:
    """Of every business, the oldest first."""
    statement = (
        select(QUARANTINE).where(QUARANTINE.c.status == Ruling.OPEN.value).order_by(QUARANTINE.c.id).limit(limit)
    )
    return [_held(row) for row in await tx.execute(statement)]


async def find_held(tx: Transaction, held_id: str) -> Held | None:
    """By its id, whoever's it is."""
    row = (await tx.execute(select(QUARANTINE).where(QUARANTINE.c.id == held_id))).one_or_none()
    return _held(row) if row else None


async def rule(tx: Transaction, ruling: Ruling, *, held_id: str = "", payment_id: str = "") -> int:
    """Ends what is open of one finding, or the hold of a payment; how many were."""
    table = QUARANTINE
    which = (
        table.c.id == held_id if held_id else (table.c.payment_id == payment_id) & (table.c.kind == Kind.PAYMENT.value)
    )
    statement = update(table).where(table.c.status == Ruling.OPEN.value, which)
    done = await tx.execute(statement.values(status=ruling.value, resolved_at=func.now()))
    return done.rowcount


async def was_released(tx: Transaction, business_id: str, payment_id: str) -> bool:
    """Whether a person has let the payment go on."""
    table = QUARANTINE
    statement = select(table.c.id).where(
        table.c.business_id == business_id,
        table.c.payment_id == payment_id,
        table.c.kind == Kind.PAYMENT.value,
        table.c.status == Ruling.RELEASED.value,
    )
    return (await tx.execute(statement)).first() is not None


async def count_open(tx: Transaction) -> Mapping[Kind, int]:
    """Of each kind."""
    table = QUARANTINE
    statement = (
        select(table.c.kind, func.count().label("open"))
        .where(table.c.status == Ruling.OPEN.value)
        .group_by(table.c.kind)
    )
    found = {row.kind: int(row.open) for row in await tx.execute(statement)}
    return {kind: found.get(kind.value, 0) for kind in Kind}


def _held(row: Row[tuple[object, ...]]) -> Held:
    fields: dict[str, Any] = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's documented way to a row as a mapping)
    finding = Finding(Kind(fields["kind"]), **{name: fields[name] for name in _FIELDS})
    return Held(fields["id"], finding, Ruling(fields["status"]), fields["created_at"], fields["resolved_at"])
