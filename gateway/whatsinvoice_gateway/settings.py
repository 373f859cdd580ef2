"""Settings of the gateway."""

from typing import ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import BaseServiceSettings


class Settings(BaseServiceSettings):
    """Environment prefix GATEWAY_."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")
    service: ClassVar[str] = "gateway"

    host: str = "127.0.0.1"
    port: int = 8080
    auth_grpc: str
    invoices_grpc: str
    payments_grpc: str
    notifications_grpc: str
    redis_url: SecretStr
    """Rate limits are counted there; in memory while it is away."""
    public_base_url: str = ""
    checkout_origins: str = "https://checkout.paystack.com"
    """Where the pay form may lead, space-separated: browsers hold redirects of a form to the page's policy."""
    register_limit: str = "5/minute"
    login_limit: str = "10/minute"
    refresh_limit: str = "20/minute"
    verify_limit: str = "10/minute"
    code_limit: str = "10/minute"
    """One-time codes asked for, per address; auth counts them per phone."""
    account_limit: str = "60/minute"
    """Looking at and ending one's sessions."""
    key_set_seconds: float = Field(default=60.0, gt=0)
    """An unknown key id asks auth for its key set again, at most once in these; new keys are published for longer
    before they sign."""
    request_seconds: float = Field(default=15.0, gt=0)
    """The deadline of a request, whatever it calls."""
