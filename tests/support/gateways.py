"""The gateway as a process of its own, as it is deployed."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import SecretStr
from whatsinvoice_gateway.settings import Settings
from whatsinvoice_local.backing.ports import free_port

READY_SECONDS = 40


def _environment(settings: Settings, **ports: int) -> dict[str, str]:
    """The settings as the environment that gives them; nothing of the tests' own."""
    values: dict[str, Any] = {name: getattr(settings, name) for name in type(settings).model_fields} | ports
    shown = {
        f"GATEWAY_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
    }
    return {"PATH": os.defpath, "APP_ENV": settings.app_env, **shown}


@asynccontextmanager
async def gateway_process(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a process that is ready; the process is stopped at the end."""
    port = free_port()
    ops_port = free_port([port])
    environment = _environment(settings, port=port, ops_port=ops_port)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "whatsinvoice_gateway", env=environment)
    try:
        await _ready(process, f"http://127.0.0.1:{ops_port}/readyz")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, url: str) -> None:
    until = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient(trust_env=False) as client:
        while time.monotonic() < until and process.returncode is None:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:  # not listening yet
                pass
            await asyncio.sleep(0.05)
    raise AssertionError("the gateway did not become ready")
