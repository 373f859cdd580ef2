"""Settings from the environment or mounted files, refused as a whole when production would be unsafe with them."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from whatsinvoice_kit.rpc.tls import CertificateFiles

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h."""

MIN_SECRET = 16

STAND_IN: Any = "https://nobody:a-stand-in-for-a-missing-value@nowhere.invalid"
"""Passes for any text, so that the rest can be judged while a field is missing."""


class EnvironmentOrFile(PydanticBaseSettingsSource):
    """Finds a field as PREFIX_FIELD, PREFIX_FIELD_FILE, FIELD or FIELD_FILE, in this order."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  (the base's signature)
        prefix = str(self.config.get("env_prefix") or "")
        for name in dict.fromkeys((prefix + field_name.upper(), field_name.upper())):
            if name in os.environ:
                return os.environ[name], field_name, False
            if file := os.environ.get(name + "_FILE"):
                try:
                    return Path(file).read_text().strip(), field_name, False
                except (OSError, ValueError) as error:
                    return error, field_name, False  # no field takes it, so it is named with all else that is wrong
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


class BaseServiceSettings(BaseSettings):
    """What every process has. Subclasses set `env_prefix` and add their own fields."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
    service: ClassVar[str]

    app_env: Literal["dev", "test", "prod"] = "dev"
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    ops_host: str = "127.0.0.1"
    ops_port: int = 0
    service_key: SecretStr = SecretStr("")
    """This service's private ES256 key as a JWK, for the tokens it signs itself."""
    trusted_keys: str = "{}"
    """JSON: issuer -> JWK set of the public keys whose tokens are believed."""
    rpc_tls_cert_file: str = ""
    """This process's certificate with its chain, PEM. The three files are given together, or RPCs are plaintext."""
    rpc_tls_key_file: str = ""
    rpc_tls_ca_file: str = ""
    """The authorities whose certificates are believed."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the base's signature)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, EnvironmentOrFile(settings_cls)

    def certificate_files(self) -> CertificateFiles | None:
        """The files of mutual TLS, None when there are none; OSError when they cannot be used."""
        if not self.rpc_tls_cert_file:
            return None
        return CertificateFiles(*map(Path, self._rpc_tls().values()))

    def _rpc_tls(self) -> dict[str, str]:
        names = ("rpc_tls_cert_file", "rpc_tls_key_file", "rpc_tls_ca_file")
        return {name.upper(): getattr(self, name) for name in names}

    def unusable(self) -> Iterator[str]:
        """A sentence for each value that no process can run with."""
        files = self._rpc_tls()
        missing = [name for name, file in files.items() if not file]
        if missing and len(missing) < len(files):
            yield from (f"{name} is missing" for name in missing)
        if not missing:
            try:
                self.certificate_files()
            except OSError as error:
                said = getattr(error, "reason", None) or error.strerror or type(error).__name__
                yield f"RPC_TLS_CERT_FILE, RPC_TLS_KEY_FILE, RPC_TLS_CA_FILE cannot be used: {said}"

    def unsafe(self) -> Iterator[str]:
        """A sentence for each value that production must not run with."""
        if not any(self._rpc_tls().values()):
            yield from (f"{name} is missing" for name in self._rpc_tls())
        if not self.service_key.get_secret_value():
            yield "SERVICE_KEY is missing"
        if self.trusted_keys == "{}":
            yield "TRUSTED_KEYS is missing"
        if self.log_level == "debug":
            yield "LOG_LEVEL is debug"
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr) and 0 < len(value.get_secret_value()) < MIN_SECRET:
                yield f"{name.upper()} is shorter than {MIN_SECRET} characters"

    def _problems(self) -> list[str]:
        return [*self.unusable(), *(self.unsafe() if self.app_env == "prod" else ())]

    def shown(self) -> str:
        """The effective settings, one `NAME=value` a line, secrets masked and addresses without their passwords."""
        lines = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = "********" if value.get_secret_value() else ""
            lines.append(f"{name.upper()}={_without_password(str(value))}")
        return "\n".join(lines)

    @classmethod
    def load(cls) -> Self:
        """Reads the settings; when any is wrong or unsafe, names every one on stderr and exits with 78."""
        try:
            settings = cls()
        except ValidationError as error:
            problems = [*_wrong(error), *cls._unsafe_besides({str(e["loc"][0]) for e in error.errors() if e["loc"]})]
        else:
            problems = settings._problems()
            if not problems:
                return settings
        for problem in problems:
            sys.stderr.write(f"{cls.service}: {problem}\n")
        raise SystemExit(EXIT_CONFIG)

    @classmethod
    def _unsafe_besides(cls, wrong: set[str]) -> list[str]:
        """What else production would refuse once the wrong fields were right, as far as it can be told."""
        fields = cls.model_fields
        try:
            settings = cls(**{name: STAND_IN if fields[name].is_required() else fields[name].default for name in wrong})
            found = settings._problems()
        except ValueError:  # a rule of the service's own that no stand-in meets
            return []
        return [sentence for sentence in found if not sentence.startswith(tuple(name.upper() for name in wrong))]


class ServiceSettings(BaseServiceSettings):
    """What a service with a database, a bus and a gRPC port has."""

    database_url: SecretStr
    """postgresql://role:password@host/database; the role owns the service's schema and nothing else."""
    redis_url: SecretStr
    grpc_host: str = "127.0.0.1"
    grpc_port: int = 0
    pool_size: int = Field(default=10, ge=2)
    """Connections; a single job holds one while its step needs another."""
    claim_idle_ms: int = Field(default=60_000, ge=100)
    """How long an unacknowledged event rests before another consumer takes it; well above a handler's time."""
    max_deliveries: int = Field(default=5, ge=1)
    outbox_days: int = Field(default=14, ge=1)

    def unsafe(self) -> Iterator[str]:
        yield from super().unsafe()
        if not urlsplit(self.redis_url.get_secret_value()).password:
            yield "REDIS_URL has no password"


SettingsT = TypeVar("SettingsT", bound=BaseServiceSettings)


def _wrong(error: ValidationError) -> Iterator[str]:
    """A sentence for each wrong field; never its value."""
    for found in error.errors():
        unreadable = isinstance(found["input"], (OSError, UnicodeDecodeError))
        said = f"its file cannot be read ({type(found['input']).__name__})" if unreadable else found["msg"]
        yield f"{'.'.join(map(str, found['loc'])).upper()}: {said}"


def _without_password(text: str) -> str:
    """`scheme://user:password@host?password=x` without its passwords."""
    text = re.sub(r"([?&][^=&]*(?:password|secret|token)[^=&]*=)[^&]+", r"\1********", text, flags=re.IGNORECASE)
    scheme, separator, rest = text.partition("://")
    if not separator or "@" not in rest:
        return text
    user, _, host = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}:********@{host}"
