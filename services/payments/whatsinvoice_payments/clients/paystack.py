"""Paystack's HTTP API: initialize and verify. Whatever it answers, what leaves here is checked or a ProviderError.

Contract: Paystack's published OpenAPI file and samples; amounts come as number or string.
"""

import asyncio
import time
from typing import Any
from urllib.parse import quote

import httpx
import structlog
from prometheus_client import Counter
from pydantic import ValidationError
from whatsinvoice_kit.observe.telemetry import span

from whatsinvoice_payments.clients import ProviderError, ProviderRefusal, ReferenceTaken
from whatsinvoice_payments.clients.paystack_shapes import Envelope, Opened, ShapeT, Transaction
from whatsinvoice_payments.domain.charge import Charge

log = structlog.get_logger(__name__)

CALLS = Counter(
    "payments_provider_calls_total", "Calls of the payment provider by what came of them", ["call", "outcome"]
)

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
READ_TRIES = 3
PAUSE_SECONDS = 0.2
LONGEST_QUIET = 60
"""Seconds that a Retry-After may silence us; a larger one is asked again after that."""
BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, TOO_MANY, SERVER_ERROR = 400, 401, 404, 429, 500


class Paystack:
    """One account of Paystack. Made inside the running loop; `close` ends its connections."""

    def __init__(self, base_url: str, secret_key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"authorization": f"Bearer {secret_key}"},
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        )
        self._quiet_until = 0.0

    async def initialize(
        self,
        *,
        reference: str,
        amount_minor: int,
        currency: str,
        email: str,
        callback_url: str,
        invoice_id: str,
        subaccount: str,
    ) -> tuple[str, str]:
        """POST /transaction/initialize, once: the reference is its only idempotency token. See Provider.initialize."""
        body = {
            "reference": reference,
            "amount": amount_minor,
            "currency": currency,
            "email": email,
            "callback_url": callback_url,
            "metadata": {"invoice_id": invoice_id},
        }
        if subaccount:
            body |= {"subaccount": subaccount, "bearer": "subaccount"}
        status, envelope = await self.ask("initialize", "POST", "/transaction/initialize", json=body)
        if status in (UNAUTHORIZED, NOT_FOUND):
            raise ProviderError(f"key or address of the provider is wrong: {status}")
        if status >= BAD_REQUEST:
            if envelope.code == "duplicate_reference" or "duplicate" in envelope.message.lower():
                raise ReferenceTaken(reference)
            raise ProviderRefusal(envelope.message)
        opened = read("initialize", Opened, envelope.data)
        if opened.reference != reference:
            raise ProviderError("the provider opened another reference")
        return opened.authorization_url, opened.access_code

    async def verify(self, reference: str) -> Charge | None:
        """GET /transaction/verify/:reference. 200 even when the payment failed: the status within says so."""
        return await self._charge("verify", f"/transaction/verify/{quote(reference, safe='')}")

    async def find(self, transaction_id: str) -> Charge | None:
        """GET /transaction/:id, which says the same of a transaction."""
        return await self._charge("transaction_fetch", f"/transaction/{quote(transaction_id, safe='')}")

    async def _charge(self, call: str, path: str) -> Charge | None:
        status, envelope = await self.ask(call, "GET", path, tries=READ_TRIES)
        if status == NOT_FOUND or (status == BAD_REQUEST and "not found" in envelope.message.lower()):
            return None
        if status >= BAD_REQUEST:
            raise ProviderError(f"the provider refused with {status}")
        return read(call, Transaction, envelope.data).as_charge()

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def ask(self, call: str, method: str, path: str, *, tries: int = 1, **how: Any) -> tuple[int, Envelope]:
        """Asks within 10 s in all; only what may be repeated has more than one try.

        `call` names it in metrics and traces, since the path may hold a reference. The status is below 500 and not 429.

        Raises:
            ProviderError: no answer that can be read; whether the call took effect, nobody knows.
        """
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                for number in range(1, tries + 1):
                    try:
                        return await self._ask_once(call, method, path, **how)
                    except (httpx.TransportError, _ServerError):
                        if number == tries:
                            raise
                        await asyncio.sleep(PAUSE_SECONDS * number)
        except TimeoutError as error:
            raise _failed(call, "timeout", "the provider did not answer in time") from error
        except httpx.HTTPError as error:
            raise _failed(call, "unreachable", f"the provider cannot be reached: {type(error).__name__}") from error
        raise AssertionError("a try returns or raises")

    async def _ask_once(self, call: str, method: str, path: str, **how: Any) -> tuple[int, Envelope]:
        self._keep_quiet(call)
        attributes = {"http.request.method": method, "server.address": self._client.base_url.host}
        with span(f"{method} {call}", "client", attributes) as work:
            response = await self._client.request(method, path, **how)
            status = work.attributes["http.response.status_code"] = response.status_code
            work.error = str(status) if status >= BAD_REQUEST else ""
        if status == TOO_MANY:
            seconds = _retry_after(response)
            self._quiet_until = time.monotonic() + seconds
            raise _failed(call, "throttled", "the provider asks for patience", seconds)
        if status >= SERVER_ERROR:
            CALLS.labels(call, "server_error").inc()
            raise _ServerError(f"the provider failed with {status}")
        try:
            envelope = Envelope.model_validate_json(response.content)
        except (ValidationError, RecursionError) as error:
            raise _failed(call, "unreadable", "the provider's answer cannot be read") from error
        CALLS.labels(call, "ok" if status < BAD_REQUEST else "refused").inc()
        return status, envelope

    def _keep_quiet(self, call: str) -> None:
        """Whoever was asked for patience does not ask again before its time."""
        left = self._quiet_until - time.monotonic()
        if left > 0:
            raise _failed(call, "held_back", "the provider asks for patience", int(left) + 1)


class _ServerError(ProviderError):
    """A 5xx, after which a read may be tried again."""


def _failed(call: str, outcome: str, message: str, retry_after: int = 0) -> ProviderError:
    CALLS.labels(call, outcome).inc()
    return ProviderError(message, retry_after)


def read(call: str, model: type[ShapeT], data: Any) -> ShapeT:
    """The answer's `data` as a shape; ProviderError when it has another."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fields = ["/".join(map(str, found["loc"])) for found in error.errors()]
        log.warning("an answer of the provider cannot be read", call=call, fields=fields)
        raise _failed(call, "unreadable", "the provider's answer cannot be read") from error


def _retry_after(response: httpx.Response) -> int:
    """Seconds; 5 where the header is absent or a date."""
    given = response.headers.get("retry-after", "")
    return min(max(int(given), 1), LONGEST_QUIET) if given.isascii() and given.isdigit() else 5
