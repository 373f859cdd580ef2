"""The real thing in containers: images built, the compose stack up, and both gone at the end. `make containers`."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.containers import TAG, Compose
from whatsinvoice_local.backing.ports import free_port

MINIO = "minio/minio:RELEASE.2025-09-07T16-13-09Z"


def _has(image: str) -> bool:
    """Whether an image is here or can be pulled."""
    commands = (("docker", "image", "inspect", image), ("docker", "pull", "--quiet", image))
    return any(subprocess.run(words, capture_output=True, check=False).returncode == 0 for words in commands)


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    if not os.environ.get("CONTAINERS"):
        pytest.skip("builds seven images and runs the whole stack in containers: `make containers` (needs Docker)")


@pytest.fixture(scope="session")
def compose(root: Path) -> Iterator[Compose]:
    ports = {f"{name}_PORT": str(free_port()) for name in ("GATEWAY", "SANDBOX", "TLS", "PROMETHEUS", "ALERTMANAGER")}
    environment = ports | {
        "TAG": TAG,
        "PUBLIC_BASE_URL": f"https://localhost:{ports['TLS_PORT']}",
        "CHECKOUT_ORIGINS": f"http://127.0.0.1:{ports['SANDBOX_PORT']}",
    }
    files: tuple[str, ...] = ("docker-compose.yaml", "deploy/compose.waf.yaml")
    if not _has(MINIO):
        files += ("deploy/compose.seaweedfs.yaml",)
        if not _has("chrislusf/seaweedfs:4.48"):
            environment["SEAWEEDFS_TAG"] = "latest"
    stack = Compose(root, environment, files)
    yield stack
    stack("down", "--volumes")
