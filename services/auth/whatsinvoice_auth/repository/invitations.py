"""Invitations, open and ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.domain import Role
from whatsinvoice_auth.domain.invitations import Invitation
from whatsinvoice_auth.models import BUSINESSES, INVITATIONS

_ROWS = INVITATIONS.c


def _invitation(row: Row[tuple[object, ...]]) -> Invitation:
    return Invitation(
        row.id,
        row.business_id,
        row.business_name,
        row.inviter_name,
        row.phone,
        row.name,
        Role(row.role),
        row.created_at,
        row.expires_at,
    )


async def add_invitation(tx: Transaction, invitation: Invitation, inviter_id: str) -> None:
    values = {name: getattr(invitation, name) for name in Invitation.__dataclass_fields__ if name != "business_name"}
    await tx.execute(insert(INVITATIONS).values(values | {"role": invitation.role.value, "inviter_id": inviter_id}))


async def open_invitations(
    tx: Transaction, moment: datetime, *, business_id: str = "", phone: str = "", before: str = "", limit: int = 0
) -> list[Invitation]:
    """Return the open invitations of a business or to a phone, newest first, below an id and up to a limit if given."""
    where = _open(moment)
    where += [_ROWS.business_id == business_id] if business_id else []
    where += [_ROWS.phone == phone] if phone else []
    where += [_ROWS.id < before] if before else []
    return await _found(tx, where, limit)


async def end_invitation(
    tx: Transaction, invitation_id: str, outcome: str, moment: datetime, *, business_id: str = "", phone: str = ""
) -> Invitation | None:
    """End an open invitation of this business or to this phone, and return it; None when there is none."""
    where = [*_open(moment), _ROWS.id == invitation_id]
    where += [_ROWS.business_id == business_id] if business_id else []
    where += [_ROWS.phone == phone] if phone else []
    found = await _found(tx, where, 1)
    ended = update(INVITATIONS).where(*where).values(ended_at=moment, outcome=outcome).returning(_ROWS.id)
    return found[0] if (await tx.execute(ended)).one_or_none() and found else None


def _open(moment: datetime) -> list[ColumnElement[bool]]:
    return [_ROWS.ended_at.is_(None), _ROWS.expires_at > moment]


async def _found(tx: Transaction, where: list[Any], limit: int) -> list[Invitation]:
    joined = INVITATIONS.join(BUSINESSES, BUSINESSES.c.id == _ROWS.business_id)
    columns = (*_ROWS, BUSINESSES.c.name.label("business_name"))
    statement = select(*columns).select_from(joined).where(*where).order_by(_ROWS.id.desc()).limit(limit or None)
    return [_invitation(row) for row in await tx.execute(statement)]
