"""Errors as problem+json (RFC 9457): one shape for all of them, and a code that programs can rely on."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.rpc.call import current_call

from whatsinvoice_gateway.edge import idempotency

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
STATUSES = {
    Kind.INVALID_ARGUMENT: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Kind.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Kind.ALREADY_EXISTS: HTTPStatus.CONFLICT,
    Kind.FAILED_PRECONDITION: HTTPStatus.CONFLICT,
    Kind.ABORTED: HTTPStatus.CONFLICT,
    Kind.RESOURCE_EXHAUSTED: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
MAX_ERRORS = 100
"""Of one answer: a body may have a hundred thousand wrong fields."""
MALFORMED = {"BODY_MALFORMED", "IDEMPOTENCY_KEY_REQUIRED"}
CODES = {
    HTTPStatus.BAD_REQUEST: "BODY_MALFORMED",
    HTTPStatus.NOT_FOUND: "ROUTE_NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    HTTPStatus.REQUEST_TIMEOUT: "BODY_TOO_SLOW",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "BODY_TOO_LARGE",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "CONTENT_TYPE_UNSUPPORTED",
    HTTPStatus.SERVICE_UNAVAILABLE: "OVERLOADED",
}


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    instance: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error answer; `errors` holds {field, code, message} for each wrong field."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "instance": instance,
        "code": code,
        "errors": list(errors),
        "request_id": current_call().request_id,
    }
    return Response(json.dumps(body), status.value, dict(headers or {}), MEDIA_TYPE)


def of_service_error(error: ServiceError, instance: str) -> Response:
    """What a service raised, as HTTP says it."""
    status = STATUSES[error.kind]
    if error.reason in MALFORMED:
        status = HTTPStatus.BAD_REQUEST
    elif error.reason == "VERSION_STALE":
        status = HTTPStatus.PRECONDITION_FAILED
    elif error.reason == "UPSTREAM_TIMEOUT":
        status = HTTPStatus.GATEWAY_TIMEOUT
    headers = {}
    if error.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after or error.kind in (Kind.UNAVAILABLE, Kind.ABORTED):
        headers["Retry-After"] = str(error.retry_after or 1)
    errors = [{"field": v.field, "code": v.code, "message": v.message} for v in error.violations]
    return problem(status, error.reason, error.message, instance=instance, errors=errors, headers=headers)


async def _on_service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)  # noqa: S101  (registered for this type alone)
    return of_service_error(error, request.url.path)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for this type alone)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(
            HTTPStatus.BAD_REQUEST, "BODY_MALFORMED", "the body is not valid JSON", instance=request.url.path
        )
    if any(item["type"] == "missing" and item["loc"] == ("header", idempotency.HEADER) for item in found):
        return problem(
            HTTPStatus.BAD_REQUEST, "IDEMPOTENCY_KEY_REQUIRED", idempotency.REQUIRED, instance=request.url.path
        )
    errors = [
        {"field": _path(item["loc"]), "code": str(item["type"]).upper(), "message": str(item["msg"])}
        for item in found[:MAX_ERRORS]
    ]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "REQUEST_INVALID",
        "one or more fields are not valid",
        instance=request.url.path,
        errors=errors,
    )


def _path(location: Sequence[str | int]) -> str:
    """("body", "lines", 0, "quantity") as lines[0].quantity."""
    text = ""
    for part in location[1:] if location and location[0] in ("body", "query", "path", "header") else location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def of_http_error(error: HTTPException, instance: str) -> Response:
    """What the framework, or the edge itself, refused."""
    status = HTTPStatus(error.status_code)
    code = CODES.get(status, status.name)
    return problem(status, code, str(error.detail), instance=instance, headers=error.headers)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this type alone)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"Allow": _methods(request)}
    return of_http_error(error, request.url.path)


def _methods(request: Request) -> str:
    """All that the path is served by; Starlette names those of the first route alone."""
    contexts = iter_route_contexts(request.app.routes)
    found = [context.methods or () for context in contexts if context.path_regex.match(request.scope["path"])]
    return ", ".join(sorted(set().union(*found)))


async def _on_unknown_error(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL", "something went wrong on our side", instance=request.url.path
    )


def install(app: FastAPI) -> None:
    """Every error of the app leaves as problem+json."""
    app.add_exception_handler(ServiceError, _on_service_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unknown_error)
