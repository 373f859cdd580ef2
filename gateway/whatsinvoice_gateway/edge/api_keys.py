"""API keys: exchanged at auth for short access tokens, which are kept for a minute."""

import hashlib
import time
from collections import OrderedDict

from whatsinvoice.auth.v1 import auth_pb2

from whatsinvoice_gateway.clients import Services

PREFIX = "wi_"
KEPT_SECONDS = 60.0
KEPT_KEYS = 10_000


class ApiKeys:
    """Key -> access token. A revoked key's token is refused like an ended session's."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tokens: OrderedDict[bytes, tuple[float, str]] = OrderedDict()

    async def token_of(self, key: str) -> str:
        """An access token for a key; UNAUTHENTICATED (API_KEY_INVALID) for what is none."""
        digest = hashlib.sha256(key.encode(errors="replace")).digest()
        until, token = self._tokens.get(digest, (0.0, ""))
        if until > time.monotonic():
            return token
        request = auth_pb2.ExchangeApiKeyRequest(key=key)
        found = await self._services.as_gateway("auth", self._services.auth.ExchangeApiKey, request)
        token = str(found.access_token)
        self._tokens[digest] = (time.monotonic() + KEPT_SECONDS, token)
        self._tokens.move_to_end(digest)
        if len(self._tokens) > KEPT_KEYS:
            self._tokens.popitem(last=False)
        return token
