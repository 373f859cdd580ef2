"""gRPC <-> use cases, and who may call them."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1 import auth_pb2_grpc
from whatsinvoice_kit.core.errors import invalid, unauthenticated
from whatsinvoice_kit.data.idempotency import Idempotency
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.identity import AccessTable, allow

from whatsinvoice_auth.clients import CodeSender
from whatsinvoice_auth.events import ROLES, business_message, user_message
from whatsinvoice_auth.service import AuthService, Registration, Tokens

ACCESS: AccessTable = {
    "Register": allow("gateway"),
    "VerifyPhone": allow("gateway"),
    "Login": allow("gateway"),
    "Refresh": allow("gateway"),
    "GetKeySet": allow("gateway"),
    "GetMe": allow(scope="business:read"),
}


class AuthServicer(auth_pb2_grpc.AuthServiceServicer):
    """whatsinvoice.auth.v1.AuthService."""

    def __init__(
        self, service: AuthService, unit_of_work: UnitOfWork, idempotency: Idempotency, codes: CodeSender
    ) -> None:
        self._service = service
        self._unit_of_work = unit_of_work
        self._idempotency = idempotency
        self._codes = codes

    async def Register(self, request: pb.RegisterRequest, context: Any) -> pb.RegisterResponse:
        given = Registration(
            request.phone, request.name, request.password, request.business_name, request.country, request.email
        )

        member = await self._service.prepare(given)

        async def work(tx: Transaction) -> pb.RegisterResponse:
            code = await self._service.register(tx, member)
            expires = Timestamp()
            expires.FromDatetime(code.expires_at)
            return pb.RegisterResponse(
                user=user_message(member.user),
                business=business_message(member.business),
                verification_expire_time=expires,
            )

        response = await self._idempotency.once(request, pb.RegisterResponse, work)
        async with self._unit_of_work.begin() as tx:
            pending = await self._service.pending_code(tx, request.phone, request.country)
        if pending is not None:
            code, phone, digits = pending
            await self._codes.send(code.id, phone, digits, code.expires_at)
        return response

    async def VerifyPhone(self, request: pb.VerifyPhoneRequest, context: Any) -> pb.VerifyPhoneResponse:
        async with self._unit_of_work.begin() as tx:
            verified = await self._service.verify_phone(tx, request.phone, request.code)
        if not verified:
            raise invalid("code", "CODE_INVALID", "the code is wrong, spent or expired")
        return pb.VerifyPhoneResponse()

    async def Login(self, request: pb.LoginRequest, context: Any) -> pb.LoginResponse:
        tokens = await self._service.log_in(self._unit_of_work, request.phone, request.password)
        return pb.LoginResponse(tokens=_tokens(tokens))

    async def Refresh(self, request: pb.RefreshRequest, context: Any) -> pb.RefreshResponse:
        async with self._unit_of_work.begin() as tx:
            tokens = await self._service.refresh(tx, request.refresh_token, request.device_id)
        if tokens is None:
            raise unauthenticated("REFRESH_TOKEN_REUSED", "the refresh token was used before; the session has ended")
        return pb.RefreshResponse(tokens=_tokens(tokens))

    async def GetKeySet(self, request: pb.GetKeySetRequest, context: Any) -> pb.GetKeySetResponse:
        keys = [pb.JsonWebKey(kid=key["kid"], x=key["x"], y=key["y"]) for key in self._service.keys]
        return pb.GetKeySetResponse(keys=keys)

    async def GetMe(self, request: pb.GetMeRequest, context: Any) -> pb.GetMeResponse:
        call = current_call()
        user_id = call.identity.subject if call.identity else ""
        async with self._unit_of_work.read() as tx:
            member = await self._service.get_me(tx, user_id, call.business_id)
        return pb.GetMeResponse(
            user=user_message(member.user), business=business_message(member.business), role=ROLES[member.role]
        )


def _tokens(tokens: Tokens) -> pb.TokenPair:
    return pb.TokenPair(access_token=tokens.access, expires_in=tokens.seconds, refresh_token=tokens.refresh)
