"""Keyset paging: ids are sortable, so the cursor of a page is the last id on it."""

from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.ids import is_id

DEFAULT_LIMIT, MAX_LIMIT = 20, 100


def check_page(prefix: str, limit: int, cursor: str) -> int:
    """How many rows a page has; INVALID_ARGUMENT for a cursor that is no id of this kind, or a limit beyond 100."""
    if cursor and not is_id(prefix, cursor):
        raise invalid("cursor", "CURSOR_INVALID", "use the next_cursor of the page before")
    if not 0 <= limit <= MAX_LIMIT:
        raise invalid("limit", "LIMIT_INVALID", f"use 1 to {MAX_LIMIT}")
    return limit or DEFAULT_LIMIT
