"""The embedded Postgres, Valkey and SeaweedFS: real round trips, restarts, and who may come in."""

import json
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import psycopg
import pytest
import redis
from botocore.config import Config
from botocore.exceptions import ClientError
from redis.backoff import NoBackoff
from redis.retry import Retry
from whatsinvoice_local.backing import (
    Postgres,
    SeaweedFS,
    Valkey,
    accounts,
    discard_postgres,
    postgres_programs,
    start_postgres,
    start_seaweedfs,
    start_valkey,
    stop_postgres,
    stop_seaweedfs,
    stop_valkey,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def postgres(base: Path) -> Iterator[Postgres]:
    yield start_postgres(base / "postgres", fast=True)
    discard_postgres(base / "postgres")


@pytest.fixture(scope="module")
def valkey(base: Path) -> Iterator[Valkey]:
    yield start_valkey(base / "valkey")
    stop_valkey(base / "valkey")


@pytest.fixture(scope="module")
def seaweedfs(base: Path) -> Iterator[SeaweedFS]:
    yield start_seaweedfs(base / "s3")
    stop_seaweedfs(base / "s3")


def s3_client(server: SeaweedFS, secret_key: str | None = None) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=secret_key or server.secret_key,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def listening_addresses(pid: int) -> set[str]:
    """IPv4 and IPv6 addresses, as the kernel writes them in hex, that a process listens on."""
    inodes = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes}


def test_postgres_answers_and_knows_unicode(postgres: Postgres) -> None:
    with psycopg.connect(postgres.admin_url) as connection:
        row = connection.execute(
            "SELECT lower('ẸKỌ'), current_setting('fsync'), current_setting('TimeZone')"
        ).fetchone()
    assert row == ("ẹkọ", "off", "UTC")


def test_postgres_wants_its_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://postgres:wrong@127.0.0.1:{postgres.port}/postgres")


def test_postgres_keeps_data_and_address_over_a_restart(base: Path, postgres: Postgres) -> None:
    with psycopg.connect(postgres.admin_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    assert stop_postgres(base / "postgres")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.admin_url)
    again = start_postgres(base / "postgres", fast=True)
    assert again.admin_url == postgres.admin_url
    assert again.pid != postgres.pid
    with psycopg.connect(again.admin_url) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (7,)


def test_starting_a_running_server_gives_it_back(
    base: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS
) -> None:
    running = start_postgres(base / "postgres", port=1)
    assert (running.port, running) == (postgres.port, start_postgres(base / "postgres"))
    assert start_valkey(base / "valkey", password="another") == start_valkey(base / "valkey")
    assert start_seaweedfs(base / "s3") == seaweedfs


def test_valkey_wants_its_password(valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        assert client.ping()
        assert client.config_get("appendonly") == {"appendonly": "yes"}
    once = Retry(NoBackoff(), 0)
    with redis.Redis(port=valkey.port, retry=once) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_valkey_keeps_data_over_a_restart_and_takes_any_password(base: Path) -> None:
    folder = base / "valkey two"
    server = start_valkey(folder, password='p@ss "word"/\\')
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "7")
    assert stop_valkey(folder)
    assert not stop_valkey(folder)
    with redis.Redis.from_url(start_valkey(folder).url) as client:
        assert client.get("kept") == b"7"
    assert stop_valkey(folder)


def test_s3_keeps_versions_and_encrypts(seaweedfs: SeaweedFS) -> None:
    client = s3_client(seaweedfs)
    client.create_bucket(Bucket="documents")
    client.put_bucket_versioning(Bucket="documents", VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket="documents", Key="a/1.pdf", Body=b"one", ServerSideEncryption="AES256")
    second = client.put_object(Bucket="documents", Key="a/1.pdf", Body=b"two", ServerSideEncryption="AES256")
    assert first["ServerSideEncryption"] == "AES256"
    assert first["VersionId"] != second["VersionId"]
    old = client.get_object(Bucket="documents", Key="a/1.pdf", VersionId=first["VersionId"])
    assert old["Body"].read() == b"one"
    assert client.get_object(Bucket="documents", Key="a/1.pdf")["Body"].read() == b"two"
    large = bytes(range(256)) * 40_000  # several of its chunks
    client.put_object(Bucket="documents", Key="large", Body=large, ServerSideEncryption="AES256")
    assert client.get_object(Bucket="documents", Key="large")["Body"].read() == large
    link = client.generate_presigned_url("get_object", Params={"Bucket": "documents", "Key": "a/1.pdf"})
    assert httpx.get(link).content == b"two"


def test_s3_refuses_strangers(base: Path, seaweedfs: SeaweedFS) -> None:
    client = s3_client(seaweedfs)
    client.create_bucket(Bucket="private")
    client.put_object(Bucket="private", Key="secret.txt", Body=b"secret")
    with pytest.raises(ClientError) as wrong_key:
        s3_client(seaweedfs, secret_key="wrong").get_object(Bucket="private", Key="secret.txt")
    assert wrong_key.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert httpx.get(f"{seaweedfs.endpoint}/private/secret.txt").status_code == 403
    filer = json.loads((base / "s3/ports.json").read_text())["filer.port"]
    assert httpx.get(f"http://127.0.0.1:{filer}/buckets/private/secret.txt").status_code == 404


def test_s3_keeps_data_over_a_restart(base: Path, seaweedfs: SeaweedFS) -> None:
    s3_client(seaweedfs).create_bucket(Bucket="lasting")
    s3_client(seaweedfs).put_object(Bucket="lasting", Key="kept", Body=b"7", ServerSideEncryption="AES256")
    assert stop_seaweedfs(base / "s3")
    again = start_seaweedfs(base / "s3")
    assert s3_client(again).get_object(Bucket="lasting", Key="kept")["Body"].read() == b"7"
    s3_client(again).put_object(Bucket="lasting", Key="more", Body=b"8")


def test_everything_listens_on_loopback_only(base: Path, valkey: Valkey, seaweedfs: SeaweedFS) -> None:
    loopback = {"0100007F"}
    assert listening_addresses(valkey.pid) <= loopback
    assert listening_addresses(start_seaweedfs(base / "s3").pid) == loopback


def test_secrets_are_private(base: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS) -> None:
    names = ("postgres/password", "valkey/password", "valkey/valkey.conf", "s3/credentials.json", "postgres/server.log")
    assert {stat.S_IMODE((base / name).stat().st_mode) for name in names} == {0o600}
    secrets = [(base / "postgres/password").read_text(), (base / "valkey/password").read_text(), seaweedfs.secret_key]
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [secret for secret in secrets for line in lines if secret.encode() in line]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to drop to")
def test_root_gives_postgres_a_place_it_can_reach(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest's own folder is closed to others, as a clone in root's home is."""
    shared = base / "shared"
    monkeypatch.setattr(accounts, "SHARED_STATE", shared)
    folder = tmp_path / "postgres"
    server = start_postgres(folder, fast=True)
    place = (folder / "cluster").resolve()
    assert place.parent == shared
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert Path(f"/proc/{server.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    discard_postgres(folder)
    assert not list(shared.glob("postgres-*"))
    assert not folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to drop to")
def test_root_copies_programs_that_the_account_cannot_reach(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "SHARED_STATE", base / "shared")
    monkeypatch.setattr(postgres_programs, "anyone_can_reach", lambda _path: False)
    programs = postgres_programs.postgres_bin(accounts.unprivileged_account())
    assert programs.is_relative_to(base / "shared")
    assert accounts.anyone_can_reach(programs / "postgres")
    assert start_postgres(base / "copied", fast=True).programs == programs
    discard_postgres(base / "copied")
