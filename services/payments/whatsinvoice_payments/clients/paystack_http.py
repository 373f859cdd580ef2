"""Paystack over HTTP: time limits, repeats where they do no harm, patience when asked for it, a circuit, metrics."""

import asyncio
import time
from logging import INFO, WARNING
from typing import Any, Literal, TypeVar, get_args

import httpx
import structlog
from prometheus_client import Counter, Gauge, Histogram
from pydantic import ValidationError
from whatsinvoice_kit.core.circuit import Circuit, CircuitOpenError, State
from whatsinvoice_kit.observe.telemetry import span
from whatsinvoice_kit.rpc.call import current_call

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.clients.paystack_shapes import Envelope, ShapeT

log = structlog.get_logger(__name__)

Call = Literal[
    "banks",
    "charge",
    "customer",
    "dedicated_create",
    "dedicated_list",
    "dispute_fetch",
    "dispute_list",
    "dispute_resolve",
    "dispute_upload_url",
    "initialize",
    "list",
    "refund_create",
    "refund_list",
    "refund_retry",
    "resolve",
    "subaccount_create",
    "subaccount_update",
    "transaction_fetch",
    "verify",
]
"""What is asked of Paystack, as metrics and traces name it, since a path may hold a reference."""
CALLS = Counter(
    "payments_provider_calls_total", "Calls of the payment provider by what came of them", ["call", "outcome"]
)
for _call in get_args(Call):
    CALLS.labels(_call, "unauthorized")  # from zero: the first refusal of our key is an increase too
SECONDS = Histogram(
    "payments_provider_seconds",
    "How long calls of the payment provider took, repeats included",
    ["call"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10),
)
STATE = Gauge("payments_provider_circuit_state", "0 closed, 1 half open, 2 open")
OPENINGS = Counter("payments_provider_circuit_openings_total", "How often the provider was given up on")

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
CALLERS_SHARE = 0.9
"""Of what a caller has left; the rest is for telling her in time that the provider is silent."""
SILENT_SECONDS = 2.0
"""A wait as long as this without an answer speaks against the provider, even if the caller had no time for more."""
READ_TRIES = 3
PAUSE_SECONDS = 0.2
LONGEST_QUIET = 60
"""Seconds that a Retry-After may silence us; a larger one is asked again after that."""
BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, TOO_MANY, SERVER_ERROR = 400, 401, 404, 429, 500
FAILURES, OPEN_SECONDS = 5, 10.0

ErrorT = TypeVar("ErrorT", bound=ProviderError)


class PaystackHttp:
    """One account of Paystack. Made inside the running loop; `close` ends its connections.

    After `failures` calls in a row without an answer (too late, 5xx, unreadable, unreachable) nothing is asked for
    `open_seconds`, then one call tries.
    """

    def __init__(
        self, base_url: str, secret_key: str, *, failures: int = FAILURES, open_seconds: float = OPEN_SECONDS
    ) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"authorization": f"Bearer {secret_key}"},
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        )
        self._quiet_until = 0.0
        self._circuit = Circuit(failures, open_seconds, _entered)
        STATE.set_function(lambda: self._circuit.shown)

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def ask(self, call: Call, method: str, path: str, *, tries: int = 1, **how: Any) -> tuple[int, Envelope]:
        """Asks within 10 s, or most of what the caller has left; only what may be repeated has more than one try.

        The status is below 500 and not 429.

        Raises:
            ProviderError: no answer that can be read; whether the call took effect, nobody knows. At once, and without
                having asked, while the provider wants patience or the circuit is open.
        """
        self._keep_quiet(call)
        try:
            trying = self._circuit.admit()
        except CircuitOpenError as error:
            why = ProviderError("the provider is left alone for a while", error.retry_after)
            raise failed(call, "circuit_open", why) from error
        began = time.monotonic()
        answered: bool | None = None
        try:
            found = await self._ask_in_time(call, method, path, tries, **how)
            answered = True
        except _ThrottledError:
            answered = True
            raise
        except _LateError:
            raise
        except ProviderError:
            answered = False
            raise
        finally:
            seconds = time.monotonic() - began
            SECONDS.labels(call).observe(seconds)
            if answered is None and seconds >= SILENT_SECONDS:
                answered = False
            self._circuit.ended(trying=trying, answered=answered)
        return found

    async def _ask_in_time(self, call: Call, method: str, path: str, tries: int, **how: Any) -> tuple[int, Envelope]:
        try:
            async with asyncio.timeout(min(TOTAL_SECONDS, current_call().seconds_left * CALLERS_SHARE)):
                for number in range(1, tries + 1):
                    try:
                        return await self._ask_once(call, method, path, **how)
                    except (httpx.TransportError, _ServerError):
                        if number == tries:
                            raise
                        await asyncio.sleep(PAUSE_SECONDS * number)
        except TimeoutError as error:
            raise failed(call, "timeout", _LateError("the provider did not answer in time")) from error
        except httpx.HTTPError as error:
            why = ProviderError(f"the provider cannot be reached: {type(error).__name__}")
            raise failed(call, "unreachable", why) from error
        raise AssertionError("a try returns or raises")

    async def _ask_once(self, call: Call, method: str, path: str, **how: Any) -> tuple[int, Envelope]:
        attributes = {"http.request.method": method, "server.address": self._client.base_url.host}
        with span(f"{method} {call}", "client", attributes) as work:
            response = await self._client.request(method, path, **how)
            status = work.attributes["http.response.status_code"] = response.status_code
            work.error = str(status) if status >= BAD_REQUEST else ""
        if status == TOO_MANY:
            seconds = _retry_after(response)
            self._quiet_until = time.monotonic() + seconds
            raise failed(call, "throttled", _ThrottledError("the provider asks for patience", seconds))
        if status >= SERVER_ERROR:
            raise failed(call, "server_error", _ServerError(f"the provider failed with {status}"))
        try:
            envelope = Envelope.model_validate_json(response.content)
        except (ValidationError, RecursionError) as error:
            raise failed(call, "unreadable", ProviderError("the provider's answer cannot be read")) from error
        CALLS.labels(call, _outcome(status)).inc()
        return status, envelope

    def _keep_quiet(self, call: Call) -> None:
        """Whoever was asked for patience does not ask again before its time."""
        left = self._quiet_until - time.monotonic()
        if left > 0:
            raise failed(call, "held_back", ProviderError("the provider asks for patience", int(left) + 1))


class _ServerError(ProviderError):
    """A 5xx, after which a read may be tried again."""


class _ThrottledError(ProviderError):
    """A 429: it is there, and busy."""


class _LateError(ProviderError):
    """Nothing came while somebody waited; how long that was says whether it is the provider's fault."""


def failed(call: Call, outcome: str, error: ErrorT) -> ErrorT:
    """The error, counted."""
    CALLS.labels(call, outcome).inc()
    return error


def read(call: Call, model: type[ShapeT], data: Any) -> ShapeT:
    """The answer's `data` as a shape; ProviderError when it has another."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fields = ["/".join(map(str, found["loc"])) for found in error.errors()]
        log.warning("an answer of the provider cannot be read", call=call, fields=fields)
        raise failed(call, "unreadable", ProviderError("the provider's answer cannot be read")) from error


def _outcome(status: int) -> str:
    """A wrong key is told apart: no other call will do better, and somebody has to write the right one."""
    if status == UNAUTHORIZED:
        return "unauthorized"
    return "ok" if status < BAD_REQUEST else "refused"


def _retry_after(response: httpx.Response) -> int:
    """Seconds; 5 where the header is absent or a date."""
    given = response.headers.get("retry-after", "")
    return min(max(int(given), 1), LONGEST_QUIET) if given.isascii() and given.isdigit() else 5


def _entered(state: State, before: State) -> None:
    if state is not before:
        if state is State.OPEN:
            OPENINGS.inc()
        log.log(WARNING if state is State.OPEN else INFO, "the circuit of the provider", state=state.name)
