"""Settings of the auth service."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import ServiceSettings
from whatsinvoice_kit.rpc.keys import SigningKeys, parse_signing_keys

from whatsinvoice_auth.domain import ACCESS_SECONDS


class Settings(ServiceSettings):
    """Environment prefix AUTH_."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")
    service: ClassVar[str] = "auth"
    least_characters: ClassVar[Mapping[str, int]] = {"code_secret": 32, "refresh_secret": 32}

    signing_keys: SecretStr
    """A private ES256 JWK, or a JSON list of them: of those whose `signs_from` has come the latest signs, all are
    published."""
    code_secret: SecretStr
    """One-time codes are made from it; in prod at least 32 characters."""
    refresh_secret: SecretStr
    """Refresh tokens are derived with it; in prod at least 32 characters."""
    access_seconds: int = Field(default=ACCESS_SECONDS, ge=1, le=ACCESS_SECONDS)
    """How long an access token lives."""
    password_threads: int = Field(default=2, ge=1)
    invitations_per_day: int = Field(default=20, ge=1)
    """Invitations of one business a day: each writes to somebody who did not ask for it."""

    @field_validator("signing_keys")
    @classmethod
    def _is_a_list_of_keys(cls, value: SecretStr) -> SecretStr:
        parse_signing_keys(value.get_secret_value())
        return value

    def users_keys(self) -> SigningKeys:
        """The keys that sign users' tokens; those of a file are taken anew whenever it changes."""
        return self._signing_keys("signing_keys")
