"""What the sandbox is told by its environment; a field is named as its variable, in lower case."""

import ipaddress
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    sandbox_host: str = "127.0.0.1"
    sandbox_port: int = Field(default=8090, ge=0, le=65535)
    sandbox_public_url: str = ""
    sandbox_controls: bool = False
    """Allows the controls on an address that is not loopback: in a container whose port only this machine reaches."""
    sandbox_time_scale: float = Field(default=1.0, gt=0)
    sandbox_state: str = ""
    """The file that keeps charges and chats across restarts; without one they are forgotten."""
    sandbox_refund_seconds: float = Field(default=200.0, ge=0)
    """How long a refund stays pending, and then processing, in the seconds that the time scale shortens."""

    paystack_secret_key: str = Field(default="sk_test_sandbox", min_length=1)
    paystack_webhook_url: str = ""

    whatsapp_app_secret: str = Field(default="sandbox_app_secret", min_length=1)
    whatsapp_access_token: str = Field(default="sandbox_access_token", min_length=1)
    whatsapp_verify_token: str = Field(default="sandbox_verify_token", min_length=1)
    whatsapp_webhook_url: str = ""
    whatsapp_phone_number_id: str = Field(default="106540352242922", min_length=1)
    whatsapp_business_number: str = Field(default="2347000000001", pattern=r"^\+?[1-9]\d{7,14}$")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads the known variables; an empty one counts as absent."""
        given = {name.lower(): value for name, value in environment.items() if value}
        return cls.model_validate({name: given[name] for name in cls.model_fields if name in given})

    @property
    def public_url(self) -> str:
        return self.sandbox_public_url.rstrip("/") or f"http://{self.sandbox_host}:{self.sandbox_port}"

    @property
    def business_number(self) -> str:
        """Digits only, as WhatsApp writes numbers."""
        return self.whatsapp_business_number.removeprefix("+")

    @property
    def controllable(self) -> bool:
        """Whether nobody but this machine can reach the controls, or somebody has said so."""
        if self.sandbox_controls or self.sandbox_host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.sandbox_host).is_loopback
        except ValueError:
            return False
