"""One-time codes: asking for one, the job that sends it, and proving a phone with it."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_auth import domain
from whatsinvoice_auth.clients import CodeSender
from whatsinvoice_auth.domain import Code, CodeRequest, User
from whatsinvoice_auth.repository import codes, people

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=15)
BATCH = 10
VERIFY, RESET = "verify", "reset"


@dataclass(frozen=True, slots=True)
class Codes:
    """One-time codes; their digits are made with the secret."""

    secret: str

    async def ask(self, tx: Transaction, phone: str, purpose: str, *, waits: bool = True) -> CodeRequest:
        """Asks for a code to a phone (E.164), known or not: what happens here and how long it takes is the same.

        Raises RESOURCE_EXHAUSTED (CODES_TOO_MANY) beyond 6 a minute or 12 an hour.
        """
        moment = now()
        seconds = domain.wait_for_code(await codes.recent_requests(tx, phone, moment - timedelta(hours=1)), moment)
        if seconds:
            message = "too many codes for this phone; try again later"
            raise ServiceError(Kind.RESOURCE_EXHAUSTED, "CODES_TOO_MANY", message, retry_after=seconds)
        request = CodeRequest(new_id("otc"), phone, purpose, moment)
        await codes.add_request(tx, request, waits=waits)
        return request

    async def make(self, tx: Transaction, request: CodeRequest, user_id: str) -> Code:
        """The user's code, in the place of the one before."""
        code = Code(request.id, user_id, 0, request.requested_at + domain.CODE_LIFE)
        await codes.replace_code(tx, code)
        return code

    def digits(self, code: Code) -> str:
        return domain.digits_of(code.id, self.secret)

    async def redeem(self, tx: Transaction, phone: str, digits: str) -> User | None:
        """The user whose phone the digits prove; a wrong one costs a try, so the transaction must commit either way."""
        user = await people.user_by_phone(tx, to_e164(phone, "NG"))
        code = await codes.code_of(tx, user.id) if user else None
        if user is None or code is None or not code.usable(now()):
            return None
        if not hmac.compare_digest(self.digits(code).encode(), digits.encode()):
            await codes.count_try(tx, code.id)
            return None
        await codes.drop_code(tx, code.id)
        return user


@dataclass(frozen=True, slots=True)
class CodeCourier:
    """Sends the codes that wait. Answers never wait for it, or their time would tell who is registered."""

    codes: Codes
    unit_of_work: UnitOfWork
    sender: CodeSender

    async def send_waiting(self) -> int:
        """Sends some; how many it took up."""
        async with self.unit_of_work.begin() as tx:
            requests = await codes.claim_requests(tx, now(), LEASE, BATCH)
        for request in requests:
            await self._send(request)
        return len(requests)

    async def _send(self, request: CodeRequest) -> None:
        moment = now()
        async with self.unit_of_work.begin() as tx:
            code = await self._code_for(tx, request, moment)
            if code is None:
                await codes.finish_request(tx, request.id)
                return
        try:
            await self.sender.send(code.id, request.phone, self.codes.digits(code), code.expires_at)
        except ServiceError as error:  # tried again when the lease is over
            log.warning("a code could not be sent", code=code.id, reason=error.reason)
            return
        async with self.unit_of_work.begin() as tx:
            await codes.finish_request(tx, request.id)

    async def _code_for(self, tx: Transaction, request: CodeRequest, moment: datetime) -> Code | None:
        """The code to send, made once; None for strangers, when a later one was asked for, and when it is too late."""
        await codes.hold_phone(tx, request.phone)
        user = await people.user_by_phone(tx, request.phone)
        late = moment >= request.requested_at + domain.CODE_LIFE
        if user is None or late or (request.purpose == VERIFY and user.phone_verified):
            return None
        if not await codes.is_latest(tx, request):
            return None
        kept = await codes.code_of(tx, user.id)
        return kept if kept and kept.id == request.id else await self.codes.make(tx, request, user.id)
