"""What production refuses of invoices: links that are not https, and a bucket that would lose or show documents."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.backing import S3
from support.event_keys import EVENT_KEYS
from whatsinvoice_invoices.settings import Settings
from whatsinvoice_kit.rpc.tokens import generate_key, public_half
from whatsinvoice_kit.storage import ObjectStore
from whatsinvoice_local.certificates import write_certificates


@pytest.fixture
def store(s3: S3) -> Iterator[ObjectStore]:
    """A bucket of this test's own, as it should be."""
    access = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    store = ObjectStore(endpoint=s3.endpoint, region="us-east-1", bucket=f"prod-{secrets.token_hex(4)}", **access)
    store.ensure_bucket()
    yield store
    store.close()


@pytest.fixture
def prod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, s3: S3, store: ObjectStore) -> pytest.MonkeyPatch:
    """An environment that production takes."""
    write_certificates(tmp_path, ["invoices"])
    key = generate_key()
    for name, value in {
        "APP_ENV": "prod",
        "SERVICE_KEY": json.dumps(key),
        "TRUSTED_KEYS": json.dumps({"whatsinvoice": {"keys": [public_half(key)]}}),
        "DATABASE_URL": "postgresql://invoices:database-word-of-the-tests@db/whatsinvoice?sslmode=verify-full",
        "EVENT_KEYS": EVENT_KEYS,
        "REDIS_URL": "rediss://:redis-word-of-the-tests@redis:6379/0",
        "PUBLIC_BASE_URL": "https://pay.example",
        "S3_ENDPOINT": s3.endpoint,
        "S3_BUCKET": store.bucket,
        "S3_ACCESS_KEY": s3.access_key,
        "S3_SECRET_KEY": s3.secret_key,
        "RPC_TLS_CERT_FILE": str(tmp_path / "invoices.crt"),
        "RPC_TLS_KEY_FILE": str(tmp_path / "invoices.key"),
        "RPC_TLS_CA_FILE": str(tmp_path / "ca.crt"),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def problems(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What load says before it exits with 78."""
    with pytest.raises(SystemExit) as end:
        Settings.load()
    assert end.value.code == 78
    return capsys.readouterr().err.splitlines()


def test_a_good_environment_is_taken(prod: pytest.MonkeyPatch, store: ObjectStore) -> None:
    assert Settings.load().s3_bucket == store.bucket


def test_links_that_are_not_https_are_refused(prod: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    prod.setenv("PUBLIC_BASE_URL", "http://pay.example")
    assert problems(capsys) == ["invoices: PUBLIC_BASE_URL is not https"]


def _suspended(client: Any, bucket: str) -> None:
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def _plain(client: Any, bucket: str) -> None:
    client.delete_bucket_encryption(Bucket=bucket)


@pytest.mark.parametrize(
    ("change", "said"), [(_suspended, "S3_BUCKET is not versioned"), (_plain, "S3_BUCKET is not encrypted")]
)
def test_a_bucket_without_versions_or_encryption_is_refused(
    prod: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: ObjectStore, change: Any, said: str
) -> None:
    change(store._client, store.bucket)  # noqa: SLF001  (what somebody does at the console)
    assert problems(capsys) == [f"invoices: {said}"]
    prod.setenv("APP_ENV", "dev")
    assert Settings.load().s3_bucket == store.bucket


def test_a_new_bucket_is_refused_for_both(
    prod: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: ObjectStore
) -> None:
    store._client.create_bucket(Bucket=f"{store.bucket}-new")  # noqa: SLF001  (as above)
    prod.setenv("S3_BUCKET", f"{store.bucket}-new")
    assert problems(capsys) == ["invoices: S3_BUCKET is not versioned", "invoices: S3_BUCKET is not encrypted"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("S3_BUCKET", "there-is-no-such-bucket", "NoSuchBucket"),
        ("S3_SECRET_KEY", "some-other-key-of-the-tests", "SignatureDoesNotMatch"),
        ("S3_ENDPOINT", "http://127.0.0.1:1", "EndpointConnectionError"),
    ],
)
def test_a_bucket_that_cannot_be_looked_at_is_refused(
    prod: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, why: str
) -> None:
    prod.setenv(name, value)
    assert problems(capsys) == [f"invoices: S3_BUCKET cannot be looked at ({why})"]
