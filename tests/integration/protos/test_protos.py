"""The contracts between services: their style, and the promise not to break them."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.root import ROOT

BUF = Path(sys.executable).parent / "buf"
MAIN = "main"
EVENT_HEAD = ["event_id", "occur_time", "business_id", "aggregate_id", "aggregate_version"]


def _buf(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BUF, *arguments], cwd=ROOT / "protos", capture_output=True, text=True, check=False)


def test_lint() -> None:
    result = _buf("lint")
    assert result.returncode == 0, result.stdout + result.stderr


def test_format() -> None:
    result = _buf("format", "--diff", "--exit-code")
    assert result.returncode == 0, result.stdout


def _has_main() -> bool:
    command = ["git", "rev-parse", "--verify", "--quiet", f"{MAIN}:protos/buf.yaml"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_nothing_breaks_against_main() -> None:
    if not _has_main():
        pytest.skip("this checkout has no branch main with protos to compare with")
    result = _buf("breaking", "--against", f"{ROOT / '.git'}#branch={MAIN},subdir=protos")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("service", ["auth", "invoices", "payments", "notifications"])
def test_every_event_starts_alike(service: str) -> None:
    module = __import__(f"whatsinvoice.{service}.v1.events_pb2", fromlist=["DESCRIPTOR"])
    for message in module.DESCRIPTOR.message_types_by_name.values():
        assert [field.name for field in message.fields[:5]] == EVENT_HEAD, message.name
        assert [field.number for field in message.fields[:5]] == [1, 2, 3, 4, 5], message.name
