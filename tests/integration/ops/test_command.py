"""The command line and its settings; and what Prometheus is told."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from integration.ops.conftest import House, Place, variables
from integration.ops.test_refusals import changed, flipped
from prometheus_client import generate_latest
from pydantic import SecretStr
from whatsinvoice_backup import watch
from whatsinvoice_backup.__main__ import main
from whatsinvoice_backup.drill import drill
from whatsinvoice_backup.manifest import Manifest, key_of
from whatsinvoice_backup.restoring import compare
from whatsinvoice_backup.settings import Settings


@pytest.fixture
def environment(house: House, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The settings of the house as variables; the logs stay the tests' own."""
    monkeypatch.setattr("whatsinvoice_backup.__main__.configure_logging", lambda *_, **__: None)
    values = variables(house.settings)
    for name, text in values.items():
        monkeypatch.setenv(name, text)
    return values


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().out


def test_a_backup_is_made_listed_and_verified(
    house: House, newer: Manifest, environment: dict[str, str], said: Callable[[], str]
) -> None:
    assert main(["run"]) == 0
    name = said().strip().splitlines()[-1].split()[0]
    assert house.catalogue.listing().good[0].name == name
    assert main(["list"]) == 0
    assert name in said()
    assert main(["heads"]) == 0
    assert said() == house.catalogue.heads(house.catalogue.manifest())
    assert main(["verify"]) == 0
    assert said().strip().endswith(f"{name} is whole")


def test_what_is_refused_ends_with_1_and_the_reason(
    house: House, newer: Manifest, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    key = key_of(newer.name, "payments.dump.age")
    with changed(house, key, flipped(house.target.get(key) or b"")):
        assert main(["verify", newer.name]) == 1
    assert f"{key} is not what was saved" in capsys.readouterr().err


def test_it_is_restored_by_command(
    house: House, newer: Manifest, place: Place, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch,
    said: Callable[[], str],
) -> None:  # fmt: skip
    monkeypatch.setenv("BACKUP_DATABASE_URL", place.admin_url)
    monkeypatch.setenv("BACKUP_S3_BUCKET", place.bucket.name)
    assert main(["restore", newer.name]) == 0
    assert f"{newer.name} is restored, and equal to what was saved" in said()


def test_databases_first_and_documents_while_they_are_in_use(
    house: House, newer: Manifest, place: Place, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch,
    said: Callable[[], str],
) -> None:  # fmt: skip
    """Documents take the longest, and a service renders the one that it lacks: it stays as it then is."""
    monkeypatch.setenv("BACKUP_DATABASE_URL", place.admin_url)
    monkeypatch.setenv("BACKUP_S3_BUCKET", place.bucket.name)
    assert main(["restore", "--only=databases", newer.name]) == 0
    assert f"databases of {newer.name} are restored, and equal to what was saved" in said()
    assert list(place.bucket.listed("")) == []
    place.bucket.put("biz_1/inv_0/1.pdf", b"rendered anew", "application/pdf")
    place.bucket.put("biz_1/inv_new/1.pdf", b"of an invoice of today", "application/pdf")
    for restored in (newer.objects - 2, 0):
        assert main(["restore", "--only=documents", newer.name]) == 0
        assert f"{newer.name}: {restored} of {newer.objects} documents are put back" in said()
    assert compare(place.settings, house.catalogue, newer, place.bucket) == [
        "biz_1/inv_new/1.pdf was never saved",
        "biz_1/inv_0/1.pdf has other content",
    ]


def test_databases_are_restored_into_empty_schemas_alone(
    newer: Manifest, restored: Place, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("BACKUP_DATABASE_URL", restored.admin_url)
    assert main(["restore", "--only=databases", newer.name]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_settings_are_shown_without_secrets(environment: dict[str, str], said: Callable[[], str]) -> None:
    assert main(["--check-config"]) == 0
    shown = said()
    assert f"RECIPIENTS={environment['BACKUP_RECIPIENTS']}" in shown
    for name in ("IDENTITIES", "MANIFEST_KEYS", "DATABASE_URL", "S3_SECRET_KEY", "TARGET_SECRET_KEY"):
        assert environment[f"BACKUP_{name}"] not in shown


def test_production_names_all_that_is_unsafe(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKUP_APP_ENV", "prod")
    monkeypatch.setenv("BACKUP_MANIFEST_KEYS", "short")
    monkeypatch.setenv("BACKUP_RECIPIENTS", "age1nonsense")
    monkeypatch.setenv("BACKUP_TARGET_BUCKET", environment["BACKUP_S3_BUCKET"])
    monkeypatch.setenv("BACKUP_DATABASE_URLS", '{"strangers": "postgresql://x@y/z"}')
    with pytest.raises(SystemExit) as ended:
        Settings.load()
    assert ended.value.code == 78
    assert {line.removeprefix("backup: ") for line in capsys.readouterr().err.splitlines()} == {
        "RECIPIENTS holds what is no age key",
        "DATABASE_URLS names strangers, which is no service",
        "MANIFEST_KEYS is shorter than 32 characters",
        "TARGET_BUCKET is the bucket of the documents",
    }


def metric(name: str) -> float:
    lines = generate_latest().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


def test_prometheus_is_told_of_backups_and_drills(house: House, newer: Manifest) -> None:
    watch.look(house.catalogue)
    now = datetime.now(UTC).timestamp()
    assert now - 600 < metric("backup_last_timestamp_seconds") < now
    assert metric("restore_drill_ok") == 1
    nowhere = house.settings.model_copy(update={"identities": SecretStr("")})
    result = drill(nowhere, house.catalogue, None, name="20200101T000000Z-abcdef")
    assert (result["ok"], "there is no backup" in result["reason"]) == (False, True)
    watch.look(house.catalogue)
    assert metric("restore_drill_ok") == 0
    house.catalogue.write_drill("20991231T000000Z-abcdef", {**result, "ok": True, "total_seconds": 61.5})
    watch.look(house.catalogue)
    assert (metric("restore_drill_ok"), metric("restore_drill_seconds")) == (1, 61.5)
    assert now - 600 < metric("restore_drill_last_good_timestamp_seconds") < now + 60


@contextmanager
def watching(environment: dict[str, str], log: Path) -> Iterator[str]:
    """The program; gives the address of its ops port."""
    command = [sys.executable, "-m", "whatsinvoice_backup", "watch"]
    with log.open("wb") as out, subprocess.Popen(command, env={**os.environ, **environment}, stdout=out) as process:
        until = time.monotonic() + 30
        while not (started := re.search(r'"ops_port": (\d+)', log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{started[1]}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_it_watches_until_it_is_asked_to_end(newer: Manifest, environment: dict[str, str], tmp_path: Path) -> None:
    with watching(environment, tmp_path / "log") as url, httpx.Client(base_url=url, trust_env=False) as client:
        until = time.monotonic() + 20
        while client.get("/readyz").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert 'backups_kept{state="good"}' in client.get("/metrics").text
