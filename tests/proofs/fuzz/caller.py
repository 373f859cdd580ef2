"""Who the fuzzer is: an owner; for routes that end sessions another owner, each time anew; for webhooks the provider.

Loaded by schemathesis; what it has to know stands in the environment, see campaign.py.
"""

import hmac
import os
from typing import Any

import requests
import schemathesis
from whatsinvoice_client.api.auth import login
from whatsinvoice_client.models import LoginIn
from whatsinvoice_local.demo.api import body_of, visitor

ACCOUNT = r"^/v1/auth/"
REFRESH_SECONDS = 240
"""Access tokens live for ten minutes."""


class _Bearer:
    phone: str
    """The variable that holds it."""

    def get(self, _case: schemathesis.Case[Any], _context: schemathesis.AuthContext) -> str:
        body = LoginIn(os.environ[self.phone], os.environ["FUZZ_PASSWORD"])
        with visitor(os.environ["FUZZ_URL"]) as client:
            return body_of(login.sync(client=client, body=body)).access_token

    def set(self, case: schemathesis.Case[Any], data: str, _context: schemathesis.AuthContext) -> None:
        headers: Any = case.headers
        headers["Authorization"] = f"Bearer {data}"


@schemathesis.auth(refresh_interval=REFRESH_SECONDS).skip_for(path_regex=ACCOUNT)
class Owner(_Bearer):
    phone = "FUZZ_OWNER"


@schemathesis.auth(refresh_interval=None).apply_to(path_regex=ACCOUNT)
class Leaver(_Bearer):
    """Each case may end the session it comes with."""

    phone = "FUZZ_LEAVER"


class _Signed(requests.auth.AuthBase):
    """Signs the bytes that are sent."""

    def __init__(self, header: str, prefix: str, secret: str, algorithm: str) -> None:
        self._header = header
        self._prefix = prefix
        self._secret = secret
        self._algorithm = algorithm

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body: Any = request.body or b""  # never a stream here
        content = body.encode() if isinstance(body, str) else body
        signature = hmac.new(os.environ[self._secret].encode(), content, self._algorithm).hexdigest()
        request.headers[self._header] = self._prefix + signature
        return request


_SIGNERS = {
    "POST /webhooks/paystack": _Signed("x-paystack-signature", "", "PAYSTACK_SECRET_KEY", "sha512"),
    "POST /webhooks/whatsapp": _Signed("X-Hub-Signature-256", "sha256=", "WHATSAPP_APP_SECRET", "sha256"),
}


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Valid events are signed; what is wrong comes as it was made."""
    if case.operation.label in _SIGNERS and case.meta and case.meta.generation.mode.is_positive:
        kwargs["auth"] = _SIGNERS[case.operation.label]
