"""The local stack: started once, told about, and either whole or not there."""

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import httpx
import pytest
from whatsinvoice_local import report
from whatsinvoice_local.backing import start_postgres, start_seaweedfs, start_valkey
from whatsinvoice_local.demo.play import play
from whatsinvoice_local.parts import PARTS, PROGRAMS, SERVICES
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


def test_real_servers_are_used_where_the_environment_names_them(new_stack: Callable[..., Stack]) -> None:
    servers = new_stack().state.folder / "parts"
    database, redis = start_postgres(servers / "postgres"), start_valkey(servers / "valkey")
    storage = start_seaweedfs(servers / "seaweedfs")
    stack = new_stack(
        DATABASE_URL=database.admin_url,
        REDIS_URL=redis.url,
        S3_ENDPOINT=storage.endpoint,
        S3_ACCESS_KEY=storage.access_key,
        S3_SECRET_KEY=storage.secret_key,
    )
    assert stack.up()
    assert stack.state.members() == list(PROGRAMS)
    assert play(stack.state, lambda _: None).status == "paid"
    assert stack.down()
    assert start_postgres(servers / "postgres").pid == database.pid, "what was not started here is not stopped here"


def test_what_is_up_serves_at_once_however_late_auth_was(new_stack: Callable[..., Stack]) -> None:
    """The gateway pauses longer and longer between its tries to reach auth, and answers 503 meanwhile."""

    def hold_auth(told: str) -> None:
        if "sandbox is ready" in told and (auth := stack.state.process("auth")):
            os.kill(auth.pid, signal.SIGSTOP)
            Timer(5.0, os.kill, (auth.pid, signal.SIGCONT)).start()

    stack = new_stack(hold_auth)
    assert stack.up()
    body = {"verification_id": "ver_01jzzzzzzzzzzzzzzzzzzzzzzz", "code": "000000"}
    answer = httpx.post(f"{stack.state.env['GATEWAY_URL']}/v1/auth/verify-phone", json=body, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (422, "CODE_INVALID")


def test_a_store_without_keys_is_refused(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(S3_ENDPOINT="http://127.0.0.1:1")
    with pytest.raises(StackError, match="without S3_ACCESS_KEY and S3_SECRET_KEY"):
        stack.up()
    assert stack.state.running() == []


def test_a_part_that_cannot_start_is_named_and_nothing_stays(new_stack: Callable[..., Stack]) -> None:
    """Its port is taken while the tables are made, which no choice of ports foresees."""
    with ExitStack() as open_until_then:

        def take_the_port(told: str) -> None:
            if "tables" in told:
                port = json.loads((stack.state.folder / "ports.json").read_text())["payments"]
                open_until_then.enter_context(socket.create_server(("127.0.0.1", port)))

        stack = new_stack(take_the_port)
        with pytest.raises(StackError, match="payments is not ready"):
            stack.up()
    assert stack.state.running() == []
    assert stack.state.env == {}
