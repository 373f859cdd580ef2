"""What there must be before tables and backups: roles and a schema for each service, a role for backups, two buckets.

Safe to repeat: what is there stays, and passwords are set again. What no address is given for is left out, so that
services on servers of their own are provisioned one after the other, and buckets by themselves.
"""

from collections.abc import Iterator
from typing import ClassVar

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import BaseServiceSettings
from whatsinvoice_kit.data.provision import BACKUP_ROLE, owner_of, provision, provision_backup, role_of
from whatsinvoice_kit.storage import ObjectStore

from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.settings import SERVICES

_ROLES = {f"{service}_database_url": role_of(service) for service in SERVICES}
_ROLES |= {f"{service}_migration_url": owner_of(service) for service in SERVICES}
_ROLES["backup_database_url"] = BACKUP_ROLE


class ProvisionSettings(BaseServiceSettings):
    """Environment prefix PROVISION_, which may be left out: addresses have the names that services know them by."""

    model_config = SettingsConfigDict(env_prefix="PROVISION_")
    service: ClassVar[str] = "provision"
    speaks_rpc: ClassVar[bool] = False

    admin_database_url: SecretStr = SecretStr("")
    """Of a superuser on any database of the server, or of one who may make roles and databases."""
    auth_database_url: SecretStr = SecretStr("")
    """As the service is given it: role, password and database are taken from it."""
    auth_migration_url: SecretStr = SecretStr("")
    """As its `migrate` is given it, with the role that owns the schema."""
    invoices_database_url: SecretStr = SecretStr("")
    invoices_migration_url: SecretStr = SecretStr("")
    payments_database_url: SecretStr = SecretStr("")
    payments_migration_url: SecretStr = SecretStr("")
    notifications_database_url: SecretStr = SecretStr("")
    notifications_migration_url: SecretStr = SecretStr("")
    backup_database_url: SecretStr = SecretStr("")
    s3_endpoint: str = ""
    """Of the documents; empty for AWS."""
    s3_region: str = "us-east-1"
    s3_bucket: str = ""
    """Empty: none is made."""
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    target_endpoint: str = ""
    """Of the backups, as those of the documents."""
    target_region: str = "us-east-1"
    target_bucket: str = ""
    target_access_key: SecretStr = SecretStr("")
    target_secret_key: SecretStr = SecretStr("")
    hidden_days: int = Field(default=30, ge=1)
    """What was deleted or written over in the bucket of backups ends after so long."""

    def unusable(self) -> Iterator[str]:
        yield from super().unusable()
        given = {name: self.address(name) for name in _ROLES if self.address(name)}
        if not given and not self.s3_bucket and not self.target_bucket:
            yield "nothing is named that could be made: no DATABASE_URL and no BUCKET"
        if given and not self.address("admin_database_url"):
            yield "ADMIN_DATABASE_URL is missing"
        for name in given:
            yield from self._faults(name)
        for service in SERVICES:
            both = (f"{service}_database_url", f"{service}_migration_url")
            pair = [name for name in both if name in given]
            if len(pair) == 1:
                yield from (f"{name.upper()} is missing" for name in both if name not in given)
            elif (
                all(found := [self.parts(name) for name in pair]) and len({parts.get("dbname") for parts in found}) > 1
            ):
                yield f"{pair[0].upper()} and {pair[1].upper()} name two databases"

    def _faults(self, name: str) -> Iterator[str]:
        parts = self.parts(name)
        if not parts:
            yield f"{name.upper()} is no address of Postgres"
            return
        if parts.get("user") != _ROLES[name]:
            yield f"{name.upper()} is not of the role {_ROLES[name]}"
        yield from (f"{name.upper()} has no {part}" for part in ("password", "dbname") if not parts.get(part))

    def address(self, name: str) -> str:
        text: SecretStr = getattr(self, name)
        return text.get_secret_value()

    def parts(self, name: str) -> dict[str, str]:
        """Of an address, by libpq's names; nothing when it is none."""
        try:
            found = conninfo_to_dict(self.address(name))
        except ProgrammingError:
            return {}
        return {part: str(value) for part, value in found.items() if value is not None}


def provision_databases(settings: ProvisionSettings) -> Iterator[str]:
    """Gives a line for each thing that is there now.

    Raises:
        SuperuserNeededError: only a superuser can give the role of backups what it needs; all else is done.
    """
    admin = settings.address("admin_database_url")
    for service in SERVICES:
        if settings.address(f"{service}_database_url"):
            own, owner = settings.parts(f"{service}_database_url"), settings.parts(f"{service}_migration_url")
            provision(admin, service, own["password"], owner["password"], own["dbname"])
            yield f"{service}: its schema in {own['dbname']}, {own['user']} and {owner['user']}"
    if settings.address("backup_database_url"):
        backup = settings.parts("backup_database_url")
        provision_backup(admin, backup["password"], backup["dbname"])
        yield f"backup: {backup['user']}"


def provision_buckets(settings: ProvisionSettings) -> Iterator[str]:
    """As `provision_databases`; raises ClientError or BotoCoreError."""
    if settings.s3_bucket:
        _make(
            settings.s3_endpoint,
            settings.s3_region,
            settings.s3_bucket,
            settings.s3_access_key,
            settings.s3_secret_key,
        )
        yield f"documents: the bucket {settings.s3_bucket}"
    if settings.target_bucket:
        where = (
            settings.target_endpoint,
            settings.target_region,
            settings.target_bucket,
            settings.target_access_key,
            settings.target_secret_key,
        )
        _make(*where)
        target = Bucket.of(*where)
        try:
            ours = target.end_hidden(settings.hidden_days)
        finally:
            target.close()
        ends = f"what is hidden ends after {settings.hidden_days} days" if ours else "its lifecycle rules stay"
        yield f"backups: the bucket {settings.target_bucket}; {ends}"


def _make(endpoint: str, region: str, name: str, access_key: SecretStr, secret_key: SecretStr) -> None:
    """One that is versioned and encrypted already keeps its own way of it, such as a key of somebody's own."""
    store = ObjectStore(
        endpoint=endpoint,
        region=region,
        bucket=name,
        access_key=access_key.get_secret_value(),
        secret_key=secret_key.get_secret_value(),
    )
    try:
        if any(store.faults()):
            store.ensure_bucket()
    finally:
        store.close()
