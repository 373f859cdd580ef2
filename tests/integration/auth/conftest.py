"""Auth running on real parts, with a notifications stand-in that only collects codes."""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from support.builders import a_registration
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer, channel_to, running
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice.notifications.v1 import notifications_pb2, notifications_pb2_grpc
from whatsinvoice_auth.__main__ import SPEC
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.rpc.errors import from_rpc_error
from whatsinvoice_kit.rpc.identity import allow
from whatsinvoice_kit.rpc.server import Gate, RpcServer
from whatsinvoice_kit.rpc.tokens import Verifier, parse_key_sets
from whatsinvoice_kit.runtime import Process

PASSWORD = "Passw0rdly"
_Servicer: Any = notifications_pb2_grpc.NotificationsServiceServicer


class Codes(_Servicer):  # type: ignore[misc]  # one RPC of five is all that auth calls
    """Takes one-time codes as notifications does, behind the same gate."""

    def __init__(self) -> None:
        self.by_phone: dict[str, str] = {}
        self.asked: list[str] = []

    async def SendOneTimeCode(self, request: Any, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        self.by_phone[request.phone] = request.code
        self.asked.append(request.code_id)
        return notifications_pb2.SendOneTimeCodeResponse()

    async def next(self, phone: str) -> str:
        """The code that comes to a phone next, whatever came before."""

        async def came() -> bool:
            return phone in self.by_phone

        await eventually(came, 5)
        return self.by_phone.pop(phone)


@pytest.fixture
def codes() -> Codes:
    return Codes()


@pytest.fixture
async def process(
    migrated: dict[str, str], redis_url: str, keyring: Keyring, codes: Codes
) -> AsyncIterator[Process[Any]]:
    """A running auth service."""
    verifier = Verifier(parse_key_sets(keyring.trusted), "notifications")
    notifications = RpcServer(Gate(verifier, {"SendOneTimeCode": allow("auth")}), "127.0.0.1:0")
    descriptor = notifications_pb2.DESCRIPTOR.services_by_name["NotificationsService"]
    notifications.add(notifications_pb2_grpc.add_NotificationsServiceServicer_to_server, codes, descriptor.full_name)
    await notifications.start()
    settings = {
        "database_url": migrated["auth"],
        "redis_url": redis_url,
        "trusted_keys": keyring.trusted,
        "service_key": json.dumps(keyring.services["auth"]),
        "signing_keys": json.dumps([keyring.users]),
        "code_secret": secrets.token_hex(32),
        "refresh_secret": secrets.token_hex(32),
        "notifications_grpc": f"127.0.0.1:{notifications.port}",
    }
    async with running(SPEC, **settings) as process:
        yield process
    await notifications.stop(0)


@pytest.fixture
async def auth(process: Process[Any]) -> AsyncIterator[AuthServiceStub]:
    """A stub of it."""
    channel = channel_to(process)
    yield AuthServiceStub(channel)
    await channel.close()


@pytest.fixture
def gateway(keyring: Keyring) -> tuple[tuple[str, str], ...]:
    """Metadata of a call by the gateway on its own."""
    return bearer(keyring.service_token("gateway", "auth"))


@pytest.fixture
def phone() -> str:
    """A Nigerian mobile number that no other test uses."""
    return f"+23480{secrets.randbelow(90_000_000) + 10_000_000}"


@pytest.fixture
async def verified(auth: AuthServiceStub, gateway: Any, codes: Codes, phone: str) -> str:
    """The phone of a registered merchant who has proven it; her password is `Passw0rdly`."""
    await auth.Register(a_registration(phone), metadata=gateway)
    await auth.VerifyPhone(pb.VerifyPhoneRequest(phone=phone, code=codes.by_phone.pop(phone)), metadata=gateway)
    return phone


@pytest.fixture
def log_in(auth: AuthServiceStub, gateway: Any) -> Callable[..., Awaitable[pb.TokenPair]]:
    """A function that opens a session; further fields of the request by name."""

    async def log_in(phone: str, password: str = PASSWORD, **more: str) -> pb.TokenPair:
        response = await auth.Login(pb.LoginRequest(phone=phone, password=password, **more), metadata=gateway)
        return response.tokens

    return log_in


@pytest.fixture
async def owner(log_in: Any, verified: str) -> Any:
    """Metadata of the verified merchant's session."""
    return bearer((await log_in(verified)).access_token)


@pytest.fixture
def expect(auth: AuthServiceStub) -> Callable[..., Awaitable[ServiceError]]:
    """A function that calls an RPC by its request, and gives the error of the reason that it must end with."""

    async def expect(request: Any, metadata: Any, reason: str) -> ServiceError:
        rpc = getattr(auth, type(request).__name__.removesuffix("Request"))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await rpc(request, metadata=metadata)
        error = from_rpc_error(refused.value)
        assert error.reason == reason
        return error

    return expect
