"""The code before the newest migration, from the repository's own history: what runs while a release rolls out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.root import ROOT

PACKAGES = (
    *(f"services/{name}" for name in ("auth", "invoices", "payments", "notifications")),
    *("gateway", "sandbox", "libs", "protos/gen", "deploy/local", "clients/python"),
)


def _git(*words: str) -> bytes:
    command = ("git", *words)
    printed: bytes = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return printed


def commit_before_the_newest_migration() -> str:
    """The state of main that the newest migration was added to; the test is skipped where history is cut off."""
    added = ("--diff-filter=A", "--format=%H %P", "-1", "--", "services/*/migrations/versions/*.py")
    found = _git("log", "--first-parent", "-m", *added).decode().split()
    if len(found) < 2:
        pytest.skip("the repository's history does not reach to before the newest migration: a full clone is needed")
    return found[1]


def former_code(folder: Path) -> dict[str, str]:
    """Writes that code to a folder; gives the environment in which its modules are imported in the place of today's."""
    archive = _git("archive", commit_before_the_newest_migration())
    unpack = ("tar", "-x", "-C", str(folder))
    subprocess.run(unpack, input=archive, check=True)
    generated = ROOT / "clients" / "python" / "whatsinvoice_client"
    (folder / "clients" / "python" / "whatsinvoice_client").symlink_to(generated)  # the demo's; the contract only grew
    (folder / "protos" / "gen" / "whatsinvoice").mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(str(folder / part) for part in PACKAGES)}
    subprocess.run([sys.executable, str(folder / "protos" / "generate.py")], env=environment, check=True)
    return environment
