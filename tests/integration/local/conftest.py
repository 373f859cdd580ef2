"""A folder for backing servers that the account Postgres runs under can reach, unlike pytest's own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="whatsinvoice-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
