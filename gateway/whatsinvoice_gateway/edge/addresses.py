"""Checks of an address before its route runs: the form of its ids, and the names of its query parameters."""

import re

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from whatsinvoice_kit.core.errors import not_found
from whatsinvoice_kit.core.text import REFUSED, is_clean

_SEGMENT = re.compile(r"[\w.~-]{1,128}", re.ASCII)
"""Every id, token and code of ours consists of these characters."""
OPEN_TAGS = frozenset({"public", "providers"})
"""Routes whose addresses others write: messengers and providers add parameters of their own."""


async def check_address(request: Request) -> None:
    """Refuse a path parameter that does not have the form of an id (404), and a wrong query parameter (422).

    Public pages and provider webhooks answer for themselves: a payer gets a page, never JSON.
    """
    route = request.scope["route"]
    if OPEN_TAGS & set(route.tags):
        return
    if any(_SEGMENT.fullmatch(str(value)) is None for value in request.path_params.values()):
        raise not_found("ID_NOT_FOUND", "nothing has this id")
    if not request.query_params:
        return
    known = query_names(route.dependant)
    errors = []
    for name, value in request.query_params.multi_items():
        if name not in known:
            errors.append(_error(name, "extra_forbidden", "this route takes no such parameter"))
        elif not is_clean(value):
            errors.append(_error(name, "text_invalid", REFUSED))
    if errors:
        raise RequestValidationError(errors)


def query_names(dependant: Dependant) -> set[str]:
    """Return the query parameters of a route and of everything that it depends on."""
    names = {field.alias for field in dependant.query_params}
    return names.union(*(query_names(inner) for inner in dependant.dependencies))


def _error(name: str, code: str, message: str) -> dict[str, object]:
    return {"loc": ("query", name), "type": code, "msg": message}
