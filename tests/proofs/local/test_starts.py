"""Starts of the local stack that need a stack each: servers given by the environment, a late part, a taken port."""

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from threading import Timer

import httpx
import pytest
from whatsinvoice_local.backing import start_postgres, start_seaweedfs, start_valkey
from whatsinvoice_local.demo.play import play
from whatsinvoice_local.parts import PROGRAMS
from whatsinvoice_local.stack import Stack, StackError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


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
