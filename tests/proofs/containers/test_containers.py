"""Images and the compose stack, really built and run: in this order, since each test stands on the one before."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from support.containers import PROJECT, TAG, Compose, run

BASE = "python:3.11-slim-bookworm"
PARTS = ("auth", "invoices", "payments", "notifications", "gateway", "sandbox", "backup")
LOOK = """
import importlib.metadata as metadata, importlib.util as find, json, pathlib
bom = json.loads(pathlib.Path("/opt/venv/sbom.cdx.json").read_text())
print(json.dumps({
    "holds": [name for name in NAMES if find.find_spec(name)],
    "listed": sorted(f"{item['name']}=={item['version']}".lower() for item in bom["components"]),
    "installed": sorted(f"{item.name}=={item.version}".lower() for item in metadata.distributions(path=PATH)),
}))
"""
TOOLS = ("pytest", "mypy", "grpc_tools", "hatchling", "uv")


def build(root: Path, part: str, tag: str, *options: str) -> None:
    network = os.environ.get("BUILD_NETWORK", "default")
    command = ["docker", "build", "--quiet", "--network", network, "--file", "deploy/Dockerfile", *options]
    run(*command, "--build-arg", f"SERVICE={part}", "--tag", f"whatsinvoice/{part}:{tag}", ".", cwd=root)


def layers(image: str) -> list[str]:
    found: list[str] = json.loads(run("docker", "image", "inspect", image, "--format", "{{json .RootFS.Layers}}"))
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", PARTS)
def test_an_image_holds_its_service_and_a_list_of_what_is_in_it(
    root: Path, part: str, figure: Callable[[str], None]
) -> None:
    started = time.monotonic()
    build(root, part, TAG)
    seconds = time.monotonic() - started
    image = f"whatsinvoice/{part}:{TAG}"
    names = [f"whatsinvoice_{name}" for name in PARTS] + list(TOOLS)
    code = f"NAMES = {names}; PATH = ['/opt/venv/lib/python3.11/site-packages']\n{LOOK}"
    found = json.loads(run("docker", "run", "--rm", "--read-only", "--entrypoint", "python", image, "-c", code))
    assert found["holds"] == [f"whatsinvoice_{part}"]
    assert found["listed"] == found["installed"]
    sizes = [int(run("docker", "image", "inspect", name, "--format", "{{.Size}}")) for name in (image, BASE)]
    figure(f"{part}: {sizes[0] / 1e6:.0f} MB, of which {sizes[1] / 1e6:.0f} MB are the base; built in {seconds:.0f} s")


@pytest.mark.timeout(600)
def test_a_second_build_makes_the_same_layers(root: Path) -> None:
    build(root, "auth", f"{TAG}-again", "--no-cache")
    assert layers(f"whatsinvoice/auth:{TAG}-again") == layers(f"whatsinvoice/auth:{TAG}")
    run("docker", "image", "rm", f"whatsinvoice/auth:{TAG}-again")


@pytest.mark.timeout(600)
def test_the_firewall_builds(root: Path, figure: Callable[[str], None]) -> None:
    network = os.environ.get("BUILD_NETWORK", "default")
    run("docker", "build", "--quiet", "--network", network, "--tag", f"whatsinvoice/waf:{TAG}", "deploy/waf", cwd=root)
    size = int(run("docker", "image", "inspect", f"whatsinvoice/waf:{TAG}", "--format", "{{.Size}}"))
    figure(f"waf: {size / 1e6:.0f} MB")


@pytest.mark.timeout(600)
def test_everything_comes_up_healthy(compose: Compose, figure: Callable[[str], None]) -> None:
    started = time.monotonic()
    compose("up", "--detach", "--wait", "--no-build")
    figure(f"healthy {time.monotonic() - started:.1f} s after `up --wait`")
    for container in compose.containers():
        state = container["State"]
        done = state["Status"] == "exited" and state["ExitCode"] == 0
        assert done or state.get("Health", {}).get("Status", "healthy") == "healthy", container["Name"]


def test_no_container_is_root_or_can_write_its_root(compose: Compose, figure: Callable[[str], None]) -> None:
    containers = compose.containers()
    for container in containers:
        name, host = container["Name"], container["HostConfig"]
        assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", container["Config"]["User"]), (
            f"{name}: {container['Config']['User']}"
        )
        assert host["ReadonlyRootfs"], name
        assert not host["Privileged"], name
        assert (host["CapDrop"], host["CapAdd"] or []) == (["ALL"], []), name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
    running = [container["Name"] for container in containers if container["State"]["Running"]]
    for name in running:
        accounts = run("docker", "top", name, "-o", "uid,pid").splitlines()[1:]
        assert accounts
        assert all(int(line.split()[0]) > 0 for line in accounts), name
        write = ["docker", "exec", name, "sh", "-c", "echo > /etc/here || echo > /here"]
        refused = subprocess.run(write, capture_output=True, text=True, check=False)
        assert refused.returncode != 0, name
        assert "Read-only file system" in refused.stderr, name
    figure(f"{len(containers)} containers, {len(running)} running: none is root, none can write its root")


def test_the_smoke_test_passes_over_tls(compose: Compose, root: Path, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(compose("exec", "-T", "caddy", "cat", "/tmp/caddy/pki/authorities/local/root.crt"))  # noqa: S108  (in it)
    environment = os.environ | {
        "SMOKE_BASE_URL": compose.environment["PUBLIC_BASE_URL"],
        "SMOKE_CA_FILE": str(authority),
        "SMOKE_DAYS_LEFT": "0.1",
        "SMOKE_SANDBOX_URL": f"http://127.0.0.1:{compose.environment['SANDBOX_PORT']}",
    }
    said = run(sys.executable, "-m", "pytest", "-q", "-rs", "tests/test_smoke.py", cwd=root, env=environment)
    assert re.search(r"^8 passed, 1 skipped", said, re.MULTILINE), said  # no smoke account on a new stack


def test_the_firewall_stands_before_the_gateway(compose: Compose) -> None:
    attack = f"{compose.environment['PUBLIC_BASE_URL']}/v1/invoices?q=%3Cscript%3Ealert(1)%3C/script%3E"
    answer = httpx.get(attack, verify=False, trust_env=False)  # noqa: S501  (the test before this one looks at TLS)
    assert (answer.status_code, answer.json()["code"]) == (403, "REQUEST_REFUSED")


def test_prometheus_sees_every_process(compose: Compose) -> None:
    query = "wget -q -O - 'http://127.0.0.1:9090/api/v1/query?query=up'"
    deadline = time.monotonic() + 60
    while True:
        found = json.loads(compose("exec", "-T", "prometheus", "sh", "-c", query))["data"]["result"]
        up = {(item["metric"]["job"], item["metric"]["instance"]): item["value"][1] for item in found}
        if len(up) >= 11 and set(up.values()) == {"1"}:  # the gateway, four services twice, it itself and Alertmanager
            return
        assert time.monotonic() < deadline, up
        time.sleep(2)


@pytest.mark.timeout(300)
def test_a_backup_is_made_and_brought_back(compose: Compose, figure: Callable[[str], None]) -> None:
    """By who can open nothing, of the stack as it stands; then into an empty place, by who can."""
    once = ("run", "--rm", "-T")
    said = compose(*once, "backup-save").strip().splitlines()[-1]
    figure(f"saved: {said}")
    name = said.split()[0]
    assert name in compose(*once, "backup-save", "list")
    assert compose(*once, "backup-save", "verify", name).strip().endswith(f"{name} is whole")
    writing = ("gateway", *(f"{part}{half}" for part in PARTS[:4] for half in ("", "-worker")))
    compose("stop", *writing)
    compose("exec", "-T", "postgres", "psql", "-U", "postgres", "-qc", "DROP DATABASE whatsinvoice WITH (FORCE)")
    place = ("-e", "S3_BUCKET=whatsinvoice-restored")
    compose(*once, *place, "provision")
    said = compose(*once, *place, "backup-restore", "restore", name)
    assert f"{name} is restored, and equal to what was saved" in said


def test_nothing_is_left_after_down(compose: Compose, figure: Callable[[str], None]) -> None:
    assert compose.left()
    started = time.monotonic()
    compose("down", "--volumes")
    figure(f"{PROJECT} is down after {time.monotonic() - started:.1f} s")
    assert compose.left() == []
