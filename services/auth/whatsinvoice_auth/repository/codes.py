"""One-time codes, and the requests for them."""

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, insert, or_, select, update
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_auth.domain import CODES_AN_HOUR, Code, CodeRequest
from whatsinvoice_auth.models import CODE_REQUESTS, CODES


async def replace_code(tx: Transaction, code: Code) -> None:
    """A user has one code at a time."""
    await tx.execute(delete(CODES).where(CODES.c.user_id == code.user_id))
    await tx.execute(insert(CODES).values(id=code.id, user_id=code.user_id, expires_at=code.expires_at))


async def code_of(tx: Transaction, user_id: str) -> Code | None:
    """The user's code, locked until the transaction ends so that tries are counted one after another."""
    row = (await tx.execute(select(CODES).where(CODES.c.user_id == user_id).with_for_update())).one_or_none()
    return Code(row.id, row.user_id, row.tries, row.expires_at) if row else None


async def count_try(tx: Transaction, code_id: str) -> None:
    await tx.execute(update(CODES).where(CODES.c.id == code_id).values(tries=CODES.c.tries + 1))


async def drop_code(tx: Transaction, code_id: str) -> None:
    await tx.execute(delete(CODES).where(CODES.c.id == code_id))


async def hold_phone(tx: Transaction, phone: str) -> None:
    """Nobody else asks for, makes or registers with a code of this phone until the transaction ends."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"auth.codes:{phone}", 0))))


async def recent_requests(tx: Transaction, phone: str, since: datetime) -> list[datetime]:
    """When the last codes of a phone were asked for, newest first; holds the phone until the transaction ends."""
    await hold_phone(tx, phone)
    rows = CODE_REQUESTS.c
    statement = select(rows.requested_at).where(rows.phone == phone, rows.requested_at > since)
    return list((await tx.execute(statement.order_by(rows.requested_at.desc()).limit(CODES_AN_HOUR))).scalars())


async def add_request(tx: Transaction, request: CodeRequest, *, waits: bool) -> None:
    """Counts against the phone; `waits` for the job that sends."""
    await tx.execute(
        insert(CODE_REQUESTS).values(
            id=request.id,
            phone=request.phone,
            purpose=request.purpose,
            requested_at=request.requested_at,
            next_attempt_at=request.requested_at if waits else None,
        )
    )


async def claim_requests(tx: Transaction, moment: datetime, lease: timedelta, limit: int) -> list[CodeRequest]:
    """Some that wait, oldest first; nobody else gets them before the lease is over."""
    rows = CODE_REQUESTS.c
    waiting = select(rows.id).where(rows.next_attempt_at <= moment).order_by(rows.requested_at).limit(limit)
    claimed = await tx.execute(
        update(CODE_REQUESTS)
        .where(rows.id.in_(waiting.with_for_update(skip_locked=True)))
        .values(next_attempt_at=moment + lease)
        .returning(rows.id, rows.phone, rows.purpose, rows.requested_at)
    )
    found = [CodeRequest(row.id, row.phone, row.purpose, row.requested_at) for row in claimed]
    return sorted(found, key=lambda request: request.requested_at)


async def is_latest(tx: Transaction, request: CodeRequest) -> bool:
    """Whether no later code was asked for the phone."""
    rows = CODE_REQUESTS.c
    later = exists().where(rows.phone == request.phone, rows.requested_at > request.requested_at)
    return not (await tx.execute(select(later))).scalar_one()


async def finish_request(tx: Transaction, request_id: str) -> None:
    await tx.execute(update(CODE_REQUESTS).where(CODE_REQUESTS.c.id == request_id).values(next_attempt_at=None))


async def forget_requests(tx: Transaction, before: datetime) -> None:
    """Drops what no limit looks at any more."""
    rows = CODE_REQUESTS.c
    finished = or_(rows.next_attempt_at.is_(None), rows.next_attempt_at < before)
    await tx.execute(delete(CODE_REQUESTS).where(rows.requested_at < before, finished))
