"""The commands of the runbooks, as they stand there, by the real kubectl against a stand-in for a cluster."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cluster import Cluster, cluster

NAMESPACE = "whatsinvoice-production"
COMMAND = re.compile(r"`((?:kubectl|KUBE_EDITOR=)[^`]+)`")
Shell = Callable[[str], str]


@pytest.fixture
def standing(render: Any) -> Iterator[Cluster]:
    """A cluster that is empty."""
    kinds = {(found["apiVersion"], found["kind"]) for found in render("overlays/production")}
    with cluster(kinds) as made:
        yield made


@pytest.fixture
def shell(standing: Cluster, kubectl: str, root: Path, tmp_path: Path) -> Shell:
    """A command -> what it says; run where the repository's `deploy` is, and kubectl knows the cluster."""
    (tmp_path / "deploy").symlink_to(root / "deploy")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": standing.url}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "nobody"}}],
        "current-context": "here",
        "users": [{"name": "nobody", "user": {}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    path = f"{Path(kubectl).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "config"), "NS": NAMESPACE}

    def run(command: str) -> str:
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        fine = (0, 1) if command.startswith("kubectl diff") else (0,)
        assert done.returncode in fine, f"{command}\n{done.stdout}{done.stderr}"
        assert "rror" not in done.stderr, f"{command}\n{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="module")
def said(root: Path) -> dict[str, list[str]]:
    """Runbook, and what a paragraph of it is about -> its commands."""
    found = {}
    for name in ("deploy", "roll-back", "scale-out"):
        parts = re.split(r"^\*\*([\w ]+)", (root / "docs" / "runbooks" / f"{name}.md").read_text(), flags=re.MULTILINE)
        for about, text in zip(["", *parts[1::2]], parts[::2], strict=True):
            found[f"{name}: {about}".strip(": ")] = COMMAND.findall(text)
    return found


def tags(standing: Cluster, kind: str) -> set[str]:
    """The versions of what runs; firewall, collector and the run that made the keys apart."""
    images = [
        found["spec"]["template"]["spec"]["containers"][0]["image"]
        for (of, _, name), found in standing.objects.items()
        if of == kind and name != "keys-first"
    ]
    return {image.partition(":")[2] for image in images if image.startswith("whatsinvoice/")}


@pytest.fixture
def steps(said: dict[str, list[str]]) -> list[str]:
    """Of a release, without the look at a log."""
    return [command for command in said["deploy: Kubernetes"] if " logs " not in command]


def another(release: Path) -> None:
    """The next version, with settings of its own: their name is another."""
    text = release.read_text().replace(":0.1.0", ":0.2.0").replace("-settings-", "-settings-of-another-")
    assert ":0.2.0" in text
    release.write_text(text)


def test_a_first_release_and_the_next_one_go_through(
    standing: Cluster, shell: Shell, said: dict[str, list[str]], steps: list[str], render: Any, tmp_path: Path
) -> None:
    make, *others = steps
    rolls = next(n for n, command in enumerate(others) if command == "kubectl apply -f release.yaml")
    migrates = next(n for n, command in enumerate(others) if "=migrate" in command and " apply " in command)
    namespace, *keys = said["deploy: First install"]
    for command in (namespace, make, *others[:migrates], *keys, *others[migrates:]):
        shell(command)
    assert ("Job", NAMESPACE, "keys-first") in standing.objects
    assert standing.early == [], "made before what their pods need"
    assert standing.objects.keys() >= {
        (found["kind"], found["metadata"].get("namespace", ""), found["metadata"]["name"])
        for found in render("overlays/production")
    }
    another(tmp_path / "release.yaml")
    for command in others[:rolls]:
        shell(command)
    assert (tags(standing, "Job"), tags(standing, "Deployment")) == ({"0.2.0"}, {"0.1.0"}), "migrate, then roll"
    for command in others[rolls:]:
        shell(command)
    assert standing.early == []
    assert tags(standing, "Deployment") == {"0.2.0"}
    [back, apply] = [c for c in said["roll-back"] if "release.yaml" in c]
    shell(back)
    shell(apply)
    assert (tags(standing, "Job"), tags(standing, "Deployment")) == ({"0.2.0"}, {"0.1.0"}), "schemas do not go back"


def test_the_autoscalers_numbers_outlive_a_release(
    standing: Cluster, shell: Shell, said: dict[str, list[str]], steps: list[str], tmp_path: Path
) -> None:
    make, *_ = steps
    shell(said["deploy: First install"][0])
    shell(make)
    release = tmp_path / "release.yaml"
    release.write_text(
        release.read_text().replace("  revisionHistoryLimit: 5", "  replicas: 2\n  revisionHistoryLimit: 5")
    )
    shell("kubectl apply -f release.yaml")
    busy = standing.objects["Deployment", NAMESPACE, "invoices-api"]["spec"]
    assert busy["replicas"] == 2
    busy["replicas"] = 7
    shell(*said["deploy: Once"])
    shell(make)
    shell("kubectl apply -f release.yaml")
    assert standing.objects["Deployment", NAMESPACE, "invoices-api"]["spec"]["replicas"] == 7
    [more] = [command for command in said["scale-out"] if "patch" in command]
    shell(more)
    assert standing.objects["HorizontalPodAutoscaler", NAMESPACE, "invoices-api"]["spec"]["minReplicas"] == 6


def test_compose_goes_back_without_migrations(root: Path, services: dict[str, str]) -> None:
    """Those of the release before do not know the schema of the one that is left, and would hold everybody up."""
    text = (root / "docs" / "runbooks" / "roll-back.md").read_text()
    [named] = re.findall(r"docker compose up -d --wait --no-deps ([a-z -]+)`", text)
    ours = re.compile(r"image: whatsinvoice/(?:auth|invoices|payments|notifications|gateway):")
    processes = {name for name, lines in services.items() if ours.search(lines) and "<<: *service" in lines}
    workers = {f"{name}-worker" for name in processes if f"{name}-worker" in services}
    assert set(named.split()) == processes | workers
