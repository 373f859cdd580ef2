"""The application: routes, what stands around them, and its OpenAPI."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_fastapi_instrumentator import Instrumentator
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from whatsinvoice_kit.rpc.identity import ServiceIdentity
from whatsinvoice_kit.rpc.keys import SigningKeys
from whatsinvoice_kit.rpc.tokens import Jwk

from whatsinvoice_gateway.clients import Services
from whatsinvoice_gateway.edge import limits, metrics, problems
from whatsinvoice_gateway.edge.addresses import check_address
from whatsinvoice_gateway.edge.bodies import Bodies
from whatsinvoice_gateway.edge.middleware import Edge
from whatsinvoice_gateway.edge.quotas import Quotas
from whatsinvoice_gateway.edge.revocations import Revocations
from whatsinvoice_gateway.edge.tokens import KeySet
from whatsinvoice_gateway.pages import docs
from whatsinvoice_gateway.pages.head import HeadAsGet
from whatsinvoice_gateway.pages.render import Pages
from whatsinvoice_gateway.routes import (
    account,
    api_keys,
    auth,
    banks,
    business,
    customers,
    invoice_money,
    invoices,
    messages,
    pay,
    payments,
    places,
    refunds,
    webhooks,
)
from whatsinvoice_gateway.schemas.base import Problem
from whatsinvoice_gateway.schemas.base import problems as documented
from whatsinvoice_gateway.settings import Settings, listed

CORS_IN = ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Device-Id", "X-Request-Id", "traceparent"]
CORS_OUT = ["ETag", "Idempotent-Replayed", "Retry-After", "X-Request-Id"]
CORS_OUT += ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
AREAS = (
    customers,
    invoices,
    invoice_money,
    payments,
    refunds,
    banks,
    messages,
    webhooks,
    pay,
    business,
    places,
    api_keys,
)
DESCRIPTION = "One WhatsApp message becomes an invoice, a payment and a receipt."


def create_app(settings: Settings, keys: SigningKeys | Jwk) -> FastAPI:
    """The gateway's application; `keys` are its own private ones, or one JWK."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = Services(settings, ServiceIdentity("gateway", keys))
        app.state.services = services
        revocations = Revocations(services)
        app.state.keys = KeySet(services, revocations, settings.key_set_seconds)
        app.state.quotas = quotas = Quotas(settings)
        await revocations.start()
        yield
        await revocations.close()
        await services.close()
        await quotas.close()
        limits.close(limiter)

    app = FastAPI(
        title="WhatsInvoice",
        version="1.0.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        dependencies=[Depends(check_address)],
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # edge/middleware.py makes the one span
        generate_unique_id_function=lambda route: route.name,  # what the generated clients call it
    )
    app.state.pages = Pages(settings.checkout_origins)
    limiter = limits.make_limiter(settings)
    limits.install(app, limiter)
    problems.install(app)
    for area in AREAS:
        app.include_router(area.routes)
    for limited in (auth, account):
        app.include_router(limited.router(settings, limiter))
    docs.install(app)
    _add_health(app, settings)
    Instrumentator(should_group_status_codes=False).add(metrics.observe).instrument(app)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def edged(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application within its outer layers: around FastAPI whole, so that its 500s are dressed as well."""
    inner: ASGIApp = Bodies(HeadAsGet(app), settings.body_seconds, settings.body_memory)
    if origins := listed(settings.cors_origins):
        inner = CORSMiddleware(
            inner,
            allow_origins=origins,
            allow_credentials=settings.cors_credentials,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=CORS_IN,
            expose_headers=CORS_OUT,
        )
    edge = Edge(inner, request_seconds=settings.request_seconds, secure=settings.app_env == "prod")
    proven: Any = ProxyHeadersMiddleware(edge, listed(settings.trusted_proxies))  # type: ignore[arg-type]  # uvicorn's own types of ASGI
    return cast("ASGIApp", proven)


def _add_health(app: FastAPI, settings: Settings) -> None:
    """Add health to the public port outside of prod; metrics are on the ops port alone."""
    if settings.app_env == "prod":
        return

    @app.get("/healthz", include_in_schema=False)
    @app.get("/readyz", include_in_schema=False)
    async def health() -> Response:
        return JSONResponse({"status": "ok"})


def openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with our one error shape in the place of its own."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
        schemas = document["components"]["schemas"]
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas["Problem"] = problem
        for path in document["paths"].values():
            for method, operation in path.items():
                _add_edge_answers(method, operation)
        app.openapi_schema = document
    return app.openapi_schema


def _add_edge_answers(method: str, operation: dict[str, Any]) -> None:
    """What any operation may be answered before its route, or in its place."""
    statuses = {503, 504}
    if "security" in operation:
        statuses |= {429}
    if method in ("post", "put", "patch"):
        statuses |= {400, 408, 413, 415}
    responses = operation["responses"]
    for status, response in documented(*statuses).items():
        responses.setdefault(str(status), response)
    if "422" in responses:
        responses["422"]["content"] = documented(422)[422]["content"]  # of pages as well
    operation["responses"] = dict(sorted(responses.items()))
