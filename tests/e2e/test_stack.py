"""The local stack: started once, told about, and either whole or not there."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from whatsinvoice_local import report
from whatsinvoice_local.parts import PARTS, SERVICES
from whatsinvoice_local.stack import Stack, StackError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = stack.state.env
    assert stack.up() is False
    assert stack.state.env == before


def test_secrets_are_for_the_owner_only(stack: Stack) -> None:
    folder = stack.state.folder
    assert {(folder / name).stat().st_mode & 0o777 for name in ("env", "secrets.json")} == {0o600}
    secrets = json.loads((folder / "secrets.json").read_text()).values()
    for part in stack.state.members():
        command = Path(f"/proc/{stack.state.env[f'{part.upper()}_PID']}/cmdline")
        words = command.read_text()
        assert not any(secret in words for secret in secrets), part


def test_env_leads_to_every_part(stack: Stack) -> None:
    env = stack.state.env
    assert stack.state.members() == list(PARTS)
    for name in ("GATEWAY", *(service.upper() for service in SERVICES)):
        assert httpx.get(f"{env[f'{name}_OPS_URL']}/readyz", trust_env=False).status_code == 200
    assert httpx.get(f"{env['SANDBOX_URL']}/healthz", trust_env=False).status_code == 200


def test_status_tells_who_runs_is_ready_and_what_it_holds(stack: Stack) -> None:
    rows = [line.split() for line in report.status(stack.state).splitlines()[1:-1]]
    assert [(row[0], row[3]) for row in rows] == [(part, "yes") for part in PARTS]
    assert all(int(row[4]) > 1 for row in rows)


def test_a_store_without_keys_is_refused(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(S3_ENDPOINT="http://127.0.0.1:1")
    with pytest.raises(StackError, match="without S3_ACCESS_KEY and S3_SECRET_KEY"):
        stack.up()
    assert stack.state.running() == []
