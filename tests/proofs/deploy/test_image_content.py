"""An image holds what its service needs and no more: tried with an environment of one service's packages alone."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.backing import S3
from support.event_keys import EVENT_KEYS
from support.keys import Keyring

BIN = Path(sys.executable).parent
FOREIGN = ("fastapi", "slowapi", "starlette", "httpx", "argon2", "whatsinvoice_gateway", "whatsinvoice_auth")


def _run(*command: str | Path, cwd: Path) -> str:
    result = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def python(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the invoices package and what it asks for, from the locked versions."""
    folder = tmp_path_factory.mktemp("image")
    for member in ("protos", "libs", "services/invoices"):
        _run(
            BIN / "uv",
            "build",
            "-q",
            "--wheel",
            "--no-build-isolation",
            "--python",
            sys.executable,
            "-o",
            folder,
            root / member,
            cwd=root,
        )
    _run(BIN / "uv", "venv", "-q", "--python", sys.executable, folder / "env", cwd=root)
    python = folder / "env" / "bin" / "python"
    wheel = next(folder.glob("whatsinvoice_invoices-*.whl"))
    _run(
        BIN / "uv", "pip", "install", "-q", "--python", python, "--find-links", folder,
        "--constraint", root / "requirements.lock", wheel, cwd=root,
    )  # fmt: skip
    return python


@pytest.fixture
def environment(migrated: dict[str, str], redis_url: str, s3: S3, keyring: Keyring) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "INVOICES_DATABASE_URL": migrated["invoices"],
        "REDIS_URL": redis_url,
        "TRUSTED_KEYS": keyring.trusted,
        "INVOICES_EVENT_KEYS": EVENT_KEYS,
        "INVOICES_SERVICE_KEY": json.dumps(keyring.services["invoices"]),
        "PUBLIC_BASE_URL": "http://pay.test",
        "S3_ENDPOINT": s3.endpoint,
        "S3_ACCESS_KEY": s3.access_key,
        "S3_SECRET_KEY": s3.secret_key,
    }


@pytest.fixture
def process(
    python: Path, environment: dict[str, str], tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([python, "-m", "whatsinvoice_invoices"], env=environment, cwd=tmp_path, stdout=out)
        yield process, log
        process.terminate()
        assert process.wait(30) == 0, log.read_text()


@pytest.mark.slow
def test_invoices_starts_with_its_own_packages_alone(process: tuple[subprocess.Popen[bytes], Path]) -> None:
    running, log = process
    deadline = time.monotonic() + 30
    ready: dict[str, object] = {}
    while not ready:
        assert running.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        ready = next((line for line in lines if line.get("event") == "ready"), {})
    with urllib.request.urlopen(f"http://127.0.0.1:{ready['ops_port']}/healthz", timeout=5) as answer:
        assert json.load(answer) == {"status": "ok"}


@pytest.mark.parametrize("name", FOREIGN)
def test_nothing_of_another_service_is_there(python: Path, name: str) -> None:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is not None)"
    assert subprocess.run([python, "-c", code], check=False).returncode == 0
