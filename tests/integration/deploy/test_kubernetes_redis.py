"""Redis on Kubernetes, by Sentinels and as a cluster: manifests hold, and Redis takes what the start scripts write."""

import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.certificates import write_certificate
from support.redis_server import FETCHED, HAS_TLS, Server, eventually
from support.redis_servers import running
from support.root import ROOT
from whatsinvoice_kit.events.acl import GATEWAY, SERVICES, rules_of
from whatsinvoice_local.backing.ports import free_port

WAYS = ("sentinel", "cluster")
SCRIPTS = Path("deploy", "kubernetes", "state", "redis")
NEEDS_TLS = pytest.mark.skipif(not HAS_TLS, reason="no Redis with TLS: `make redis` fetches Debian's")
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
    for pod, container in [(each, container) for each in pods for container in each["containers"]]:
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


@pytest.mark.parametrize("way", WAYS)
def test_a_rewrite_of_the_file_fits_beside_what_redis_may_hold(render: Any, way: str) -> None:
    sets = {o["metadata"]["name"]: o["spec"] for o in render(f"state/redis/{way}") if o["kind"] == "StatefulSet"}
    server = sets["redis"]["template"]["spec"]["containers"][0]
    [held] = [int(given["value"].removesuffix("mb")) for given in server["env"] if given["name"] == "MAXMEMORY"]
    assert server["resources"]["limits"]["memory"] == "2Gi"
    assert held * 1.5 < 2_048


@contextmanager
def ran(script: Path, environment: dict[str, str], log: Path) -> Iterator[None]:
    """Until the end of the block, with all that it has started."""
    shell = shutil.which("sh")
    assert shell
    with log.open("ab") as out:
        process = subprocess.Popen(
            [shell, str(script)], env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def put(folder: Path, name: str, program: str, *, before: str = "", after: str = "") -> None:
    """Puts Debian's Redis, or its client, behind a name that the scripts call."""
    [libraries] = (FETCHED / "lib").glob("*-linux-gnu")
    (folder / "bin").mkdir(exist_ok=True)
    command = f'LD_LIBRARY_PATH={libraries} exec {FETCHED}/bin/{program} "$@" {after}'
    (folder / "bin" / name).write_text(f"#!/bin/sh\n{before}\n{command}\n")
    (folder / "bin" / name).chmod(0o755)


def environment_of(folder: Path, port: int, **further: str) -> dict[str, str]:
    """Of a script: passwords, certificates and programs in the folder."""
    for name in ("data", "secrets"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "secrets" / "password").write_text("a1" * 16)
    (folder / "secrets" / "sentinel_password").write_text("b2" * 16)
    for user in (*SERVICES, GATEWAY):
        (folder / "secrets" / user).write_text(user * 4)
    if not (folder / "tls.crt").exists():
        write_certificate(folder, "tls")
    put(folder, "redis-cli", "redis-cli")
    return {
        "PATH": f"{folder / 'bin'}:{os.defpath}",
        "DATA": str(folder / "data"),
        "SECRETS": str(folder / "secrets"),
        "RULES": str(ROOT / SCRIPTS / "base" / "users.rules"),
        "CERTIFICATES": str(folder),
        "NAMESPACE": "state",
        "ADDRESS": "127.0.0.1",
        "MAXMEMORY": "64mb",
        "PORT": str(port),
        **further,
    }


@contextmanager
def started(script: Path, folder: Path, pod: str, port: int) -> Iterator[None]:
    """As the pod starts it, but for the port and the names, which are the machine's own here."""
    environment = environment_of(folder, port, POD=pod)
    own = f"--bind 127.0.0.1 --tls-port {port} --cluster-port {free_port()}"
    put(folder, "redis-server", "redis-server", after=own)
    here = "sed -i s/redis-0.redis.state.svc/127.0.0.1/ sentinel.conf"
    put(folder, "redis-sentinel", "redis-server", before=here, after=f"{own} --sentinel")
    with ran(script, environment, folder / "log"):
        yield


@NEEDS_TLS
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
    file, port = root / SCRIPTS / script, free_port()
    for _ in range(2):
        with started(file, tmp_path, pod, port):
            server = Server(tmp_path, tmp_path, password * 16, port=port)
            eventually(lambda: server.asked("PING"), f"{script}; see {tmp_path / 'log'}", 10)  # noqa: B023  (asked at once)
            assert says.items() <= server.info(section).items()
    mode = {found.stat().st_mode & 0o777 for found in (tmp_path / "data").glob("*.conf") if found.name != "nodes.conf"}
    assert mode == {0o600}


@NEEDS_TLS
def test_a_renewed_certificate_is_taken_into_use_without_a_restart(root: Path, tmp_path: Path) -> None:
    port = free_port()
    environment = environment_of(tmp_path, port, EVERY="0.2")
    with (
        started(root / SCRIPTS / "sentinel" / "server.sh", tmp_path, "redis-0", port),
        ran(root / SCRIPTS / "base" / "attend.sh", environment, tmp_path / "attend.log"),
    ):
        server = Server(tmp_path, tmp_path, "a1" * 16, port=port)
        eventually(lambda: server.asked("PING"), "the server", 10)
        before = served_by(port)
        (tmp_path / "tls.key").unlink()
        write_certificate(tmp_path, "tls")
        eventually(lambda: served_by(port) != before, f"the new one; see {tmp_path / 'attend.log'}", 10)
        assert served_by(port) == ssl.PEM_cert_to_DER_cert((tmp_path / "tls.crt").read_text())


def served_by(port: int) -> bytes:
    """The certificate with which a server on this machine answers now."""
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))


@NEEDS_TLS
def test_a_sentinel_whose_certificate_was_renewed_is_to_be_started_anew(root: Path, tmp_path: Path) -> None:
    port = free_port()
    environment = environment_of(tmp_path, port)

    def alive() -> bool:
        script = root / SCRIPTS / "sentinel" / "alive.sh"
        return subprocess.run(["/bin/sh", script], env=environment, capture_output=True, check=False).returncode == 0

    with started(root / SCRIPTS / "sentinel" / "sentinel.sh", tmp_path, "sentinel-0", port):
        eventually(alive, f"the Sentinel; see {tmp_path / 'log'}", 10)
        (tmp_path / "tls.key").unlink()
        write_certificate(tmp_path, "tls")
        assert not alive()
    with started(root / SCRIPTS / "sentinel" / "sentinel.sh", tmp_path, "sentinel-0", port):
        eventually(alive, f"the Sentinel again; see {tmp_path / 'log'}", 10)


@NEEDS_TLS
def test_a_cluster_whose_servers_all_came_back_elsewhere_finds_itself_again(root: Path, tmp_path: Path) -> None:
    """As when every pod of it is started at once and has another address."""
    with running("cluster", tmp_path / "redis") as redises, ExitStack() as attended:
        redises.servers[0].asked("CLUSTER", "KEYSLOT", "kept")
        with redises.master_of("kept").client() as client:
            client.set("kept", "through it")
        for server in redises.servers:
            server.kill()
        peers = []
        for server in redises.servers:
            file = server.folder / "redis.conf"
            text = file.read_text()
            [bus] = [line.split()[1] for line in text.splitlines() if line.startswith("cluster-port")]
            here, new_bus = free_port(), free_port()
            text = text.replace(f"tls-port {server.port}", f"tls-port {here}").replace(
                f"cluster-port {bus}", f"cluster-port {new_bus}"
            )
            file.write_text(text)
            server.port = here
            peers.append(f"127.0.0.1:{here}@{new_bus}")
            server.start()
        for server in redises.servers:
            eventually(lambda: server.asked("CLUSTER INFO")["cluster_state"] == "fail", "nobody finds anybody", 20)  # noqa: B023  (asked at once)
        for server in redises.servers:
            environment = environment_of(server.folder, server.port, PEERS=" ".join(peers), EVERY="0.5")
            environment["CERTIFICATES"] = str(tmp_path / "redis")
            (server.folder / "secrets" / "password").write_text(redises.password)
            attended.enter_context(
                ran(root / SCRIPTS / "base" / "attend.sh", environment, server.folder / "attend.log")
            )
        for server in redises.servers:
            eventually(lambda: server.asked("CLUSTER INFO")["cluster_state"] == "ok", f"see {server.folder}", 20)  # noqa: B023  (asked at once)
        with redises.master_of("kept").client() as client:
            assert client.get("kept") == "through it"


def test_f05_the_rules_of_its_users_are_those_of_the_kit(root: Path) -> None:
    lines = (root / SCRIPTS / "base" / "users.rules").read_text().splitlines()
    assert lines == [f"{user} {rules_of(user)}" for user in (*SERVICES, GATEWAY)], "make rules"
