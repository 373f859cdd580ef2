"""One trace goes from the merchant's message to the receipt that is handed to WhatsApp, through every process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support.collector import Collector, Span, running_collector
from support.leaks import Scanner
from whatsinvoice_local.demo.play import play
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
HOPS = [
    ("gateway", "POST /webhooks/whatsapp"),
    ("gateway", "whatsinvoice.notifications.v1.NotificationsService/ReceiveWhatsAppWebhook"),
    ("notifications", "whatsinvoice.notifications.v1.NotificationsService/ReceiveWhatsAppWebhook"),
    ("notifications", "process inbound_message"),
    ("notifications", "whatsinvoice.invoices.v1.InvoicesService/CreateInvoice"),
    ("invoices", "whatsinvoice.invoices.v1.InvoicesService/CreateInvoice"),
    ("payments", "settle payment"),
    ("payments", "publish whatsinvoice.payments.v1"),
    ("invoices", "process whatsinvoice.payments.v1"),
    ("invoices", "publish whatsinvoice.invoices.v1"),
    ("notifications", "process whatsinvoice.invoices.v1"),
    ("notifications", "process notifications.messages"),
    ("notifications", "POST /media"),
]
"""From the message down to the receipt's upload, each one the parent of the next (the last but one of several)."""
ALSO = [
    ("notifications", "INSERT notifications.inbound_messages"),
    ("invoices", "issue invoice"),
    ("invoices", "render document"),
    ("invoices", "S3/PutObject"),
    ("payments", "GET verify"),
    ("payments", "INSERT payments.ledger_entries"),
    ("payments", "INSERT payments.outbox"),
    ("notifications", "whatsinvoice.invoices.v1.InvoicesService/GetDocument"),
    ("notifications", "POST /messages"),
]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


class Told:
    """What one demonstration left: its spans, its people, and the exemplars of the processes."""

    def __init__(self, stack: Stack, collector: Collector, story: Story) -> None:
        self.story = story
        self.exemplars = {name: _exemplars(stack.state.env[f"{name}_OPS_URL"]) for name in ("GATEWAY", "INVOICES")}
        self.secrets = stack.state.secrets()
        stack.down()  # whatever is still to be sent leaves with the drain
        self.spans = list(collector.spans)
        self.by_id = {span.span_id: span for span in self.spans}

    def trace_of(self, service: str, name: str) -> list[Span]:
        """Of the trace in which this happened first, in the order of their beginning."""
        first = min((s for s in self.spans if (s.service, s.name) == (service, name)), key=lambda span: span.began)
        return sorted((s for s in self.spans if s.trace_id == first.trace_id), key=lambda span: span.began)

    def root_of(self, trace_id: str) -> str:
        return next(span.name for span in self.spans if span.trace_id == trace_id and not span.parent_id)

    def lineage(self, span: Span) -> list[tuple[str, str]]:
        """From the root down to the span."""
        above = self.lineage(self.by_id[span.parent_id]) if span.parent_id else []
        return [*above, (span.service, span.name)]


def _exemplars(url: str) -> set[str]:
    """Trace ids of the exemplars that a process shows."""
    answer = httpx.get(f"{url}/metrics", headers=OPENMETRICS, trust_env=False)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]  # as the library has it
    samples = (sample for family in families for sample in family.samples)
    return {sample.exemplar.labels["trace_id"] for sample in samples if sample.exemplar}


@pytest.fixture(scope="module")
def told(collector: Collector, new_module_stack: Callable[..., Stack], stories: list[Story]) -> Told:
    stack = new_module_stack(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint, OTEL_TRACES_SAMPLER_ARG="1")
    stack.up()
    play(stack.state, lambda _: None)
    return Told(stack, collector, stories[-1])


def _table(trace: list[Span], by_id: dict[str, Span]) -> str:
    def parent(span: Span) -> str:
        above = by_id.get(span.parent_id)
        return f"{above.service}: {above.name}" if above else "-"

    began = trace[0].began
    rows = [f"{(s.began - began) / 1e6:8.1f} ms  {s.service:13} {s.name}  <-  {parent(s)}" for s in trace]
    return "\n".join(rows)


def test_one_trace_goes_from_the_message_to_the_receipt(told: Told, figure: Callable[[str], None]) -> None:
    trace = told.trace_of("notifications", "process inbound_message")
    figure(f"{len(trace)} spans of trace {trace[0].trace_id}\n{_table(trace, told.by_id)}")
    roots = [span for span in trace if not span.parent_id]
    assert [(root.service, root.name) for root in roots] == [HOPS[0]]
    ids = {span.span_id for span in trace}
    assert [span.name for span in trace if span.parent_id and span.parent_id not in ids] == []
    seen = {(span.service, span.name) for span in trace}
    assert [hop for hop in [*HOPS, *ALSO] if hop not in seen] == []
    assert [span.name for span in trace if span.failed] == []
    receipt = max((span for span in trace if span.name == "POST /media"), key=lambda span: span.began)
    assert told.lineage(receipt) == HOPS


def test_auth_is_in_the_trace_of_the_verified_phone(told: Told) -> None:
    """Nothing on the way from message to receipt asks auth; what does is traced alike."""
    trace = told.trace_of("gateway", "POST /v1/auth/verify-phone")
    ids = {span.span_id for span in trace}
    assert [span.name for span in trace if span.parent_id and span.parent_id not in ids] == []
    assert {span.service for span in trace} == {"gateway", "auth", "notifications", "invoices", "payments"}
    assert ("auth", "publish whatsinvoice.auth.v1") in {(span.service, span.name) for span in trace}


def test_what_strangers_begin_is_linked(told: Told) -> None:
    """The tap on Send, the pay page and Paystack's webhook have traces of their own, joined to the invoice's."""
    invoice = told.trace_of("notifications", "process inbound_message")
    links = {span.name: {told.root_of(link) for link in span.links} for span in invoice if span.links}
    assert links["settle payment"] == {"POST /webhooks/paystack"}
    assert links["issue invoice"] == {"POST /webhooks/whatsapp"}
    checkout = told.trace_of("gateway", "POST /i/{token}/pay")
    assert {link for span in checkout for link in span.links} == {invoice[0].trace_id}


def test_exemplars_name_traces_that_were_exported(told: Told) -> None:
    traces = {span.trace_id for span in told.spans}
    for process, exemplars in told.exemplars.items():
        assert exemplars, process
        assert exemplars <= traces


def test_spans_hold_nothing_of_people_and_no_secret(told: Told, tmp_path: Path) -> None:
    story = told.story
    known = {value: name for name, value in told.secrets.items() if name != "WHATSAPP_PHONE_NUMBER_ID"}
    known |= {"Jane": "a name", "logo design": "a message's text", story.pay_url.rpartition("/")[2]: "a link's token"}
    known |= {story.merchant.number[1:]: "a phone", "08012345678": "a phone", story.token: "a token"}
    file = tmp_path / "spans"
    file.write_text("\n".join(f"{span.name} {span.attributes}" for span in told.spans))
    scanner = Scanner(known)
    scanner.scan([file])
    assert scanner.lines > 100
    assert [str(leak) for leak in scanner.leaks] == []
