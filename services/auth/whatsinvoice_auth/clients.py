"""Where auth reaches out: one-time codes go through notifications."""

from datetime import datetime
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.notifications.v1 import notifications_pb2, notifications_pb2_grpc
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.identity import ServiceIdentity


class CodeSender(Protocol):
    """Brings one-time codes to phones."""

    async def send(self, code_id: str, phone: str, digits: str, expires_at: datetime) -> None: ...


class NotificationsCodeSender:
    """By notifications' SendOneTimeCode, which sends a code_id once however often it is asked."""

    def __init__(self, client: Client, identity: ServiceIdentity) -> None:
        self._client = client
        self._identity = identity
        self._stub = notifications_pb2_grpc.NotificationsServiceStub(client.channel)

    async def send(self, code_id: str, phone: str, digits: str, expires_at: datetime) -> None:
        """Queues the code; UNAVAILABLE when notifications is away."""
        expires = Timestamp()
        expires.FromDatetime(expires_at)
        request = notifications_pb2.SendOneTimeCodeRequest(
            code_id=code_id, phone=phone, code=digits, expire_time=expires
        )
        await self._client.call(self._stub.SendOneTimeCode, request, token=self._identity.token("notifications"))
