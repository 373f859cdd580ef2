"""Requests by route: how many with what status, and how long they take, with the trace of one in each bucket."""

from prometheus_client import Counter, Histogram
from prometheus_fastapi_instrumentator.metrics import Info
from whatsinvoice_kit.observe.telemetry import exemplar

REQUESTS = Counter("http_requests_total", "Requests by route and status", ["handler", "method", "status"])
SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time to answer a request",
    ["handler", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)


def observe(info: Info) -> None:
    """For the instrumentator, which knows the routes; its own histograms take no exemplars."""
    REQUESTS.labels(info.modified_handler, info.method, info.modified_status).inc()
    SECONDS.labels(info.modified_handler, info.method).observe(info.modified_duration, exemplar())
