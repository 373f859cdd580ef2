"""WhatsApp's Cloud API: messages out and media up. Contract: Meta's published OpenAPI file and error codes."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import httpx
import structlog
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, ValidationError
from whatsinvoice_kit.observe.telemetry import span

from whatsinvoice_notifications.clients import Refused, Unreachable
from whatsinvoice_notifications.domain.billing import Document

log = structlog.get_logger(__name__)

Call = Literal["messages", "media", "message_templates"]
CALLS = Counter("whatsapp_calls_total", "Calls of WhatsApp by what came of them", ["call", "outcome"])
_KEY_ENDED = "190"
for _call in get_args(Call):
    CALLS.labels(_call, _KEY_ENDED)  # from zero: the first refusal of our token is an increase too

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
UPLOAD_SECONDS = 30.0
PDF = "application/pdf"


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Sent(_Loose):
    class Message(_Loose):
        id: str

    messages: list[Message]


class _Uploaded(_Loose):
    id: str


class _Failure(_Loose):
    class Error(_Loose):
        code: int
        message: str = ""

    error: Error


class WhatsAppCloud:
    """One number. Made inside the running loop; `close` ends its connections."""

    def __init__(self, base_url: str, phone_number_id: str, access_token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/{phone_number_id}",
            headers={"authorization": f"Bearer {access_token}"},
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        )

    async def send(self, body: Mapping[str, Any]) -> str:
        """POST /messages, once: Meta has no idempotency key."""
        response = await self._post("messages", json=dict(body))
        try:
            return _Sent.model_validate_json(response.content).messages[0].id
        except (ValidationError, IndexError) as error:
            raise unreadable("messages") from error

    async def upload(self, document: Document) -> str:
        """POST /media; Meta keeps it for 30 days."""
        response = await self._post(
            "media",
            data={"messaging_product": "whatsapp", "type": PDF},
            files={"file": (document.file_name, document.content, PDF)},
            timeout=UPLOAD_SECONDS,
        )
        try:
            return _Uploaded.model_validate_json(response.content).id
        except ValidationError as error:
            raise unreadable("media") from error

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def _post(self, call: Call, **how: Any) -> httpx.Response:
        attributes = {"http.request.method": "POST", "server.address": self._client.base_url.host}
        try:
            with span(f"POST /{call}", "client", attributes) as work:
                response = await self._client.post(f"/{call}", **how)
                work.attributes["http.response.status_code"] = response.status_code
                work.error = "" if response.is_success else str(response.status_code)
        except httpx.HTTPError as error:
            CALLS.labels(call, "unreachable").inc()
            raise Unreachable(type(error).__name__) from error
        return accepted(call, response)


def accepted(call: Call, response: httpx.Response) -> httpx.Response:
    """The response when it is a success; raises Refused, or Unreachable when the refusal cannot be read."""
    if response.is_success:
        CALLS.labels(call, "ok").inc()
        return response
    try:
        error_told = _Failure.model_validate_json(response.content).error
    except ValidationError as error:
        raise unreadable(call) from error
    # Meta: branch on the code, the HTTP status varies
    CALLS.labels(call, str(error_told.code)).inc()
    raise Refused(error_told.code, error_told.message)


def unreadable(call: Call) -> Unreachable:
    """What to raise for a body that is not as documented."""
    CALLS.labels(call, "unreadable").inc()
    return Unreachable("the answer cannot be read")
