"""Settings of the invoices service."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import ServiceSettings
from whatsinvoice_kit.storage import ObjectStore


class Settings(ServiceSettings):
    """Environment prefix INVOICES_."""

    model_config = SettingsConfigDict(env_prefix="INVOICES_")
    service: ClassVar[str] = "invoices"

    public_base_url: str
    """Where the gateway is reached from outside: https://pay.example; links are made of it."""
    s3_endpoint: str = ""
    """Empty for AWS."""
    s3_region: str = "us-east-1"
    s3_bucket: str = "whatsinvoice-documents"
    s3_access_key: SecretStr = SecretStr("")
    s3_secret_key: SecretStr = SecretStr("")
    render_threads: int = 2
    sent_invoices_per_day: int = Field(default=2_000, ge=1)
    """Invoices of one business a day that go to a phone; those of customers without a phone do not count."""
    invariants_seconds: float = Field(default=60.0, gt=0)
    """How often invoices are held against their rules."""

    def unsafe(self) -> Iterator[str]:
        yield from super().unsafe()
        if not self.public_base_url.startswith("https://"):
            yield "PUBLIC_BASE_URL is not https"
        store = self.object_store()
        yield from (f"S3_BUCKET{fault}" for fault in store.faults())
        store.close()

    def object_store(self) -> ObjectStore:
        """The bucket of documents; close it in the end."""
        return ObjectStore(
            endpoint=self.s3_endpoint,
            region=self.s3_region,
            bucket=self.s3_bucket,
            access_key=self.s3_access_key.get_secret_value(),
            secret_key=self.s3_secret_key.get_secret_value(),
        )
