"""The served OpenAPI is the committed one, and no route is missing from it."""

import json

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import SecretStr
from support.root import ROOT
from whatsinvoice_gateway.app import create_app
from whatsinvoice_gateway.pages.docs import ASSETS
from whatsinvoice_gateway.settings import Settings

SNAPSHOT = ROOT / "gateway" / "openapi.json"
OPERATIONS = {"/healthz", "/readyz"}
DOCS = {"/docs", *(f"/docs/{name}" for name in (*ASSETS, "start.js"))}


def paths(app: FastAPI) -> set[str]:
    """Of all routes, those of included routers as well."""
    contexts = iter_route_contexts(app.routes)
    return {str(context.path) for context in contexts if isinstance(context.original_route, APIRoute)}


@pytest.fixture
def settings() -> Settings:
    nobody = "127.0.0.1:1"
    return Settings(
        auth_grpc=nobody,
        invoices_grpc=nobody,
        payments_grpc=nobody,
        notifications_grpc=nobody,
        redis_url=SecretStr(f"redis://{nobody}"),
    )


def test_the_snapshot_is_what_is_served(settings: Settings) -> None:
    served = create_app(settings, {}).openapi()
    assert served == json.loads(SNAPSHOT.read_text()), "run `make openapi` and look at what changed"


def test_every_route_is_documented(settings: Settings) -> None:
    app = create_app(settings, {})
    documented = set(app.openapi()["paths"])
    assert len(documented) > 40
    assert paths(app) - documented == OPERATIONS | DOCS


def test_operations_are_not_on_the_public_port_in_prod(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"app_env": "prod"}), {})
    assert paths(app).isdisjoint(OPERATIONS)


@pytest.mark.parametrize("app_env", ["dev", "test", "prod"])
def test_f30_metrics_are_on_the_ops_port_alone(settings: Settings, app_env: str) -> None:
    app = create_app(settings.model_copy(update={"app_env": app_env}), {})
    assert "/metrics" not in paths(app)
