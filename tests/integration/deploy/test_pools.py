"""The pools of every process, at the most that the autoscalers allow, fit into what Postgres takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.deploy.test_kubernetes import NAME, OVERLAYS, SERVICES
from whatsinvoice_kit.config.settings import ServiceSettings

LISTENING = 2
"""Each process has a connection of its own for NOTIFY, and one for the locks of jobs that run in one place."""
BESIDE = len(SERVICES) + 4 + 3 + 10
"""Migrations, a backup (snapshot, two dumps, a drill's comparison), superuser_reserved_connections, people."""


def service_of(found: dict[str, Any]) -> str:
    """Whose an object is; empty where it is nobody's."""
    name: str = found["metadata"].get("labels", {}).get(NAME, "")
    return name if name in SERVICES else ""


def connections(objects: list[dict[str, Any]]) -> int:
    """What the services of an overlay can hold at once: each pod that may run, and one more while it rolls."""
    scalers = [o["spec"] for o in objects if o["kind"] == "HorizontalPodAutoscaler"]
    most = {scaler["scaleTargetRef"]["name"]: scaler["maxReplicas"] for scaler in scalers}
    default = ServiceSettings.model_fields["pool_size"].default
    settings = {service_of(o): o["data"] for o in objects if o["kind"] == "ConfigMap"}
    found = [o for o in objects if o["kind"] == "Deployment" and service_of(o)]
    assert len(found) == 2 * len(SERVICES)
    return sum(
        (most[o["metadata"]["name"]] + o["spec"]["strategy"]["rollingUpdate"]["maxSurge"])
        * (int(settings[service_of(o)].get("POOL_SIZE", default)) + LISTENING)
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
