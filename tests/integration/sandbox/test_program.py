"""The program as it is run: settings from the environment, ready, a clean end on SIGTERM."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
from pydantic import ValidationError
from support.sandbox_stage import JANE, NO_TLS
from whatsinvoice_sandbox.settings import Settings


@pytest.fixture
def program() -> Iterator[tuple[subprocess.Popen[str], str]]:
    environment = {**os.environ, "SANDBOX_PORT": "0", "PAYSTACK_SECRET_KEY": "sk_test_env"}
    command = [sys.executable, "-m", "whatsinvoice_sandbox"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"sandbox on (\S+)", process.stderr.readline())
        assert found is not None
        yield process, found[1]
        process.kill()


def test_it_serves_and_ends_cleanly_while_somebody_watches(program: tuple[subprocess.Popen[str], str]) -> None:
    process, address = program
    with httpx.Client(base_url=address, trust_env=False, verify=NO_TLS) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        headers = {"authorization": "Bearer sk_test_env"}
        assert client.get("/paystack/transaction", headers=headers).status_code == 200
        with client.stream("GET", f"/_control/phones/{JANE}/events") as feed:
            assert next(feed.iter_lines()) == ": watching"
            process.terminate()
            assert process.wait(timeout=5) == 0
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


def test_an_empty_variable_counts_as_absent() -> None:
    settings = Settings.from_environment({"SANDBOX_PORT": "", "SANDBOX_TIME_SCALE": "0.01", "HOME": "/nowhere"})
    assert (settings.sandbox_port, settings.sandbox_time_scale) == (8090, 0.01)
    assert settings.public_url == "http://127.0.0.1:8090"


@pytest.mark.parametrize(
    "environment", [{"SANDBOX_PORT": "many"}, {"SANDBOX_TIME_SCALE": "0"}, {"WHATSAPP_BUSINESS_NUMBER": "0800"}]
)
def test_a_wrong_variable_stops_the_start(environment: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.from_environment(environment)
