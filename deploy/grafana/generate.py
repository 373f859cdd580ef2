"""Writes deploy/grafana/dashboards/*.json: what each dashboard shows is said here, once, and laid out by rule.

Three panels a row. `$__rate_interval` and the datasource are Grafana's variables. Run `make dashboards` after a change.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
WIDTH, HEIGHT, COLUMNS = 8, 7, 3
SERVICES = ("auth", "invoices", "payments", "notifications")
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Panel:
    """One graph. `queries` is legend -> PromQL; `unit` is Grafana's name of it; `kind` its name of the panel."""

    title: str
    unit: str
    queries: Mapping[str, str]
    kind: str = "timeseries"


@dataclass(frozen=True)
class Dashboard:
    """`uid` is its address, and its file's name."""

    uid: str
    title: str
    rows: Mapping[str, Sequence[Panel]]


def rate(metric: str, by: str = "", where: str = "") -> str:
    """Per second."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{where}[$__rate_interval]))"


def quantiles(metric: str, where: str = "") -> dict[str, str]:
    """Of a histogram, in seconds; a point leads to a trace where there is an exemplar."""
    buckets = rate(f"{metric}_bucket", "le", where)
    return {f"p{share}": f"histogram_quantile(0.{share}, {buckets})" for share in (50, 95, 99)}


def events(where: str = "") -> list[Panel]:
    """The way of events: out by the outbox, in from the streams."""
    group = "{{group}} of {{stream}}"
    return [
        Panel("Outbox: waiting", "short", {"{{stream}}": f"max by (stream) (outbox_waiting{where})"}),
        Panel("Outbox: age of the oldest", "s", {"{{stream}}": f"max by (stream) (outbox_age_seconds{where})"}),
        Panel("Published", "ops", {"{{stream}}": rate("outbox_published_total", "stream", where)}),
        Panel("Not read yet", "short", {group: f"max by (stream, group) (events_lag{where})"}),
        Panel("Read, not acknowledged", "short", {group: f"max by (stream, group) (events_pending{where})"}),
        Panel("Dead letters", "short", {group: f"max by (stream, group) (events_dead_letters{where})"}),
        Panel("Applied", "ops", {"{{event_type}}": rate("events_applied_total", "event_type", where)}),
        Panel("Failed", "ops", {"{{event_type}}": rate("events_failed_total", "event_type", where)}),
        Panel("Waiting for another event: the oldest", "s", {"oldest": f"max(events_waiting_seconds{where})"}),
        Panel("Refused: signature is wrong", "ops", {"{{stream}}": rate("events_refused_total", "stream", where)}),
        Panel("Jobs that failed", "ops", {"{{exported_job}}": rate("job_failures_total", "exported_job", where)}),
        Panel(
            "Since a job was last done",
            "s",
            {"{{exported_job}}": f"time() - max by (exported_job) (job_last_success_timestamp_seconds{where})"},
        ),
        Panel("Jobs: how often", "s", {"{{exported_job}}": f"max by (exported_job) (job_interval_seconds{where})"}),
        Panel("Memory of Redis", "percentunit", {"used": f"max(redis_memory_used_ratio{where})"}),
    ]


def queues(where: str) -> list[Panel]:
    return [
        Panel("Work that waits", "short", {"{{queue}}": f"max by (queue) (queue_depth{where})"}),
        Panel("Work: age of the oldest", "s", {"{{queue}}": f"max by (queue) (queue_oldest_seconds{where})"}),
        Panel("Attempts", "ops", {"{{queue}} {{outcome}}": rate("queue_attempts_total", "queue, outcome", where)}),
        Panel("Time of an attempt", "s", quantiles("queue_work_seconds", where)),
    ]


def process(where: str) -> list[Panel]:
    return [
        Panel("Memory", "bytes", {"{{instance}}": f"process_resident_memory_bytes{where}"}),
        Panel("Processor", "percentunit", {"{{instance}}": rate("process_cpu_seconds_total", "instance", where)}),
        Panel(
            "Certificate ends in",
            "s",
            {"{{instance}}": f"min by (instance) (rpc_certificate_not_after_seconds{where}) - time()"},
        ),
    ]


def calls(where: str) -> list[Panel]:
    failed = rate("rpc_server_seconds_count", "method, code", where.replace("}", ', code!="OK"}'))
    return [
        Panel("Calls", "ops", {"{{method}}": rate("rpc_server_seconds_count", "method", where)}),
        Panel("Calls that did not succeed", "ops", {"{{method}} {{code}}": failed}),
        Panel("Time of a call", "s", quantiles("rpc_server_seconds", where)),
    ]


def of_service(name: str, **own: Sequence[Panel]) -> Dashboard:
    where = f'{{service="{name}"}}'
    ways = {"Queues": queues(where), "Events and jobs": events(where), "Processes": process(where)}
    return Dashboard(f"whatsinvoice-{name}", name.capitalize(), {"Calls": calls(where), **own, **ways})


PAYSTACK = [
    Panel("Webhooks of Paystack", "ops", {"{{outcome}}": rate("payments_webhooks_total", "outcome")}),
    Panel("Calls of Paystack", "ops", {"{{call}} {{outcome}}": rate("payments_provider_calls_total", "call, outcome")}),
    Panel("Calls of Paystack that fail", "percentunit", {"failures": "paystack:failures:ratio_rate5m"}),
    Panel(
        "Time of a call of Paystack, p95",
        "s",
        {
            "{{call}}": "histogram_quantile(0.95, sum by (le, call) "
            "(rate(payments_provider_seconds_bucket[$__rate_interval])))"
        },
    ),
    Panel(
        "Circuit of Paystack: 0 closed, 1 half open, 2 open", "short", {"state": "max(payments_provider_circuit_state)"}
    ),
    Panel("Paystack given up on", "ops", {"openings": rate("payments_provider_circuit_openings_total")}),
    Panel("Payments settled", "ops", {"because of: {{because}}": rate("payments_settled_total", "because")}),
]
WHATSAPP = [
    Panel("Webhooks of WhatsApp: parts", "ops", {"{{part}}": rate("whatsapp_webhook_parts_total", "part")}),
    Panel("Calls of WhatsApp", "ops", {"{{call}} {{outcome}}": rate("whatsapp_calls_total", "call, outcome")}),
    Panel("Calls of WhatsApp that fail", "percentunit", {"failures": "whatsapp:failures:ratio_rate5m"}),
    Panel("Messages to us", "ops", {"{{who}}: {{outcome}}": rate("inbound_messages_total", "who, outcome")}),
    Panel("Messages from us", "ops", {"{{status}}": rate("messages_moved_total", "status")}),
    Panel("Receipts", "ops", {"{{status}}": rate("messages_moved_total", "status", '{purpose="receipt"}')}),
]
GUESSES = [
    Panel("Passwords and codes tried", "ops", {"{{kind}} {{outcome}}": rate("auth_guesses_total", "kind, outcome")}),
    Panel("Registered phones guessed at", "ops", {"phones": rate("auth_guessed_phones_total")}),
]
REQUESTS = [
    Panel("Requests", "reqps", {"{{status}}": rate("http_requests_total", "status")}),
    Panel("Requests that fail", "percentunit", {"5 minutes": "gateway:errors:ratio_rate5m"}),
    Panel("Time of a request", "s", quantiles("http_request_duration_seconds")),
]
WATCHING = [
    Panel("Processes by APP_ENV", "short", {"{{environment}}": "sum by (environment) (process_environment)"}),
    Panel("Alerts that were not sent", "ops", {"failed": rate("alertmanager_notifications_failed_total")}),
    Panel("Rules that cannot be evaluated", "ops", {"failed": rate("prometheus_rule_evaluation_failures_total")}),
]


def by_pod(metric: str, where: str = "") -> str:
    """Of CloudNativePG's exporter."""
    return f"max by (pod) (cnpg_{metric}{where})"


POSTGRES = [
    Panel("WAL was last archived", "s", {"{{pod}}": f"time() - {by_pod('pg_stat_archiver_last_archived_time')}"}),
    Panel("WAL was last refused", "s", {"{{pod}}": f"time() - {by_pod('pg_stat_archiver_last_failed_time')}"}),
    Panel("WAL that waits", "short", {"{{pod}}": by_pod("collector_pg_wal_archive_status", '{value="ready"}')}),
    Panel("Replicas: how far behind", "s", {"{{pod}}": by_pod("pg_replication_lag")}),
    Panel(
        "Replicas: 1 is one, and 1 receives",
        "short",
        {
            "{{pod}} is one": by_pod("pg_replication_in_recovery"),
            "{{pod}} receives": by_pod("pg_replication_is_wal_receiver_up"),
        },
    ),
]


def happened(event_type: str, within: str = "1h") -> str:
    """How often, as those who hear of it have applied it."""
    return f'max(sum by (service) (increase(events_applied_total{{event_type="{event_type}"}}[{within}])))'


MONEY = '{stream=~"whatsinvoice.(payments|invoices).v1"}'
DASHBOARDS = [
    Dashboard(
        "whatsinvoice-overview",
        "Overview",
        {
            "Requests": REQUESTS,
            "Services": [
                Panel("Processes that answer", "short", {"{{service}}": 'sum by (service) (up{job="whatsinvoice"})'}),
                Panel("Calls that fail", "percentunit", {"{{service}}": "service:rpc_errors:ratio_rate5m"}),
                Panel("Time of a call, p99", "s", {"{{service}}": "service:rpc_seconds:p99_5m"}),
            ],
            "Providers": [*PAYSTACK, *WHATSAPP],
            "Events and jobs": events(),
            "Backups": [
                Panel("Age of the newest backup", "s", {"age": "time() - max(backup_last_timestamp_seconds)"}),
                Panel("Backups by state", "short", {"{{state}}": "max by (state) (backups_kept)"}),
                Panel(
                    "Restore drill: age of the last good one",
                    "s",
                    {"age": "time() - max(restore_drill_last_good_timestamp_seconds)"},
                ),
                Panel("Restore drill: 1 good, 0 failed", "short", {"last": "min(restore_drill_ok)"}),
            ],
            "Who watches": WATCHING,
            "Postgres, as CloudNativePG tells": POSTGRES,
        },
    ),
    Dashboard(
        "whatsinvoice-gateway",
        "Gateway",
        {
            "Requests": [
                *REQUESTS,
                Panel(
                    "Requests by route",
                    "reqps",
                    {"{{method}} {{handler}}": rate("http_requests_total", "method, handler")},
                ),
                Panel(
                    "Requests that fail, by route",
                    "reqps",
                    {"{{method}} {{handler}}": rate("http_requests_total", "method, handler", '{status=~"5.."}')},
                ),
                Panel(
                    "Refused: limits and quotas",
                    "reqps",
                    {"{{handler}}": rate("http_requests_total", "handler", '{status="429"}')},
                ),
            ],
            "Budget": [
                Panel(
                    "Share of requests that fail (objective: below 0.1 %)",
                    "percentunit",
                    {
                        "1 hour": "gateway:errors:ratio_rate1h",
                        "6 hours": "gateway:errors:ratio_rate6h",
                        "30 minutes": "gateway:errors:ratio_rate30m",
                    },
                ),
                Panel(
                    "Circuits: 0 closed, 1 half open, 2 open",
                    "short",
                    {"{{exported_service}}": "max by (exported_service) (gateway_circuit_state)"},
                ),
                Panel(
                    "Services given up on",
                    "ops",
                    {"{{exported_service}}": rate("gateway_circuit_openings_total", "exported_service")},
                ),
            ],
            "Processes": process('{service="gateway"}'),
        },
    ),
    of_service("auth", Guessing=GUESSES),
    of_service(
        "invoices",
        Documents=[
            Panel("Documents rendered", "ops", {"documents": rate("invoices_pdf_seconds_count")}),
            Panel("Time to render a document", "s", quantiles("invoices_pdf_seconds")),
        ],
    ),
    of_service("payments", Paystack=PAYSTACK),
    of_service("notifications", WhatsApp=WHATSAPP),
    Dashboard(
        "whatsinvoice-money",
        "Money",
        {
            "In the last hour": [
                Panel("Invoices issued", "short", {"issued": happened("InvoiceIssued")}, "stat"),
                Panel("Payments that succeeded", "short", {"succeeded": happened("PaymentSucceeded")}, "stat"),
                Panel("Invoices paid", "short", {"paid": happened("InvoicePaid")}, "stat"),
            ],
            "Payments": [
                Panel(
                    "Webhooks by what came of them", "ops", {"{{outcome}}": rate("payments_webhooks_total", "outcome")}
                ),
                Panel(
                    "Money quarantined",
                    "short",
                    {"{{what}}": "sum by (what) (increase(payments_quarantined_total[1h]))"},
                ),
                Panel("Calls of Paystack that fail", "percentunit", {"failures": "paystack:failures:ratio_rate5m"}),
            ],
            "The books": [
                Panel(
                    "Rows that break a rule, and slices that could not be checked",
                    "short",
                    {
                        "payments: {{check}}": "max by (check) (payments_invariant_breaches)",
                        "invoices: {{check}}": "max by (check) (invoices_invariant_breaches)",
                        "payments unchecked": rate("payments_invariant_failures_total"),
                        "invoices unchecked": rate("invoices_invariant_failures_total"),
                    },
                ),
                Panel("In quarantine", "short", {"{{kind}}": "max by (kind) (payments_quarantine_open)"}),
            ],
            "Money back": [
                Panel("Refunds under way", "short", {"{{status}}": "max by (status) (payments_refunds_open)"}),
                Panel("Oldest refund under way", "s", {"age": "max(payments_refund_oldest_seconds)"}),
                Panel("Disputes that are not resolved", "short", {"open": "max(payments_disputes_open)"}),
                Panel("Until a dispute must be answered", "s", {"left": "min(payments_dispute_due_seconds)"}),
                Panel(
                    "Differences from Paystack's own list",
                    "short",
                    {"{{kind}}": "max by (kind) (payments_walk_differences)"},
                ),
                Panel("Paystack's list was last read", "s", {"ago": "time() - max(payments_walk_time_seconds)"}),
            ],
            "Nothing lost on the way": [
                Panel(
                    "Events of payments not yet published",
                    "short",
                    {"{{stream}}": f"max by (stream) (outbox_waiting{MONEY})"},
                ),
                Panel(
                    "Payments that invoices has not heard of",
                    "short",
                    {"not read": 'max(events_lag{stream="whatsinvoice.payments.v1", group="invoices"})'},
                ),
                Panel(
                    "Dead letters of money",
                    "short",
                    {"{{group}}": f"max by (group) (events_dead_letters{MONEY})"},
                ),
                Panel(
                    "Published again after a loss of Redis",
                    "short",
                    {"{{stream}}": "sum by (stream) (increase(outbox_republished_total[1h]))"},
                ),
                Panel(
                    "Receipts by how far they came",
                    "ops",
                    {"{{status}}": rate("messages_moved_total", "status", '{purpose="receipt"}')},
                ),
            ],
        },
    ),
]


def _graph(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": PROMETHEUS,
            "expr": expression,
            "legendFormat": legend,
            "exemplar": "_bucket" in expression,
        }
        for index, (legend, expression) in enumerate(panel.queries.items())
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": PROMETHEUS,
        "gridPos": {"x": x, "y": y, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    for title, panels in dashboard.rows.items():
        yield {"id": number, "type": "row", "title": title, "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}, "panels": []}
        number, y = number + 1, y + 1
        for index, panel in enumerate(panels):
            yield _graph(panel, number, index % COLUMNS * WIDTH, y + index // COLUMNS * HEIGHT)
            number += 1
        y += -(-len(panels) // COLUMNS) * HEIGHT


def as_json(dashboard: Dashboard) -> str:
    """The file that Grafana reads."""
    variable = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus", "hide": 0}
    document = {
        "uid": dashboard.uid,
        "title": f"WhatsInvoice: {dashboard.title}",
        "tags": ["whatsinvoice"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "timezone": "browser",
        "templating": {"list": [variable]},
        "links": [{"title": "WhatsInvoice", "type": "dashboards", "tags": ["whatsinvoice"], "asDropdown": True}],
        "panels": list(_panels(dashboard)),
    }
    return json.dumps(document, indent=1) + "\n"


def main() -> None:
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.uid}.json").write_text(as_json(dashboard))
    sys.stdout.write(f"{len(DASHBOARDS)} dashboards\n")


if __name__ == "__main__":
    main()
