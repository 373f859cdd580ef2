"""`provision`: from an admin's and the services' addresses to roles, schemas and buckets, wherever they are."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from support.backing import S3, host_and_port, postgres
from whatsinvoice_backup.__main__ import main
from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.contents import snapshots
from whatsinvoice_backup.provisioning import ProvisionSettings
from whatsinvoice_backup.settings import SERVICES
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import BACKUP_ROLE, owner_of, role_of
from whatsinvoice_kit.storage import ObjectStore

Environment = dict[str, str]


def addresses(admin_url: str, database: str, password: str, services: tuple[str, ...] = SERVICES) -> Environment:
    """As `make_secrets.py` writes them, and the admin's."""
    host, port = host_and_port(admin_url)
    at = f"{host}:{port}/{database}"
    found = {"ADMIN_DATABASE_URL": admin_url, "BACKUP_DATABASE_URL": f"postgresql://{BACKUP_ROLE}:{password}@{at}"}
    for service in services:
        found[f"{service.upper()}_DATABASE_URL"] = f"postgresql://{role_of(service)}:{password}@{at}"
        found[f"{service.upper()}_MIGRATION_URL"] = f"postgresql://{owner_of(service)}:{password}@{at}"
    return found


def buckets(s3: S3, documents: str, backups: str) -> Environment:
    found = {"S3_BUCKET": documents, "TARGET_BUCKET": backups}
    for kind in ("S3", "TARGET"):
        found |= {f"{kind}_ENDPOINT": s3.endpoint, f"{kind}_REGION": "us-east-1"}
        found |= {f"{kind}_ACCESS_KEY": s3.access_key, f"{kind}_SECRET_KEY": s3.secret_key}
    return found


@pytest.fixture
def provision(monkeypatch: pytest.MonkeyPatch) -> Callable[[Environment], int]:
    """The command, with these variables."""
    monkeypatch.setattr("whatsinvoice_backup.__main__.configure_logging", lambda *_, **__: None)

    def run(environment: Environment) -> int:
        with monkeypatch.context() as given:
            for name, text in environment.items():
                given.setenv(name, text)
            return main(["provision"])

    return run


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A superuser's address of one where no role is yet."""
    if os.environ.get("DATABASE_URL"):
        pytest.skip("DATABASE_URL is a server that others have made roles on")
    folder = tmp_path_factory.mktemp("server")
    for above in (folder, folder.parent, folder.parent.parent):
        above.chmod(0o755)  # the account that Postgres runs under must reach it
    with postgres(folder / "postgres") as url:
        yield url


def test_it_makes_all_that_a_new_place_needs(
    server: str, s3: S3, direct: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a Job runs it: secrets in files, and nothing of ours but the package. Twice, which changes nothing."""
    documents, backups, password = (f"provision-{secrets.token_hex(4)}" for _ in range(3))
    environment = {"PATH": os.defpath}
    for name, text in (addresses(server, "fresh", password) | buckets(s3, documents, backups)).items():
        (tmp_path / name).write_text(text)
        environment[f"{name}_FILE"] = str(tmp_path / name)
    command = [sys.executable, "-m", "whatsinvoice_backup", "provision"]
    for _ in range(2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert password not in done.stdout
        assert "payments: its schema in fresh, whatsinvoice_payments and whatsinvoice_payments_owner\n" in done.stdout
    for service in SERVICES:
        migrate(f"whatsinvoice_{service}", addresses(server, "fresh", password)[f"{service.upper()}_MIGRATION_URL"])
    with psycopg.connect(addresses(server, "fresh", password)["BACKUP_DATABASE_URL"]) as backup:
        assert backup.execute("SELECT count(*) FROM payments.ledger_entries").fetchone() == (0,)
    for bucket in (documents, backups):
        assert direct.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        assert direct.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    [rule] = direct.get_bucket_lifecycle_configuration(Bucket=backups)["Rules"]
    assert (rule["Status"], rule["NoncurrentVersionExpiration"]["NoncurrentDays"]) == ("Enabled", 30)


def test_rules_and_keys_of_somebodys_own_stay(
    s3: S3, direct: Any, provision: Callable[[Environment], int], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    documents, backups = (f"provision-{secrets.token_hex(4)}" for _ in range(2))
    assert provision(buckets(s3, documents, backups)) == 0
    rule: dict[str, Any] = {"ID": "ours", "Status": "Enabled", "Filter": {"Prefix": ""}}
    rule |= {"NoncurrentVersionExpiration": {"NoncurrentDays": 90}}
    direct.put_bucket_lifecycle_configuration(Bucket=backups, LifecycleConfiguration={"Rules": [rule]})

    def refused(_: ObjectStore) -> None:
        raise AssertionError("a bucket that has all it needs is set up again")

    monkeypatch.setattr(ObjectStore, "ensure_bucket", refused)
    assert provision(buckets(s3, documents, backups)) == 0
    assert "its lifecycle rules stay" in capsys.readouterr().out
    [kept] = direct.get_bucket_lifecycle_configuration(Bucket=backups)["Rules"]
    assert kept["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90


def test_one_service_can_be_provisioned_alone(
    server: str, provision: Callable[[Environment], int], capsys: pytest.CaptureFixture[str]
) -> None:
    environment = addresses(server, "alone", "p%40ss%2Fword", ("payments",))
    del environment["BACKUP_DATABASE_URL"]
    assert provision(environment) == 0
    with psycopg.connect(environment["PAYMENTS_DATABASE_URL"]) as connection:
        schemas = "SELECT array_agg(nspname::text) FROM pg_namespace WHERE nspname IN ('auth', 'payments')"
        assert connection.execute(schemas).fetchone() == (["payments"],)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A server as a cloud gives it: a superuser's address, which nobody has, and that of who may make roles."""
    if os.environ.get("DATABASE_URL"):
        pytest.skip("DATABASE_URL is a server that others have made roles on")
    for above in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        above.chmod(0o755)
    with postgres(tmp_path / "postgres") as url:
        password = secrets.token_hex(16)
        with psycopg.connect(url, autocommit=True) as superuser:
            superuser.execute(
                sql.SQL("CREATE ROLE cloud LOGIN CREATEROLE CREATEDB PASSWORD {}").format(sql.Literal(password))
            )
        host, port = host_and_port(url)
        yield url, f"postgresql://cloud:{password}@{host}:{port}/postgres"


def test_without_a_superuser_it_does_what_it_can_and_says_what_is_left(
    cloud: tuple[str, str], provision: Callable[[Environment], int], capsys: pytest.CaptureFixture[str]
) -> None:
    superuser_url, admin_url = cloud
    environment = addresses(admin_url, "managed", secrets.token_hex(16))
    assert provision(environment) == 1
    said = capsys.readouterr().err
    assert "a superuser has to run, once: ALTER ROLE" in said
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        for statement in said.partition("once: ")[2].replace('"', "").split(";")[:-1]:
            assert BACKUP_ROLE in statement
            superuser.execute(statement.encode())
    assert provision(environment) == 0
    for service in SERVICES:
        migrate(f"whatsinvoice_{service}", environment[f"{service.upper()}_MIGRATION_URL"])
    with snapshots({"auth": environment["BACKUP_DATABASE_URL"]}) as (_, [seen]):
        assert seen.connection.execute("SELECT count(*) FROM auth.users").fetchone() == (0,)
    with (
        psycopg.connect(environment["AUTH_DATABASE_URL"]) as running,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        running.execute("CREATE TABLE auth.mine (id int)")


def test_what_is_wrong_is_named_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = addresses("postgresql://postgres@db:5432/postgres", "whatsinvoice", "secret")
    del environment["ADMIN_DATABASE_URL"], environment["PAYMENTS_MIGRATION_URL"]
    environment["AUTH_DATABASE_URL"] = environment["AUTH_MIGRATION_URL"]
    environment["INVOICES_MIGRATION_URL"] = environment["INVOICES_MIGRATION_URL"].replace(
        "5432/whatsinvoice", "5432/other"
    )
    environment["NOTIFICATIONS_DATABASE_URL"] = "mysql://nobody"
    environment["BACKUP_DATABASE_URL"] = environment["BACKUP_DATABASE_URL"].replace(":secret", "")
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(SystemExit):
        ProvisionSettings.load()
    said = capsys.readouterr().err
    assert "secret" not in said
    assert {line.removeprefix("provision: ") for line in said.splitlines()} == {
        "ADMIN_DATABASE_URL is missing",
        "PAYMENTS_MIGRATION_URL is missing",
        "AUTH_DATABASE_URL is not of the role whatsinvoice_auth",
        "INVOICES_DATABASE_URL and INVOICES_MIGRATION_URL name two databases",
        "NOTIFICATIONS_DATABASE_URL is no address of Postgres",
        "BACKUP_DATABASE_URL has no password",
    }


def test_nothing_to_do_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ProvisionSettings.load()
    assert "nothing is named that could be made" in capsys.readouterr().err


def test_a_server_that_is_away_is_named_without_its_password(
    provision: Callable[[Environment], int], capsys: pytest.CaptureFixture[str]
) -> None:
    password = secrets.token_hex(16)
    assert provision(addresses(f"postgresql://postgres:{password}@127.0.0.1:1/postgres", "x", password)) == 1
    said = capsys.readouterr().err
    assert said.startswith("Postgres failed: ")
    assert password not in said


def test_hidden_versions_are_ended_by_the_bucket_itself(s3: S3, direct: Any) -> None:
    """A bucket without a rule would keep all that was ever deleted."""
    name = f"provision-{secrets.token_hex(4)}"
    direct.create_bucket(Bucket=name)
    bucket = Bucket.of(s3.endpoint, "us-east-1", name, SecretStr(s3.access_key), SecretStr(s3.secret_key))
    assert bucket.end_hidden(7)
    assert not bucket.end_hidden(8)
    bucket.close()
    [rule] = direct.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == 7
