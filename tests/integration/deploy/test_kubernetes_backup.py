"""What is applied by hand, once or in need, `provision` and `restore`: valid, hardened, and given what they need."""

import secrets
from pathlib import Path
from typing import Any

import pyrage
import pytest
from support.backing import S3
from whatsinvoice_backup.__main__ import _parser as parser
from whatsinvoice_backup.provisioning import ProvisionSettings
from whatsinvoice_backup.settings import SERVICES, Settings
from whatsinvoice_kit.data.provision import BACKUP_ROLE, owner_of, role_of
from whatsinvoice_kit.storage import ObjectStore

FOLDERS: dict[str, Any] = {"provision": ProvisionSettings, "restore": Settings}
MOUNTED = "/run/secrets/whatsinvoice/"


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    [found] = [found for found in objects if found["kind"] == kind]
    return found


def pod(objects: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = one(objects, "Job")["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_rendered_is_valid(render: Any, folder: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for found in render(folder):
        if found["kind"] != "ExternalSecret":
            kubernetes_validate.validate(found, "1.33", strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_its_pod_is_hardened(render: Any, folder: str) -> None:
    found = pod(render(folder))
    [container] = found["containers"]
    account = {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001}
    assert found["securityContext"] == account | {"seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert found["automountServiceAccountToken"] is False
    assert found["serviceAccountName"] == one(render(folder), "ServiceAccount")["metadata"]["name"]
    assert container["resources"].keys() == {"requests", "limits"}
    assert container["image"].partition(":")[0] == "whatsinvoice/backup"
    assert container["image"].partition(":")[2] not in ("", "latest")
    assert not any("hostPath" in volume for volume in found["volumes"])
    assert not found.keys() & {"hostNetwork", "hostPID", "hostIPC"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_it_reaches_postgres_the_buckets_and_nothing_else(render: Any, folder: str) -> None:
    policies = [found for found in render(folder) if found["kind"] == "NetworkPolicy"]
    labels = one(render(folder), "Job")["spec"]["template"]["metadata"]["labels"]
    for policy in policies:
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
        assert not policy["spec"].get("ingress")
    [closed] = [policy["spec"] for policy in policies if not policy["spec"].get("egress")]
    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    reached = {
        port["port"]: rule["to"]
        for policy in policies
        for rule in policy["spec"].get("egress", ())
        for port in rule["ports"]
    }
    assert reached.keys() == {53, 443, 5432}
    assert reached[5432] == [{"namespaceSelector": {"matchLabels": {"whatsinvoice/state": "true"}}}]
    assert reached[443] == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]


@pytest.fixture
def strong(s3: S3) -> dict[str, str]:
    """Values as production wants them, by the names of their files."""
    identity = pyrage.x25519.Identity.generate()
    found = {
        "admin_database_url": "postgresql://postgres:{}@postgres.state:5432/postgres",
        "database_url": "postgresql://postgres:{}@postgres.state:5432/whatsinvoice",
        "backup_database_url": f"postgresql://{BACKUP_ROLE}:{{}}@postgres.state:5432/whatsinvoice",
        "identities": str(identity),
        "recipients": str(identity.to_public()),
        "manifest_keys": "{}",
    }
    for service in SERVICES:
        for name, role in (("database", role_of(service)), ("migration", owner_of(service))):
            found[f"{service}_{name}_url"] = f"postgresql://{role}:{{}}@postgres.state:5432/whatsinvoice"
    for kind in ("s3", "target"):
        found |= {f"{kind}_access_key": s3.access_key, f"{kind}_secret_key": s3.secret_key}
    return {name: text.format(secrets.token_hex(24)) for name, text in found.items()}


@pytest.mark.parametrize("folder", FOLDERS)
def test_production_would_run_with_these_settings(
    render: Any, folder: str, strong: dict[str, str], s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`load` names every missing and unsafe value, and exits with 78."""
    objects, kind = render(folder), FOLDERS[folder]
    given = dict(one(objects, "ConfigMap")["data"])
    if folder == "restore":
        assert (given.pop("RESTORE_NAME"), given.pop("RESTORE_ONLY")) == ("", "all")
    for name, text in given.items():
        field = name.removesuffix("_FILE").removeprefix("BACKUP_").lower()
        assert field in kind.model_fields or name.removesuffix("_FILE").lower() in kind.model_fields, name
        if text.startswith(MOUNTED):
            file = tmp_path / text.removeprefix(MOUNTED)
            file.write_text(strong[file.name])
            monkeypatch.setenv(name, str(file))
        else:
            monkeypatch.setenv(name, text)
    target = f"k8s-{secrets.token_hex(4)}"
    access = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    store = ObjectStore(endpoint=s3.endpoint, region="us-east-1", bucket=target, **access)
    store.ensure_bucket()
    store.close()
    prefix = "BACKUP_" if folder == "restore" else ""
    monkeypatch.setenv(f"{prefix}TARGET_ENDPOINT", s3.endpoint)
    monkeypatch.setenv(f"{prefix}TARGET_BUCKET", target)
    settings = kind.load()
    assert settings.app_env == "prod"
    empty = {
        name for name in kind.model_fields if name.endswith(("_url", "_key", "_bucket")) and not _text(settings, name)
    }
    assert empty == {"service_key"}


def _text(settings: Any, name: str) -> str:
    value = getattr(settings, name)
    return str(getattr(value, "get_secret_value", lambda: value)())


def test_roles_get_the_passwords_that_the_services_come_with(render: Any) -> None:
    """An address that stood in two places would one day differ."""
    spec = one(render("provision"), "ExternalSecret")["spec"]
    taken = {found["secretKey"]: tuple(found["remoteRef"].values()) for found in spec["data"]}
    wanted = {f"{service}_database_url": (f"whatsinvoice/{service}", "database_url") for service in SERVICES}
    wanted |= {f"{service}_migration_url": (f"whatsinvoice/{service}-owner", "database_url") for service in SERVICES}
    assert taken == wanted | {"backup_database_url": ("whatsinvoice/backup", "database_url")}
    for service in SERVICES:
        keys = [
            [source["extract"]["key"] for source in found["spec"]["dataFrom"]]
            for found in render(f"services/{service}")
            if found["kind"] == "ExternalSecret"
        ]
        assert sorted(keys) == [[f"whatsinvoice/{service}"], [f"whatsinvoice/{service}-owner"]]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_secret_that_is_made_is_the_one_that_is_mounted(render: Any, folder: str) -> None:
    found = pod(render(folder))
    mounted = [volume["secret"]["secretName"] for volume in found["volumes"] if "secret" in volume]
    assert mounted == [one(render(folder), "ExternalSecret")["metadata"]["name"]]
    assert {"name": "secrets", "mountPath": MOUNTED.rstrip("/"), "readOnly": True} in found["containers"][0][
        "volumeMounts"
    ]


def test_the_backup_to_restore_is_named_by_one_line_and_is_else_the_newest(render: Any) -> None:
    [container] = pod(render("restore"))["containers"]
    assert container["args"] == ["restore", "--only=$(RESTORE_ONLY)", "$(RESTORE_NAME)"]
    given = parser().parse_args(["restore", "--only=all", ""])
    assert (given.name, given.only) == ("", parser().parse_args(["restore"]).only)
    assert one(render("restore"), "Job")["spec"]["backoffLimit"] == 0


def test_no_overlay_holds_what_opens_or_administers(render: Any) -> None:
    """They are applied by hand, and deleted with their secrets."""
    for overlay in ("overlays/staging", "overlays/production"):
        names = {found["metadata"]["name"] for found in render(overlay)}
        assert not any(name.startswith(("provision-", "restore-")) for name in names)


@pytest.mark.parametrize("bucket", ["S3", "TARGET"])
def test_each_bucket_has_its_region(render: Any, bucket: str) -> None:
    regions = {
        folder: next(
            found["data"].get(f"BACKUP_{bucket}_REGION") or found["data"].get(f"{bucket}_REGION")
            for found in render(folder)
            if found["kind"] == "ConfigMap"
        )
        for folder in ("backup", "provision", "restore")
    }
    assert len(set(regions.values())) == 1
    assert all(regions.values())
