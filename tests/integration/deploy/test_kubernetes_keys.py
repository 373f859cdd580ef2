"""Signing keys on Kubernetes: each pod sees its own, and what changes them may touch nothing else."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from support.api_server import ApiServer, api_server
from whatsinvoice_kit.rotate_secret import main

NAME = "app.kubernetes.io/name"
SECRET = "signing-keys"
OVERLAYS = ("overlays/staging", "overlays/production")


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with api_server(tmp_path, SECRET) as running:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(running.port))
        yield running


def mounted(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
    """By part, the entries of the Secret that its pods see, and as which files."""
    for found in objects:
        if found["kind"] in {"Deployment", "Job"}:
            for volume in found["spec"]["template"]["spec"]["volumes"]:
                if volume.get("secret", {}).get("secretName") == SECRET:
                    items = {item["path"]: item["key"] for item in volume["secret"]["items"]}
                    yield found["metadata"]["labels"][NAME], items


def rotating(objects: list[dict[str, Any]]) -> dict[str, Any]:
    [found] = [found for found in objects if found["kind"] == "CronJob" and found["metadata"]["name"] == "keys-rotate"]
    pod: dict[str, Any] = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("folder", OVERLAYS)
def test_each_pod_sees_its_own_keys_and_the_public_ones(render: Any, folder: str) -> None:
    seen = list(mounted(render(folder)))
    assert len(seen) == 4 * 3 + 1
    for part, files in seen:
        assert files.pop("trusted_keys") == "trusted_keys"
        assert files.pop("service_key") == f"{part}_service_key"
        assert files == ({"signing_keys": "auth_signing_keys"} if part == "auth" else {})


@pytest.mark.parametrize("folder", OVERLAYS)
def test_a_run_makes_every_entry_that_a_pod_mounts(render: Any, folder: str, api: ApiServer) -> None:
    objects = render(folder)
    [container] = rotating(objects)["containers"]
    assert container["command"] == ["python", "-m", "whatsinvoice_kit.rotate_secret"]
    main(container["args"], api.account)
    assert api.data.keys() == {key for _, files in mounted(objects) for key in files.values()}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_f30_the_job_reaches_private_addresses_alone(render: Any, folder: str) -> None:
    [policy] = [one for one in render(folder) if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "keys"]
    spec = policy["spec"]
    assert spec["podSelector"]["matchLabels"][NAME] == "keys"
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in spec
    for rule in spec["egress"]:
        assert {port["port"] for port in rule["ports"]} == {443, 6443}
        assert all(ip_network(peer["ipBlock"]["cidr"]).is_private for peer in rule["to"])


@pytest.mark.parametrize("folder", OVERLAYS)
def test_who_changes_them_may_do_nothing_else(render: Any, folder: str) -> None:
    objects = {(found["kind"], found["metadata"]["name"]): found for found in render(folder)}
    assert objects["Role", "keys"]["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [SECRET], "verbs": ["get", "update"]}
    ]
    [bound] = objects["RoleBinding", "keys"]["subjects"]
    assert bound["name"] == rotating(list(objects.values()))["serviceAccountName"] == "keys"
    assert [key for key in objects if key[0] in {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}] == [
        ("Role", "keys"),
        ("RoleBinding", "keys"),
    ]
    assert "data" not in objects["Secret", SECRET]
