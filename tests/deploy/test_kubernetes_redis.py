"""Redis on Kubernetes, by Sentinels and as a cluster: manifests hold, and Redis takes what the start scripts write."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.certificates import write_certificate
from support.redis_server import FETCHED, HAS_TLS, Server, eventually
from whatsinvoice_local.backing.ports import free_port

WAYS = ("sentinel", "cluster")
CUSTOM = {"ExternalSecret", "Certificate", "Issuer"}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_rendered_is_valid_and_hardened(render: Any, way: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    objects = render(f"state/redis/{way}")
    for found in objects:
        assert found["metadata"].get("namespace") == "state"
        if found["kind"] not in CUSTOM:
            kubernetes_validate.validate(found, "1.33", strict=True)
    pods = [found["spec"]["template"]["spec"] for found in objects if found["kind"] in {"StatefulSet", "Job"}]
    assert len(pods) == 2
    for pod in pods:
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        rights = container["securityContext"]
        assert (rights["readOnlyRootFilesystem"], rights["allowPrivilegeEscalation"]) == (True, False)
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize(("way", "servers"), [("sentinel", 3), ("cluster", 6)])
def test_as_many_run_as_the_way_needs_and_no_node_holds_two(render: Any, way: str, servers: int) -> None:
    sets = {o["metadata"]["name"]: o["spec"] for o in render(f"state/redis/{way}") if o["kind"] == "StatefulSet"}
    assert sets["redis"]["replicas"] == servers
    assert all(found["replicas"] >= 3 for found in sets.values())
    for found in sets.values():
        spread = found["template"]["spec"]["topologySpreadConstraints"]
        assert any(rule["whenUnsatisfiable"] == "DoNotSchedule" for rule in spread)


def test_only_our_own_pods_come_in(render: Any) -> None:
    for way in WAYS:
        [policy] = [o["spec"] for o in render(f"state/redis/{way}") if o["kind"] == "NetworkPolicy"]
        peers = [peer["podSelector"]["matchLabels"] for rule in policy["ingress"] for peer in rule["from"]]
        assert peers == [{"app.kubernetes.io/part-of": "whatsinvoice"}, {"app.kubernetes.io/name": "redis"}]


@contextmanager
def started(script: Path, folder: Path, pod: str, port: int) -> Iterator[None]:
    """As the pod starts it, but for the port and the names, which are the machine's own here."""
    for name in ("data", "secrets", "bin"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "secrets" / "password").write_text("a1" * 16)
    (folder / "secrets" / "sentinel_password").write_text("b2" * 16)
    write_certificate(folder, "tls")
    [libraries] = (FETCHED / "lib").glob("*-linux-gnu")
    real = f"LD_LIBRARY_PATH={libraries} exec {FETCHED}/bin/redis-server"
    own = f"--bind 127.0.0.1 --tls-port {port} --cluster-port {free_port()}"
    (folder / "bin" / "redis-server").write_text(f'#!/bin/sh\n{real} "$@" {own}\n')
    here = "sed -i s/redis-0.redis.state.svc/127.0.0.1/ sentinel.conf"
    (folder / "bin" / "redis-sentinel").write_text(f'#!/bin/sh\n{here}\n{real} "$@" {own} --sentinel\n')
    for program in (folder / "bin").iterdir():
        program.chmod(0o755)
    environment = {
        "PATH": f"{folder / 'bin'}:{os.defpath}",
        "DATA": str(folder / "data"),
        "SECRETS": str(folder / "secrets"),
        "CERTIFICATES": str(folder),
        "POD": pod,
        "NAMESPACE": "state",
        "ADDRESS": "127.0.0.1",
    }
    shell = shutil.which("sh")
    assert shell
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([shell, str(script)], env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(
    ("script", "pod", "password", "section", "says"),
    [
        ("sentinel/server.sh", "redis-0", "a1", "replication", {"role": "master"}),
        ("sentinel/server.sh", "redis-1", "a1", "replication", {"role": "slave"}),
        ("sentinel/sentinel.sh", "sentinel-0", "b2", "sentinel", {"sentinel_masters": 1}),
        ("cluster/server.sh", "redis-0", "a1", "cluster", {"cluster_enabled": 1}),
    ],
)
def test_redis_takes_what_the_script_writes_also_a_second_time(
    root: Path, tmp_path: Path, script: str, pod: str, password: str, section: str, says: dict[str, Any]
) -> None:
    if not HAS_TLS:
        pytest.skip("no Redis with TLS: `make redis` fetches Debian's")
    file, port = root / "deploy" / "kubernetes" / "state" / "redis" / script, free_port()
    for _ in range(2):
        with started(file, tmp_path, pod, port):
            server = Server(tmp_path, tmp_path, password * 16, port=port)
            eventually(lambda: server.asked("PING"), f"{script}; see {tmp_path / 'log'}", 10)  # noqa: B023  (asked at once)
            assert says.items() <= server.info(section).items()
    mode = {found.stat().st_mode & 0o777 for found in (tmp_path / "data").glob("*.conf") if found.name != "nodes.conf"}
    assert mode == {0o600}
