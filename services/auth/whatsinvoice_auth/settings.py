"""Settings of the auth service."""

import json
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator
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

    @field_validator("signing_keys")
    @classmethod
    def _is_a_list_of_keys(cls, value: SecretStr) -> SecretStr:
        try:
            keys = json.loads(value.get_secret_value())
            usable = bool(keys) and all(set(key) >= {"kid", "x", "y", "d"} for key in keys)
        except (ValueError, TypeError):
            usable = False
        if not usable:
            raise ValueError("not a JSON list of private keys")
        return value

    @property
    def keys(self) -> list[dict[str, Any]]:
        """The signing keys, the current one first."""
        keys: list[dict[str, Any]] = json.loads(self.signing_keys.get_secret_value())
        return keys
