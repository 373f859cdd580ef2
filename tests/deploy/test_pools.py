"""The pools of every process, at the most that the autoscalers allow, fit into what Postgres takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.test_kubernetes import NAME, OVERLAYS, SERVICES, kubectl, render
from whatsinvoice_kit.config.settings import ServiceSettings

__all__ = ["kubectl", "render"]
LISTENING = 1
"""Each process has a connection of its own for NOTIFY."""
BESIDE = len(SERVICES) + 4 + 3 + 10
"""Migrations, a backup (snapshot, two dumps, a drill's comparison), superuser_reserved_connections, people."""


def connections(objects: list[dict[str, Any]]) -> int:
    """What the services of an overlay can hold at once: each pod that may run, and one more while it rolls."""
    most = {o["spec"]["scaleTargetRef"]["name"]: o["spec"]["maxReplicas"] for o in objects
            if o["kind"] == "HorizontalPodAutoscaler"}  # fmt: skip
    pools = {
        o["metadata"]["labels"][NAME]: int(
            o["data"].get("POOL_SIZE", ServiceSettings.model_fields["pool_size"].default)
        )
        for o in objects
        if o["kind"] == "ConfigMap" and o["metadata"]["labels"][NAME] in SERVICES
    }
    found = [o for o in objects if o["kind"] == "Deployment" and o["metadata"]["labels"][NAME] in SERVICES]
    assert len(found) == 2 * len(SERVICES)
    return sum(
        (most[o["metadata"]["name"]] + o["spec"]["strategy"]["rollingUpdate"]["maxSurge"])
        * (pools[o["metadata"]["labels"][NAME]] + LISTENING)
        for o in found
    )


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_pool_fits_into_postgres(root: Path, render: Any, folder: str) -> None:
    cluster = yaml.safe_load((root / "deploy" / "kubernetes" / "state" / "postgres" / "cluster.yaml").read_text())
    most = int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
    needed = connections(render(folder)) + BESIDE
    assert needed <= most
    if folder.endswith("production"):
        assert needed > most // 2, "Postgres keeps memory for connections that nobody can take"
