"""Programs of Debian's packages, unpacked into .venv/debian where they are not installed."""

import shutil
import sys
from pathlib import Path

import pytest

DEBIAN = Path(sys.prefix) / "debian"
"""Where `make promtool`, `make redis` and `make waf` unpack them."""


def tool(name: str) -> str:
    """Where it is; the test is skipped when it is nowhere."""
    fetched = DEBIAN / "usr" / "bin" / name
    found = str(fetched) if fetched.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}: `make promtool` fetches Debian's")
    return found
