"""Hostile values in every place of the route table: NUL, control characters, lone surrogates and extremes."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from support.root import ROOT

DOCUMENT: dict[str, Any] = json.loads(Path(ROOT / "gateway" / "openapi.json").read_text())
TEXTS = ("a\x00b", "\x01", "\ud800", "\u200b", "\u202e", "x" * 5_000, "9999-12-31", "0001-01-01")
NUMBERS = (-1, 0, 10**13, 2**31, 2**63 - 1, 2**63, 10**400, 1e308)
IN_ADDRESS = ("a%00b", "%01", "%ED%A0%80", "%E2%80%8B", "x" * 3_000, str(10**30), "9999-12-31T23:59:59Z")
GOOD = {
    "phone": "+2348030000001", "quantity": "1", "currency": "NGN", "email": "jane@example.com", "code": "123456",
    "country": "NG", "password": "Right1234word", "account_number": "0001234567",
}  # fmt: skip
"""Field -> a value that its route takes, where its type alone does not say one."""
WITH: dict[str, dict[str, Any]] = {
    "InvoiceIn": {"customer": {"name": "Ngozi"}},
    "ConfirmIn": {"password": "Right1234word"},
}
"""Schema -> what a body needs beside its required fields."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path of the API."""

    method: str
    path: str
    tags: frozenset[str]
    queries: tuple[str, ...]
    schema: dict[str, Any] | None


@dataclass(slots=True)
class Tally:
    """Counts of requests, and the requests that were answered with an error of ours."""

    requests: int = 0
    accepted: int = 0
    failures: list[str] = field(default_factory=list)


def operations() -> Iterator[Operation]:
    for path, methods in DOCUMENT["paths"].items():
        for method, found in methods.items():
            queries = tuple(one["name"] for one in found.get("parameters", []) if one["in"] == "query")
            schema = found.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            yield Operation(method.upper(), path, frozenset(found.get("tags", [])), queries, schema)


def address(path: str, ids: Mapping[str, str], hostile: str = "") -> str:
    """Return the path with an id for each parameter, or with the hostile text in their place."""
    parts = path.split("/")
    return "/".join(hostile or ids.get(part[1:-1], "x") if part.startswith("{") else part for part in parts)


def _resolved(schema: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found = DOCUMENT["components"]["schemas"][name] if name else schema
    for choice in found.get("anyOf", []):
        if choice.get("type") != "null":
            return _resolved(choice)
    return name, found


def good(schema: dict[str, Any], of: str = "") -> Any:
    """Return a small good value of a schema: its required fields alone."""
    name, found = _resolved(schema)
    if found.get("type") == "object":
        required = {inner: good(found["properties"][inner], inner) for inner in found.get("required", [])}
        return required | WITH.get(name, {})
    if found.get("type") == "array":
        return [good(found["items"])]
    if "enum" in found or "const" in found:
        return found.get("const", found.get("enum", [""])[0])
    return GOOD.get(of) or {"integer": 1, "boolean": False}.get(found.get("type", ""), "abc")


def hostile_values(schema: dict[str, Any], of: str = "") -> Iterator[Any]:
    """Yield values of a schema that are good but for one place each."""
    _, found = _resolved(schema)
    if found.get("type") == "object":
        whole = good(schema, of)
        for name, inner in found.get("properties", {}).items():
            for value in hostile_values(inner, name):
                yield whole | {name: value}
    elif found.get("type") == "array":
        for value in hostile_values(found["items"]):
            yield [value]
    elif found.get("type") == "integer":
        yield from NUMBERS
    elif found.get("type") == "string":
        yield from TEXTS


def requests_of(operation: Operation, ids: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield the address and the body of each hostile request of an operation."""
    plain = address(operation.path, ids)
    body = json.dumps(good(operation.schema)).encode() if operation.schema else b"{}"
    for given in IN_ADDRESS:
        if "{" in operation.path:
            yield address(operation.path, ids, given), body
        for name in operation.queries:
            yield f"{plain}?{name}={given}", body
    if operation.schema:
        for value in hostile_values(operation.schema):
            yield plain, json.dumps(value).encode()


async def attack(
    client: httpx.AsyncClient, operation: Operation, headers: Mapping[str, str], ids: Mapping[str, str], tally: Tally
) -> None:
    """Send every hostile request of an operation; an answer that says that a service is away is no error of ours."""
    for target, body in requests_of(operation, ids):
        own = {"Content-Type": "application/json", "If-Match": '"1"', "Idempotency-Key": secrets.token_hex(8)}
        content = b"" if operation.method in ("GET", "DELETE") else body
        answer = await client.request(operation.method, target, content=content, headers={**own, **headers})
        tally.requests += 1
        tally.accepted += answer.is_success
        if answer.status_code >= 500 and "UPSTREAM_" not in answer.text:
            tally.failures.append(f"{operation.method} {target[:200]} {body[:300]!r}: {answer.status_code}")
