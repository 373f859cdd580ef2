"""The smoke test passes against a whole stack, and fails against something that only looks like one."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fastapi import FastAPI
from support.http import served
from support.root import ROOT
from whatsinvoice_local.stack import Stack

SMOKE = ROOT / "tests" / "test_smoke.py"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def smoke(**variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(SMOKE)]
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)


def test_a_whole_stack_passes(stack: Stack) -> None:
    env = stack.state.env
    done = smoke(SMOKE_BASE_URL=env["GATEWAY_URL"], SMOKE_SANDBOX_URL=env["SANDBOX_URL"])
    assert done.returncode == 0, done.stdout
    assert "7 passed, 2 skipped" in done.stdout, done.stdout


@pytest_asyncio.fixture
async def impostor() -> AsyncIterator[str]:
    async with served(FastAPI()) as url:
        yield url


async def test_something_else_fails(impostor: str) -> None:
    done = await asyncio.to_thread(smoke, SMOKE_BASE_URL=impostor)
    assert done.returncode == 1
    assert "5 failed, 1 passed" in done.stdout, done.stdout
