"""What every part of the servicer has: the use cases, the transactions, and who is calling."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice_kit.data.idempotency import Idempotency
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.rpc.call import current_call

from whatsinvoice_auth.clients import CodeSender
from whatsinvoice_auth.revocations import RevocationFeed
from whatsinvoice_auth.service.codes import Codes
from whatsinvoice_auth.service.keys import ApiKeys
from whatsinvoice_auth.service.passwords import PasswordChanges
from whatsinvoice_auth.service.registration import Registrations
from whatsinvoice_auth.service.sessions import Sessions

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything that auth does."""

    registrations: Registrations
    codes: Codes
    sessions: Sessions
    password_changes: PasswordChanges
    api_keys: ApiKeys
    revocations: RevocationFeed
    code_sender: CodeSender


class Part:
    """Base of the parts that make up the servicer."""

    def __init__(self, use: UseCases, unit_of_work: UnitOfWork, idempotency: Idempotency) -> None:
        self._use = use
        self._unit_of_work = unit_of_work
        self._idempotency = idempotency
        # sessions and places are a person's, whichever business her token names
        self._across = unit_of_work.across_businesses()
        self._across_idempotency = idempotency.across_businesses()

    def _sealed(self, request: MessageT, *secrets: str) -> MessageT:
        """The request with its passwords keyed and hashed: a bare hash of it is kept beside the idempotency key."""
        sealed = type(request)()
        sealed.CopyFrom(request)
        for name in secrets:
            digest = hmac.new(self._use.codes.secret.encode(), getattr(request, name).encode(), "sha256")
            setattr(sealed, name, digest.hexdigest())
        return sealed


def user_id() -> str:
    """The calling user."""
    identity = current_call().identity
    return identity.subject if identity else ""


def session_id() -> str:
    """The session of the calling user's token."""
    identity = current_call().identity
    return identity.session_id if identity else ""


def stamp(moment: datetime) -> Timestamp:
    """As protobuf writes it."""
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def next_page(cursor: str) -> common_pb2.PageResponse:
    return common_pb2.PageResponse(next_cursor=cursor)
