"""A small house of its own, filled, and saved twice; and empty places to restore it into."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import pyrage
import pytest
from psycopg import sql
from pydantic import SecretStr
from support.backing import S3, host_and_port
from whatsinvoice_backup.bucket import Bucket, Version
from whatsinvoice_backup.catalogue import Catalogue
from whatsinvoice_backup.documents import Document, line_of, stored_as
from whatsinvoice_backup.manifest import Manifest, Signer
from whatsinvoice_backup.restoring import restore
from whatsinvoice_backup.saving import save
from whatsinvoice_backup.sealing import Sealed
from whatsinvoice_backup.settings import SERVICES, Settings
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import BACKUP_ROLE, owner_of, provision, provision_backup
from whatsinvoice_kit.storage import ObjectStore
from whatsinvoice_local.backing.accounts import unprivileged_account
from whatsinvoice_local.backing.postgres_programs import postgres_bin
from whatsinvoice_local.fill import fill

INVOICES = 300
_PASSWORD = "backup-of-the-tests"


@dataclass(frozen=True)
class House:
    """What is saved, by whom, and where to. `admin_url` is a superuser's at its database."""

    admin_url: str
    settings: Settings
    catalogue: Catalogue
    source: Bucket

    def save(self) -> Manifest:
        return save(self.settings, self.catalogue, self.source)

    def listed(self, manifest: Manifest) -> list[Document]:
        with self.catalogue.documents(manifest) as found:
            return list(found)

    @property
    def target(self) -> Bucket:
        return self.catalogue.target


@dataclass(frozen=True)
class Place:
    """An empty database with roles and schemas, and an empty bucket."""

    admin_url: str
    settings: Settings
    bucket: Bucket


class Listed(Bucket):
    """As many documents as are asked for, of which only the names are wanted."""

    sealed = Sealed(20_000, "0" * 64, 20_200, "1" * 64)

    def __init__(self, count: int) -> None:
        super().__init__(None, "listed")
        self.count = count

    def lines(self) -> Iterator[tuple[str, str]]:
        """What a backup knows of them that was made before."""
        for found in self.versions():
            yield stored_as(found), line_of(Document(found.key, found.id, "application/pdf", self.sealed))

    def versions(self) -> Iterator[Version]:
        return (Version(f"biz_1/inv_{number:07}/1.pdf", "v1") for number in range(self.count))


def programs_for(postgres_url: str) -> str:
    """The folder of the embedded pg_dump where the server is the embedded one, else empty: the system's."""
    folder = postgres_bin(unprivileged_account())
    with psycopg.connect(postgres_url) as connection:
        return str(folder) if connection.info.server_version // 10_000 == 18 else ""


@contextmanager
def a_database(postgres_url: str, make: Callable[[str], None]) -> Iterator[str]:
    """The superuser's address of a new one; roles are the server's, and keep the passwords of the tests."""
    name = f"backup_{secrets.token_hex(4)}"
    for service in SERVICES:
        password = f"{service}-of-the-tests"
        provision(postgres_url, service, password, password, name)
    make(name)
    yield f"{postgres_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def a_bucket(s3: S3) -> Iterator[tuple[str, Bucket]]:
    """A new one, versioned and encrypted, by name and as backups see it."""
    name = f"backup-{secrets.token_hex(4)}"
    access = {"access_key": s3.access_key, "secret_key": s3.secret_key}
    store = ObjectStore(endpoint=s3.endpoint, region="us-east-1", bucket=name, **access)
    store.ensure_bucket()
    store.close()
    bucket = Bucket.of(s3.endpoint, "us-east-1", name, SecretStr(s3.access_key), SecretStr(s3.secret_key))
    yield name, bucket
    bucket.close()


def _needed() -> dict[str, Any]:
    identity = pyrage.x25519.Identity.generate()
    return {
        "database_url": "postgresql://nobody@127.0.0.1:1/nowhere",
        "recipients": str(identity.to_public()),
        "identities": str(identity),
        "manifest_keys": secrets.token_hex(32),
    }


def variables(settings: Settings) -> dict[str, str]:
    """The settings as the environment of the program."""
    values = {}
    for name in Settings.model_fields.keys() - {"service_key", "trusted_keys"}:
        value = getattr(settings, name)
        values[f"BACKUP_{name.upper()}"] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return values


@contextmanager
def a_house(postgres_url: str, s3: S3) -> Iterator[House]:
    """With invoices and no document."""
    host, port = host_and_port(postgres_url)

    def make(name: str) -> None:
        for service in SERVICES:
            url = f"postgresql://{owner_of(service)}:{service}-of-the-tests@{host}:{port}/{name}"
            migrate(f"whatsinvoice_{service}", url)
        provision_backup(postgres_url, _PASSWORD, name)

    with (
        a_database(postgres_url, make) as admin_url,
        a_bucket(s3) as (documents, source),
        a_bucket(s3) as (backups, target),
    ):
        fill(admin_url, INVOICES)
        database = admin_url.rpartition("/")[2]
        values = _needed() | {
            "database_url": f"postgresql://{BACKUP_ROLE}:{_PASSWORD}@{host}:{port}/{database}",
            "pg_programs": programs_for(postgres_url),
            "s3_bucket": documents,
            "target_bucket": backups,
        }
        for name in ("endpoint", "access_key", "secret_key"):
            values[f"s3_{name}"] = values[f"target_{name}"] = getattr(s3, name)
        settings = Settings(app_env="test", **values)
        signer = Signer(settings.manifest_keys.get_secret_value())
        yield House(admin_url, settings, Catalogue(target, signer), source)


@pytest.fixture(scope="session")
def house(postgres_url: str, s3: S3) -> Iterator[House]:
    with a_house(postgres_url, s3) as house:
        for number in range(6):
            house.source.put(f"biz_1/inv_{number}/1.pdf", secrets.token_bytes(2_000 + number), "application/pdf")
        house.source.put("biz_1/inv_0/1.pdf", b"drawn again", "application/pdf")
        yield house


@pytest.fixture(scope="session")
def older(house: House) -> Manifest:
    return house.save()


@pytest.fixture(scope="session")
def newer(house: House, older: Manifest) -> Manifest:
    """With one invoice less and one document more."""
    with psycopg.connect(house.admin_url) as admin:
        admin.execute("DELETE FROM invoices.timeline WHERE kind = 'created' AND details ? 'by' AND id LIKE '%%a'")
        admin.execute(
            "DELETE FROM invoices.invoices WHERE status = 'draft' AND id = (SELECT min(id) FROM invoices.invoices)"
        )
    house.source.put("biz_1/inv_9/1.pdf", b"a new document", "application/pdf")
    return house.save()


@pytest.fixture
def empty_shelf(house: House, newer: Manifest, s3: S3) -> Iterator[House]:
    """The same house with a bucket of its own for backups, and nothing in it."""
    with a_bucket(s3) as (name, bucket):
        settings = house.settings.model_copy(update={"target_bucket": name})
        yield replace(house, settings=settings, catalogue=Catalogue(bucket, house.catalogue.signer))


@pytest.fixture(scope="session")
def restored(house: House, newer: Manifest, postgres_url: str, s3: S3) -> Iterator[Place]:
    """The newer backup, restored once."""
    with a_database(postgres_url, lambda _: None) as admin_url, a_bucket(s3) as (_, bucket):
        place = Place(admin_url, _at(house, admin_url), bucket)
        restore(place.settings, house.catalogue, newer, bucket)
        yield place


@pytest.fixture
def copy(house: House, restored: Place, postgres_url: str) -> Iterator[Place]:
    """A copy of its database, to be changed, beside the same bucket."""
    name, template = f"copy_{secrets.token_hex(4)}", restored.admin_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
        admin.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        url = f"{postgres_url.rpartition('/')[0]}/{name}"
        yield Place(url, _at(house, url), restored.bucket)
        admin.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


def _at(house: House, admin_url: str) -> Settings:
    return house.settings.model_copy(update={"database_url": SecretStr(admin_url)})


@pytest.fixture
def place(house: House, postgres_url: str, s3: S3) -> Iterator[Place]:
    with a_database(postgres_url, lambda _: None) as admin_url, a_bucket(s3) as (_, bucket):
        yield Place(admin_url, _at(house, admin_url), bucket)
