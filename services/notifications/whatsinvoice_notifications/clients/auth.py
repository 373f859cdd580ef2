"""Auth over gRPC: one-time codes at the moment of sending, and requests by their tag."""

from datetime import UTC

from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1 import auth_pb2_grpc
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.identity import ServiceIdentity

from whatsinvoice_notifications.clients import Claimed, OneTimeCode


class AuthOverGrpc:
    """See the port."""

    def __init__(self, client: Client, identity: ServiceIdentity) -> None:
        self._client = client
        self._identity = identity
        self._stub = auth_pb2_grpc.AuthServiceStub(client.channel)

    async def code(self, verification_id: str) -> OneTimeCode:
        request = pb.GetCodeRequest(verification_id=verification_id)
        found = await self._client.call(self._stub.GetCode, request, token=self._identity.token("auth"))
        purpose = pb.Purpose.Name(found.purpose).removeprefix("PURPOSE_").lower()
        return OneTimeCode(found.code, found.tag, purpose)

    async def claim(self, phone: str, tag: str) -> Claimed:
        request = pb.ClaimVerificationRequest(phone=phone, tag=tag)
        found = await self._client.call(self._stub.ClaimVerification, request, token=self._identity.token("auth"))
        return Claimed(found.verification_id, found.expire_time.ToDatetime(UTC))
