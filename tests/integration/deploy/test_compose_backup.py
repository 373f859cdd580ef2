"""Backups in compose: given what they need and no more, told where to by the environment, keys that open kept apart."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyrage
import pytest
from whatsinvoice_backup.provisioning import ProvisionSettings
from whatsinvoice_backup.settings import Settings

COMPOSE = Path(sys.prefix) / "bin" / "docker-compose"
OPENING = {"backup_identities", "restore_database_url"}


@pytest.fixture
def folder(tmp_path: Path, make_secrets: Callable[[Path], None]) -> Path:
    make_secrets(tmp_path / "secrets")
    return tmp_path / "secrets"


@pytest.fixture
def services(root: Path) -> Callable[..., dict[str, Any]]:
    """As compose reads the file, with these variables."""

    def read(**environment: str) -> dict[str, Any]:
        command = [str(COMPOSE), "--profile=backup", "--profile=by-hand", "config", "--format=json"]
        known = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment}
        file = ["-f", str(root / "docker-compose.yaml")]
        done = subprocess.run(
            [*command[:1], *file, *command[1:]], env=known, capture_output=True, text=True, check=True
        )
        found: dict[str, Any] = json.loads(done.stdout)["services"]
        return found

    return read


def loaded(kind: Any, service: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings that a container would have; every file that a variable names is mounted."""
    mounted = {Path(secret.get("target") or secret["source"]).name for secret in service["secrets"]}
    with monkeypatch.context() as given:
        for name, text in service["environment"].items():
            if text.startswith("/run/secrets/"):
                assert Path(text).name in mounted, name
                text = str(folder / Path(text).name)  # noqa: PLW2901  (where it lies here)
            given.setenv(name, text)
        return kind.load()


def test_every_container_of_backups_has_its_settings(
    services: Callable[..., dict[str, Any]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = services()
    for name in ("backup-watch", "backup-save", "backup-restore"):
        settings = loaded(Settings, found[name], folder, monkeypatch)
        assert (settings.s3_bucket, settings.target_bucket) == ("whatsinvoice-documents", "whatsinvoice-backups"), name
        assert bool(settings.identities.get_secret_value()) == (name == "backup-restore"), name
        assert urlsplit(settings.database_url.get_secret_value()).username == (
            "postgres" if name == "backup-restore" else "whatsinvoice_backup"
        )
    made = loaded(ProvisionSettings, found["backup-bucket"], folder, monkeypatch)
    assert (made.s3_bucket, made.target_bucket, made.address("admin_database_url")) == ("", "whatsinvoice-backups", "")
    made = loaded(ProvisionSettings, found["provision"], folder, monkeypatch)
    assert (made.s3_bucket, made.target_bucket) == ("whatsinvoice-documents", "")
    assert all(made.address(f"{name}_migration_url") for name in ("auth", "invoices", "payments", "notifications"))


def test_who_saves_can_open_nothing(services: Callable[..., dict[str, Any]]) -> None:
    holders = {
        name for name, found in services().items()
        if OPENING & {secret["source"] for secret in found.get("secrets") or ()}
    }  # fmt: skip
    assert holders == {"backup-restore"}


def test_another_bucket_is_named_by_the_environment(services: Callable[..., dict[str, Any]]) -> None:
    found = services(BACKUP_TARGET_ENDPOINT="", BACKUP_TARGET_REGION="eu-west-1", BACKUP_TARGET_BUCKET="theirs")
    for name in ("backup-bucket", "backup-watch", "backup-save", "backup-restore"):
        environment = found[name]["environment"]
        target = [environment[f"TARGET_{part}"] for part in ("ENDPOINT", "REGION", "BUCKET")]
        assert target == ["", "eu-west-1", "theirs"], name
        assert "default" in found[name]["networks"], f"{name} has no way out"


def test_the_recipients_are_the_public_halves(folder: Path) -> None:
    [identity] = (folder / "backup_identities").read_text().split()
    assert (folder / "backup_recipients").read_text() == str(pyrage.x25519.Identity.from_str(identity).to_public())
    holding = [path.name for path in folder.iterdir() if identity in path.read_text()]
    assert holding == ["backup_identities"]


def test_keys_that_were_taken_away_are_not_made_again(folder: Path, make_secrets: Callable[[Path], None]) -> None:
    before = (folder / "backup_recipients").read_text()
    (folder / "backup_identities").unlink()
    make_secrets(folder)
    assert not (folder / "backup_identities").exists()
    assert (folder / "backup_recipients").read_text() == before


def test_a_stack_from_before_backups_keeps_its_passwords(folder: Path, make_secrets: Callable[[Path], None]) -> None:
    """What is new follows from what is there, also from what somebody wrote there."""
    for name in ("admin_database_url", "restore_database_url", "backup_recipients", "backup_target_access_key"):
        (folder / name).unlink()
    for name, text in (("postgres_password", "of/their own"), ("s3_access_key", "theirs")):
        (folder / name).unlink()
        (folder / name).write_text(text)
    opening = (folder / "backup_identities").read_text()
    make_secrets(folder)
    assert (
        folder / "admin_database_url"
    ).read_text() == "postgresql://postgres:of%2Ftheir%20own@postgres:5432/postgres"
    assert (folder / "backup_target_access_key").read_text() == "theirs"
    assert (folder / "backup_identities").read_text() == opening
    assert (folder / "backup_recipients").read_text() == str(pyrage.x25519.Identity.from_str(opening).to_public())
