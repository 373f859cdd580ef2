"""If-Match: the version that a caller has seen, so that nobody's change is lost unseen."""

import re
from typing import Annotated

from fastapi import Depends, Header
from whatsinvoice_kit.core.errors import precondition


async def _version(
    if_match: Annotated[
        str | None, Header(max_length=64, description="The ETag that was read; 412 when it is old")
    ] = None,
) -> int:
    if if_match is None or if_match == "*":
        return 0
    found = re.fullmatch(r'"([1-9]\d{0,17})"', if_match, re.ASCII)
    if found is None:
        raise precondition("VERSION_STALE", "this is not its ETag")
    return int(found[1])


SeenVersion = Annotated[int, Depends(_version)]
"""0 when the caller does not care."""
