"""Who calls: access tokens, checked against auth's key set, which is kept here, and API keys exchanged for them."""

import asyncio
import time
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice_kit.core.errors import Kind, ServiceError, unauthenticated
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.identity import authenticate
from whatsinvoice_kit.rpc.tokens import USER_ISSUER, Jwk, Verifier, peek_issuer_and_kid

from whatsinvoice_gateway.clients import Services
from whatsinvoice_gateway.edge.api_keys import PREFIX, ApiKeys
from whatsinvoice_gateway.edge.quotas import Quotas
from whatsinvoice_gateway.edge.revocations import Revocations

_scheme = HTTPBearer(bearerFormat="JWT", auto_error=False, description="An access token, or an API key")


class KeySet:
    """Auth's public keys. An unknown key id fetches them again, at most once in so many seconds."""

    def __init__(self, services: Services, revocations: Revocations, refetch_seconds: float) -> None:
        self._services = services
        self._revocations = revocations
        self._api_keys = ApiKeys(services)
        self._keys: dict[str, Jwk] = {}
        self._verifier = Verifier({USER_ISSUER: self._keys}, "gateway")
        self._refetch_seconds = refetch_seconds
        self._fetched = -refetch_seconds
        self._fetching = asyncio.Lock()

    async def check(self, authorization: str) -> None:
        """Sets the current call's identity; UNAUTHENTICATED without a good token or key."""
        call = current_call()
        token = authorization.partition(" ")[2]
        if token.startswith(PREFIX):
            token = await self._api_keys.token_of(token)
            call.token = authorization = f"Bearer {token}"
        if token and not self._knows(token):
            await self._fetch()
        identity = authenticate(self._verifier, authorization)
        if identity.session_id in self._revocations:
            raise unauthenticated("TOKEN_REVOKED", "the session or API key of this token has ended")
        call.identity = identity

    def _knows(self, token: str) -> bool:
        try:
            issuer, kid = peek_issuer_and_kid(token)
        except ServiceError:
            return True  # unreadable: no key would help, and the check that follows says so
        return issuer != USER_ISSUER or kid in self._keys

    async def _fetch(self) -> None:
        async with self._fetching:
            if time.monotonic() - self._fetched < self._refetch_seconds:
                return
            response = await self._services.get_key_set()
            self._fetched = time.monotonic()
            self._keys.clear()
            self._keys.update({key["kid"]: key for key in as_jwks(response)})


def as_jwks(response: auth_pb2.GetKeySetResponse) -> list[dict[str, str]]:
    """The keys as RFC 7517 writes them."""
    fixed = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
    return [fixed | {"kid": key.kid, "x": key.x, "y": key.y} for key in response.keys]


Bearer = Annotated[object | None, Depends(_scheme)]
"""For the documentation, and None where there is no bearer token at all."""


async def check(request: Request) -> None:
    """Proves the caller and counts the request."""
    keys: KeySet = request.app.state.keys
    await keys.check(request.headers.get("authorization", ""))
    await _count(request)


async def _user(request: Request, _: Bearer) -> None:
    await check(request)


async def _count(request: Request) -> None:
    """Only now that the caller is proven: nobody fills the quota of a business that is not his."""
    quotas: Quotas = request.app.state.quotas
    tally = await quotas.count(current_call().tenant, request.method)
    request.state.tally = tally
    if not tally.allowed:
        message = "too many requests of this business; try again later"
        raise ServiceError(Kind.RESOURCE_EXHAUSTED, "RATE_LIMITED", message, retry_after=tally.seconds)


signed_in = Depends(_user)
"""A route that needs an access token."""
