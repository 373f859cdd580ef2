"""Settings of backups: what to save, where to, for whom to encrypt, how long to keep."""

import json
from collections.abc import Iterator
from typing import ClassVar

import pyrage
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import BaseServiceSettings
from whatsinvoice_kit.storage import ObjectStore

from whatsinvoice_backup.bucket import Bucket

SERVICES = ("auth", "invoices", "payments", "notifications")


class Settings(BaseServiceSettings):
    """Environment prefix BACKUP_. Keys that open are needed by who restores, never by who saves."""

    model_config = SettingsConfigDict(env_prefix="BACKUP_")
    service: ClassVar[str] = "backup"
    speaks_rpc: ClassVar[bool] = False
    least_characters: ClassVar[dict[str, int]] = {"manifest_keys": 32}

    database_url: SecretStr
    """With the role `whatsinvoice_backup`; of a superuser on an empty server for `restore` and `drill`."""
    database_urls: SecretStr = SecretStr("{}")
    """JSON: service -> address, for services whose schema lies elsewhere."""
    s3_endpoint: str = ""
    """Of the documents; empty for AWS."""
    s3_region: str = "us-east-1"
    s3_bucket: str = "whatsinvoice-documents"
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    target_endpoint: str = ""
    """Of the backups: another account, and better another provider."""
    target_region: str = "us-east-1"
    target_bucket: str = "whatsinvoice-backups"
    target_access_key: SecretStr = SecretStr("")
    target_secret_key: SecretStr = SecretStr("")
    recipients: str
    """Public age keys, separated by blanks; each of their owners can open what is saved from now on."""
    identities: SecretStr = SecretStr("")
    """Private age keys, as `recipients`; those of earlier backups stay as long as these do."""
    manifest_keys: SecretStr
    """Texts of 32 characters or more, separated by blanks: the first signs manifests, all are believed."""
    pg_programs: str = ""
    """The folder of pg_dump and pg_restore, of the server's major version; empty: found on the PATH."""
    work_folder: str = ""
    """For what is on its way, encrypted while saving and open while restoring; empty: the machine's own."""
    keep_hours: int = Field(default=48, ge=0)
    """Every backup stays as long; later one of a day, of a week, of a month."""
    keep_daily: int = Field(default=7, ge=1)
    keep_weekly: int = Field(default=5, ge=0)
    keep_monthly: int = Field(default=12, ge=0)
    watch_seconds: float = Field(default=60.0, gt=0)
    """How often `watch` looks at the bucket."""

    def unusable(self) -> Iterator[str]:
        yield from super().unusable()
        if not self.recipients.split():
            yield "RECIPIENTS is missing"
        for name, text, read in (
            ("RECIPIENTS", self.recipients, pyrage.x25519.Recipient.from_str),
            ("IDENTITIES", self.identities.get_secret_value(), pyrage.x25519.Identity.from_str),
        ):
            for key in text.split():
                try:
                    read(key)
                except (pyrage.RecipientError, pyrage.IdentityError):
                    yield f"{name} holds what is no age key"
        if not self.manifest_keys.get_secret_value().split():
            yield "MANIFEST_KEYS is missing"
        try:
            strangers = json.loads(self.database_urls.get_secret_value()).keys() - set(SERVICES)
        except (ValueError, AttributeError):
            yield "DATABASE_URLS is no JSON object of service -> address"
        else:
            yield from (f"DATABASE_URLS names {name}, which is no service" for name in sorted(strangers))

    def unsafe(self) -> Iterator[str]:
        yield from super().unsafe()
        if (self.s3_endpoint, self.s3_bucket) == (self.target_endpoint, self.target_bucket):
            yield "TARGET_BUCKET is the bucket of the documents"
        store = ObjectStore(
            endpoint=self.target_endpoint,
            region=self.target_region,
            bucket=self.target_bucket,
            access_key=self.target_access_key.get_secret_value(),
            secret_key=self.target_secret_key.get_secret_value(),
        )
        yield from (f"TARGET_BUCKET{fault}" for fault in store.faults())
        store.close()

    def _weakness(self, name: str, text: str) -> str:
        """Private age keys begin with a word of examples; whether they are any, `unusable` says."""
        return "" if name == "identities" else super()._weakness(name, text)

    def addresses(self) -> dict[str, str]:
        """Service -> where its schema is."""
        elsewhere: dict[str, str] = json.loads(self.database_urls.get_secret_value())
        return dict.fromkeys(SERVICES, self.database_url.get_secret_value()) | elsewhere

    def source(self) -> Bucket:
        """The bucket of documents; close it in the end."""
        return Bucket.of(self.s3_endpoint, self.s3_region, self.s3_bucket, self.s3_access_key, self.s3_secret_key)

    def target(self) -> Bucket:
        """The bucket of backups; close it in the end."""
        return Bucket.of(
            self.target_endpoint,
            self.target_region,
            self.target_bucket,
            self.target_access_key,
            self.target_secret_key,
        )
