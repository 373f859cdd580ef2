"""Auth running on real parts; the tests ask it for codes as notifications does."""

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from support.builders import a_registration
from support.identity import a_phone
from support.keys import Keyring
from support.services import bearer, channel_to, running
from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.auth_pb2_grpc import AuthServiceStub
from whatsinvoice_auth.__main__ import SPEC
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.rpc.errors import from_rpc_error
from whatsinvoice_kit.runtime import Process

PASSWORD = "Passw0rdly"


@pytest.fixture
async def process(migrated: dict[str, str], redis_url: str, keyring: Keyring) -> AsyncIterator[Process[Any]]:
    """A running auth service."""
    settings = {
        "database_url": migrated["auth"],
        "redis_url": redis_url,
        "trusted_keys": keyring.trusted,
        "service_key": json.dumps(keyring.services["auth"]),
        "signing_keys": json.dumps([keyring.users]),
        "code_secret": secrets.token_hex(32),
        "refresh_secret": secrets.token_hex(32),
    }
    async with running(SPEC, **settings) as process:
        yield process


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
    return a_phone()


@pytest.fixture
def messenger(keyring: Keyring) -> tuple[tuple[str, str], ...]:
    """Metadata of a call by notifications on its own."""
    return bearer(keyring.service_token("notifications", "auth"))


@pytest.fixture
def code_for(auth: AuthServiceStub, messenger: Any) -> Callable[[pb.Verification], Awaitable[str]]:
    """A function that returns the code of a verification, as notifications asks for it."""

    async def code_for(verification: pb.Verification) -> str:
        found = await auth.GetCode(pb.GetCodeRequest(verification_id=verification.id), metadata=messenger)
        return str(found.code)

    return code_for


@pytest.fixture
def register(auth: AuthServiceStub, gateway: Any, code_for: Any) -> Callable[..., Awaitable[pb.VerifyPhoneResponse]]:
    """A function that registers a phone and proves it."""

    async def register(phone: str, **changes: str) -> pb.VerifyPhoneResponse:
        asked = (await auth.Register(a_registration(phone, **changes), metadata=gateway)).verification
        proof = pb.VerifyPhoneRequest(verification_id=asked.id, code=await code_for(asked))
        return await auth.VerifyPhone(proof, metadata=gateway)

    return register


@pytest.fixture
async def verified(register: Any, phone: str) -> str:
    """The phone of a registered merchant; the password is `Passw0rdly`."""
    await register(phone)
    return phone


@pytest.fixture
def log_in(auth: AuthServiceStub, gateway: Any) -> Callable[..., Awaitable[pb.TokenPair]]:
    """A function that opens a session; further fields of the request by name."""

    async def log_in(phone: str, password: str = PASSWORD, **more: Any) -> pb.TokenPair:
        response = await auth.Login(pb.LoginRequest(phone=phone, password=password, **more), metadata=gateway)
        return response.tokens

    return log_in


@pytest.fixture
def confirmed(auth: AuthServiceStub) -> Callable[[Any], Awaitable[Any]]:
    """A function that turns the metadata of a session into that of fresh proof."""

    async def confirmed(metadata: Any) -> Any:
        found = await auth.Confirm(pb.ConfirmRequest(password=PASSWORD), metadata=metadata)
        return bearer(found.access_token)

    return confirmed


@pytest.fixture
async def owner(log_in: Any, verified: str, confirmed: Any) -> Any:
    """Metadata of the verified merchant's session, confirmed by password."""
    return await confirmed(bearer((await log_in(verified)).access_token))


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
