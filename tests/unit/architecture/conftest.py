"""The tracked files of the repository, or those that stand there where it is no git checkout."""

import subprocess
from pathlib import Path

import pytest
from support.root import ROOT


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every file that is committed or would be: relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({Path(line) for line in listing.splitlines() if (ROOT / line).is_file()})
