"""Settings of the auth service."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import ServiceSettings


class Settings(ServiceSettings):
    """Environment prefix AUTH_."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")
    service: ClassVar[str] = "auth"

    notifications_grpc: str
    """host:port of the notifications service."""
    signing_keys: SecretStr
    """JSON list of private ES256 JWKs: the first signs, the others are published as well (the next, the last)."""
    code_secret: SecretStr
    """One-time codes are made from it; at least 32 characters."""
    refresh_secret: SecretStr
    """Refresh tokens are derived with it; at least 32 characters."""
    password_threads: int = Field(default=2, ge=1)

    @property
    def keys(self) -> list[dict[str, Any]]:
        """The signing keys, the current one first."""
        keys: list[dict[str, Any]] = json.loads(self.signing_keys.get_secret_value())
        return keys

    def unsafe(self) -> Iterator[str]:
        yield from super().unsafe()
        if not self.keys:
            yield "AUTH_SIGNING_KEYS is empty"
