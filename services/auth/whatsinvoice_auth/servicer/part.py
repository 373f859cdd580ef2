"""What every part of the servicer has: the use cases, the transactions, and who is calling."""

import hmac
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import Message
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.data.idempotency import Idempotency
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.rpc.call import current_call

from whatsinvoice_auth.domain import Member
from whatsinvoice_auth.domain.guesses import Origin
from whatsinvoice_auth.events import ROLES
from whatsinvoice_auth.revocations import RevocationFeed
from whatsinvoice_auth.service.confirmation import Confirmations
from whatsinvoice_auth.service.guessing import CountedGuess, Guesses
from whatsinvoice_auth.service.keys import ApiKeys
from whatsinvoice_auth.service.passwords import PasswordChanges
from whatsinvoice_auth.service.registration import Registrations
from whatsinvoice_auth.service.sessions import Sessions
from whatsinvoice_auth.service.verifications import Verifications

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything that auth does."""

    registrations: Registrations
    verifications: Verifications
    guesses: Guesses
    sessions: Sessions
    password_changes: PasswordChanges
    confirmations: Confirmations
    api_keys: ApiKeys
    invitations_daily: DailyLimit
    revocations: RevocationFeed


class Part:
    """Base of the parts that make up the servicer."""

    def __init__(self, use: UseCases, unit_of_work: UnitOfWork, idempotency: Idempotency) -> None:
        self._use = use
        self._unit_of_work = unit_of_work
        self._idempotency = idempotency
        # sessions and places are a person's, whichever business her token names
        self._across = unit_of_work.across_businesses()
        self._across_idempotency = idempotency.across_businesses()

    async def _counted_guess(self, verification_id: str, origin: pb.Origin) -> CountedGuess:
        """Count a guess at a code; RESOURCE_EXHAUSTED (GUESSES_TOO_MANY) while one must wait."""
        async with self._unit_of_work.read() as tx:
            guess = await self._use.verifications.guess(tx, verification_id, origin_of(origin))
        return await self._use.guesses.count(guess)

    def _sealed(self, request: MessageT, *secrets: str) -> MessageT:
        """The request with its passwords keyed and hashed: a bare hash of it is kept beside the idempotency key."""
        sealed = type(request)()
        sealed.CopyFrom(request)
        for name in secrets:
            digest = hmac.new(self._use.verifications.secret.encode(), getattr(request, name).encode(), "sha256")
            setattr(sealed, name, digest.hexdigest())
        return sealed


def origin_of(origin: pb.Origin) -> Origin:
    return Origin(origin.address, origin.device_id)


def user_id() -> str:
    """The calling user."""
    identity = current_call().identity
    return identity.subject if identity else ""


def session_id() -> str:
    """The session of the calling user's token."""
    identity = current_call().identity
    return identity.session_id if identity else ""


def next_page(cursor: str) -> common_pb2.PageResponse:
    return common_pb2.PageResponse(next_cursor=cursor)


def member_message(member: Member) -> pb.Member:
    """Return a member as other members see it: the e-mail address is the person's own."""
    user = member.user
    return pb.Member(id=member.id, user=pb.User(id=user.id, phone=user.phone, name=user.name), role=ROLES[member.role])
