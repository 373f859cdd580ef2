"""The compose files: accepted by compose, whole, hardened, and closed to everyone but this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = {
    "the whole": ("docker-compose.yaml",),
    "from its folder": ("deploy/docker-compose.yaml",),
    "with SeaweedFS": ("docker-compose.yaml", "deploy/compose.seaweedfs.yaml"),
    "with the firewall": ("docker-compose.yaml", "deploy/compose.waf.yaml"),
    "with a real name": ("docker-compose.yaml", "deploy/compose.public.yaml"),
}
PUBLIC = {
    "ACME_EMAIL": "ops@pay.example",
    "PUBLIC_BASE_URL": "https://pay.example",
    "WHATSAPP_BUSINESS_ACCOUNT_ID": "102290129340398",
}
"""What a real name cannot do without."""
COMPOSE = Path(sys.prefix) / "bin" / "docker-compose"
"""Compose by itself: reading files needs no engine."""
HARDENED = re.compile(r"^    <<: \*(?:hardened|(?:\w+-)?service|once)$", re.MULTILINE)


@pytest.fixture
def checkout(root: Path, tmp_path: Path, make_secrets: Callable[[Path], None]) -> Path:
    """The compose files in a folder of their own, with secrets."""
    (tmp_path / "deploy").mkdir()
    for name in {name for names in FILES.values() for name in names}:
        shutil.copy(root / name, tmp_path / name)
    make_secrets(tmp_path / ".run" / "secrets")
    return tmp_path


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
@pytest.mark.parametrize("profile", ["", "sandbox", "grafana", "backup", "by-hand"])
def test_compose_accepts_the_files(checkout: Path, files: tuple[str, ...], profile: str) -> None:
    options = [f"--file={name}" for name in files] + ([f"--profile={profile}"] if profile else [])
    command = [str(COMPOSE), *options, "config", "-q"]
    given = {**os.environ, **PUBLIC}
    result = subprocess.run(command, cwd=checkout, env=given, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_an_image_of_ours_is_built_wherever_it_is_used(checkout: Path, files: tuple[str, ...]) -> None:
    """No registry has it: without the way to build it a first `up` asks one, and ends there."""
    command = [str(COMPOSE), *(f"--file={name}" for name in files), "--profile=*", "config", "--format", "json"]
    given = {**os.environ, **PUBLIC}
    found = json.loads(subprocess.run(command, cwd=checkout, env=given, capture_output=True, check=True).stdout)
    ours = {name: of for name, of in found["services"].items() if of["image"].startswith("whatsinvoice/")}
    assert len(ours) > 10
    assert [name for name, of in ours.items() if "build" not in of] == []


def test_a_real_name_needs_somebody_to_write_to_and_alone_leaves_this_machine(checkout: Path) -> None:
    command = [str(COMPOSE), *(f"--file={name}" for name in FILES["with a real name"]), "config", "--format", "json"]
    given = {key: value for key, value in os.environ.items() if key not in PUBLIC}
    for name in PUBLIC:
        without = given | {key: value for key, value in PUBLIC.items() if key != name}
        refused = subprocess.run(command, cwd=checkout, env=without, capture_output=True, text=True, check=False)
        assert name in refused.stderr
    given |= PUBLIC
    found = json.loads(subprocess.run(command, cwd=checkout, env=given, capture_output=True, check=True).stdout)
    ports = {name: service.get("ports", []) for name, service in found["services"].items()}
    assert [(port["published"], port["target"]) for port in ports.pop("caddy")] == [("80", 8081), ("443", 8443)]
    assert {port["host_ip"] for published in ports.values() for port in published} == {"127.0.0.1"}
    assert found["services"]["caddy"]["environment"]["TLS"] == "ops@pay.example"


def test_f30_with_a_real_name_every_process_of_ours_runs_as_production(checkout: Path) -> None:
    files = [f"--file={name}" for name in FILES["with a real name"]]
    command = [str(COMPOSE), *files, "--profile=backup", "--profile=by-hand", "config", "--format", "json"]
    given = {key: value for key, value in os.environ.items() if not key.startswith(("PAYSTACK_", "WHATSAPP_"))} | PUBLIC
    found = json.loads(subprocess.run(command, cwd=checkout, env=given, capture_output=True, check=True).stdout)
    told = {name: of.get("environment") or {} for name, of in found["services"].items()}
    ours = {name: values for name, values in told.items() if "APP_ENV" in values}
    assert len(ours) == 4 * 3 + 1 + 3
    assert {values["APP_ENV"] for values in ours.values()} == {"prod"}
    assert not [value for values in ours.values() for value in values.values() if "sandbox" in str(value)]
    assert {values.get("PUBLIC_BASE_URL") for values in ours.values()} == {"https://pay.example"}


def test_every_service_is_there_with_its_migration(root: Path, services: dict[str, str]) -> None:
    folders = {path.name for path in (root / "services").iterdir() if path.is_dir()}
    assert folders
    for name in folders:
        assert f"migrate-{name}: {{condition: service_completed_successfully}}" in services[name]
        assert 'command: ["migrate"]' in services[f"migrate-{name}"]
        assert 'command: ["--only=api"]' in services[name]
        assert 'command: ["--only=worker"]' in services[f"{name}-worker"]
    assert {"gateway", "sandbox", "postgres", "redis", "s3", "provision"} <= set(services)


def test_everything_is_hardened(compose: str, services: dict[str, str]) -> None:
    hardened = compose.partition("&hardened")[2].partition("\n\n")[0]
    for setting in ("read_only: true", "cap_drop: [ALL]", 'security_opt: ["no-new-privileges:true"]'):
        assert setting in hardened
    for name, lines in services.items():
        assert HARDENED.search(lines), name
        assert not re.search(r"privileged:|cap_add:|read_only: false|cap_drop: \[\]", lines), name
        ours = "image: whatsinvoice/" in lines or name.endswith("-worker")
        assert ours != bool(re.search(r'^    user: "[1-9]\d*:\d+"$', lines, re.MULTILINE)), f"{name}: whose account?"


def test_ports_are_of_this_machine_alone(services: dict[str, str]) -> None:
    ports = {name: re.findall(r"^    ports: (.*)$", lines, re.MULTILINE) for name, lines in services.items()}
    published = {name: found for name, found in ports.items() if found}
    assert set(published) == {"gateway", "sandbox", "caddy", "prometheus", "alertmanager", "grafana"}
    assert all(re.fullmatch(r'\["127\.0\.0\.1:[^"]+"\]', line) for found in published.values() for line in found)


def test_who_has_no_business_with_a_store_does_not_reach_it(services: dict[str, str]) -> None:
    networks = {name: re.findall(r"^    networks: \[(.*)\]$", lines, re.MULTILINE) for name, lines in services.items()}
    assert networks["postgres"] == ["data"]
    assert networks["redis"] == ["bus"]
    assert networks["s3"] == ["objects"]
    assert networks["gateway"] == ["bus, default"]
    of_backups = {"backup-bucket", "backup-watch", "backup-save", "backup-restore"}
    assert {name for name, found in networks.items() if "objects" in str(found)} == {
        "s3",
        "provision",
        "invoices",
        *of_backups,
    }


def test_images_of_others_have_a_tag_and_it_is_not_latest(root: Path, compose: str) -> None:
    text = compose + (root / "deploy" / "compose.seaweedfs.yaml").read_text()
    images = [image for image in re.findall(r"^    image: (\S+)$", text, re.MULTILINE) if "whatsinvoice/" not in image]
    assert len(images) == 8
    for image in images:
        assert re.search(r":(?!latest)[^:{}]+$|:\$\{\w+:-(?!latest)[\w.]+\}$", image), image


def test_secrets_are_files_and_each_is_made(compose: str, checkout: Path) -> None:
    named = dict(re.findall(r"^  ([\w.]+): \{file: (\S+)\}$", compose, re.MULTILINE))
    assert len(named) > 20
    for name, file in named.items():
        assert file == f".run/secrets/{name}"
        assert (checkout / file).read_text().strip()
    mounted = set(re.findall(r"/run/secrets/([\w.]+)", compose)) - {"redis_url"}  # each service's own, by one name
    assert mounted <= set(named)


def test_secrets_are_made_once_and_kept(checkout: Path, make_secrets: Callable[[Path], None]) -> None:
    folder = checkout / ".run" / "secrets"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    make_secrets(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_replaced_secret_stays(checkout: Path, make_secrets: Callable[[Path], None]) -> None:
    folder = checkout / ".run" / "secrets"
    (folder / "paystack_secret_key").unlink()
    (folder / "paystack_secret_key").write_text("sk_test_of_their_own")
    make_secrets(folder)
    assert (folder / "paystack_secret_key").read_text() == "sk_test_of_their_own"
    assert "PAYSTACK_SECRET_KEY=sk_test_of_their_own\n" in (folder / "sandbox.env").read_text()


def test_secrets_are_behind_a_folder_of_their_owner(checkout: Path) -> None:
    assert (checkout / ".run" / "secrets").stat().st_mode & 0o777 == 0o700


def test_trusted_keys_hold_no_private_half(checkout: Path) -> None:
    sets = json.loads((checkout / ".run" / "secrets" / "trusted_keys").read_text())
    assert {issuer.removeprefix("whatsinvoice-") for issuer in sets} >= {"whatsinvoice", "gateway", "auth", "payments"}
    assert all("d" not in key for found in sets.values() for key in found["keys"])
