"""Settings of the notifications service."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment prefix NOTIFICATIONS_."""

    model_config = SettingsConfigDict(env_prefix="NOTIFICATIONS_")
    service: ClassVar[str] = "notifications"

    auth_grpc: str
    """host:port of the auth service."""
    invoices_grpc: str
    """host:port of the invoices service."""
    whatsapp_base_url: str = "https://graph.facebook.com/v23.0"
    whatsapp_phone_number_id: str = ""
    """Meta's id of the number that we send from."""
    whatsapp_business_account_id: str = ""
    """Meta's id of the account that owns our templates; only `templates` asks for it."""
    whatsapp_sample_document: str = ""
    """Handle of a sample PDF (Meta's Resumable Upload API): templates with a document are not reviewed without one."""
    public_base_url: str = ""
    """Where customers open invoices and receipts, as invoices knows it; the buttons of templates lead there."""
    whatsapp_access_token: SecretStr = SecretStr("")
    whatsapp_app_secret: SecretStr = Field(min_length=1)
    """Signs Meta's webhooks. Never empty: an empty one would believe anybody's signature."""
    whatsapp_verify_token: SecretStr = SecretStr("")
    """What Meta says when it subscribes; without it nobody can."""
    answers_at_once: int = Field(default=8, ge=1, le=100)
    """Inbound messages that one process answers side by side."""
    retry_seconds: float = Field(default=2.0, gt=0)
    """Before the first retry of anything; doubles from there."""

    def unsafe(self) -> Iterator[str]:
        yield from super().unsafe()
        for name in ("whatsapp_access_token", "whatsapp_verify_token"):
            if not getattr(self, name).get_secret_value():
                yield f"{name.upper()} is missing"
        if not self.whatsapp_phone_number_id:
            yield "WHATSAPP_PHONE_NUMBER_ID is missing"
        if not self.whatsapp_base_url.startswith("https://"):
            yield "WHATSAPP_BASE_URL is not https"
        if self.public_base_url and not self.public_base_url.startswith("https://"):
            yield "PUBLIC_BASE_URL is not https"
