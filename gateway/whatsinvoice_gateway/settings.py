"""Settings of the gateway."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import ClassVar

from limits import parse
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import RedisSettings

_ORIGIN = re.compile(r"\*|https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")


def listed(text: str) -> list[str]:
    """The items of a setting that names several, with commas or spaces between them."""
    return re.split(r"[\s,]+", text.strip(" ,")) if text.strip(" ,") else []


class Settings(RedisSettings):
    """Environment prefix GATEWAY_. Rate limits are counted in Redis; in memory while it is away."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")
    service: ClassVar[str] = "gateway"

    host: str = "127.0.0.1"
    port: int = 8080
    auth_grpc: str
    invoices_grpc: str
    payments_grpc: str
    notifications_grpc: str
    public_base_url: str = ""
    checkout_origins: str = "https://checkout.paystack.com"
    """Where the pay form may lead, space-separated: browsers hold redirects of a form to the page's policy."""
    trusted_proxies: str = ""
    """Addresses and networks (CIDR) whose X-Forwarded-For and X-Forwarded-Proto are believed; nobody's by default."""
    cors_origins: str = ""
    """Origins whose scripts may call the API, or `*`; none by default."""
    cors_credentials: bool = False
    """Whether these scripts may use the refresh cookie."""
    register_limit: str = "5/minute"
    login_limit: str = "10/minute"
    refresh_limit: str = "20/minute"
    verify_limit: str = "10/minute"
    code_limit: str = "10/minute"
    """One-time codes asked for, per address; auth counts them per phone."""
    account_limit: str = "60/minute"
    """Looking at and ending one's sessions."""
    limit_store_seconds: float = Field(default=0.1, gt=0)
    """How long a Redis that hangs may hold the loop (slowapi is synchronous) before limits are counted in memory."""
    read_quota: str = "3000/minute"
    """GETs of everybody who acts for one business."""
    write_quota: str = "600/minute"
    link_quota: str = "20/minute"
    """What strangers may ask for through one public link: a checkout, an account for a transfer, a claim."""
    key_set_seconds: float = Field(default=60.0, gt=0)
    """An unknown key id asks auth for its key set again, at most once in these; new keys are published for longer
    before they sign."""
    request_seconds: float = Field(default=15.0, gt=0)
    """The deadline of a request, whatever it calls."""
    body_seconds: float = Field(default=10.0, gt=0)
    """How long a body may take to arrive."""
    body_memory: int = Field(default=64 * 1024 * 1024, ge=3 * 1024 * 1024)
    """Bytes that all bodies together may hold in one process; more are answered with 503 and Retry-After."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, text: str) -> str:
        for item in listed(text):
            ip_network(item)
        return text

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, text: str) -> str:
        if any(_ORIGIN.fullmatch(item) is None for item in listed(text)):
            raise ValueError("an origin is * or scheme://host[:port] in lower case, without a path")
        return text

    @field_validator("read_quota", "write_quota", "link_quota")
    @classmethod
    def _quota(cls, text: str) -> str:
        parse(text)
        return text

    def unsafe(self) -> Iterator[str]:
        """Also: cookies for every origin, and headers believed from everybody or, since TLS ends before us, nobody."""
        yield from super().unsafe()
        if self.cors_credentials and "*" in listed(self.cors_origins):
            yield "CORS_ORIGINS is * while CORS_CREDENTIALS is on"
        if not listed(self.trusted_proxies):
            yield "TRUSTED_PROXIES is missing"
        if any(ip_network(item).prefixlen == 0 for item in listed(self.trusted_proxies)):
            yield "TRUSTED_PROXIES trusts every address"
