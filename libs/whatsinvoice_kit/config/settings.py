"""Settings from environment, files or a secrets backend; refused as a whole where production would be unsafe."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from whatsinvoice_kit.config.redis_address import RedisAddress
from whatsinvoice_kit.config.secrets.source import SecretsBackend
from whatsinvoice_kit.config.secrets.unavailable import SecretsUnavailableError
from whatsinvoice_kit.config.secrets.weakness import (
    MIN_SECRET,
    fault_of_service_key,
    fault_of_trusted_keys,
    weakness_of,
)
from whatsinvoice_kit.events.authentic import EventKeys
from whatsinvoice_kit.rpc.keys import CHECK_SECONDS, SigningKeys, TrustedKeys
from whatsinvoice_kit.rpc.tls import CertificateFiles

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h."""

STAND_IN: Any = "https://nobody:a-stand-in-for-a-missing-value@nowhere.invalid"
"""Passes for any text, so that the rest can be judged while a field is missing."""


class EnvironmentOrFile(PydanticBaseSettingsSource):
    """Finds a field as PREFIX_FIELD, PREFIX_FIELD_FILE, FIELD or FIELD_FILE, in this order."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  (the base's signature)
        for name in _variables(self.config, field_name):
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
    speaks_rpc: ClassVar[bool] = True
    """Without RPCs a process needs neither certificates nor keys that sign."""
    least_characters: ClassVar[Mapping[str, int]] = {}
    """Of secrets that production wants longer than others."""

    app_env: Literal["dev", "test", "prod"] = "dev"
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    ops_host: str = "127.0.0.1"
    ops_port: int = 0
    drain_delay_seconds: float = Field(default=0.0, ge=0, le=20)
    """How long a process that is to end goes on taking work, until those who send it have heard of it: of the 25 s that
    it has in all. Five where a load balancer asks whether it is ready, as on Kubernetes."""
    service_key: SecretStr = SecretStr("")
    """This service's private ES256 key as a JWK, or a list of them, for the tokens it signs itself."""
    trusted_keys: str = "{}"
    """JSON: issuer -> JWK set of the public keys whose tokens are believed."""
    key_check_seconds: float = Field(default=CHECK_SECONDS, gt=0)
    """How often the files of keys are looked at for a change."""
    otel_exporter_otlp_endpoint: str = ""
    """http[s]://host:4317, where traces are sent over gRPC; none by default. OpenTelemetry's own name, as the next."""
    otel_traces_sampler_arg: float = Field(default=0.01, ge=0, le=1)
    """The share of the traces begun here that are sampled; those begun elsewhere follow their beginning."""
    rpc_tls_cert_file: str = ""
    """This process's certificate with its chain, PEM. The three files are given together, or RPCs are plaintext."""
    rpc_tls_key_file: str = ""
    rpc_tls_ca_file: str = ""
    """The authorities whose certificates are believed."""

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _address(cls, text: str) -> str:
        if text and re.fullmatch(r"https?://[\w.-]+:\d{1,5}", text, re.ASCII) is None:
            raise ValueError("an endpoint is http[s]://host:port")
        return text

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the base's signature)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, EnvironmentOrFile(settings_cls), SecretsBackend(settings_cls)

    def service_keys(self) -> SigningKeys:
        """This service's own keys; those of a file are taken anew whenever it changes."""
        return self._signing_keys("service_key")

    def believed_keys(self) -> TrustedKeys:
        """The public keys whose tokens are believed; of a file as `service_keys`."""
        return TrustedKeys(self.trusted_keys, self._file_of("trusted_keys"), check_seconds=self.key_check_seconds)

    def _signing_keys(self, name: str) -> SigningKeys:
        text: SecretStr = getattr(self, name)
        return SigningKeys(text.get_secret_value(), self._file_of(name), check_seconds=self.key_check_seconds)

    def _file_of(self, name: str) -> Path | None:
        """Where a field's value was read from; None when it stands in the environment itself, or in a backend."""
        for variable in _variables(self.model_config, name):
            if variable in os.environ:
                return None
            if file := os.environ.get(variable + "_FILE"):
                return Path(file)
        return None

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
        if self.speaks_rpc:
            yield from self._unsafe_rpcs()
        if self.log_level == "debug":
            yield "LOG_LEVEL is debug"
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if isinstance(value, SecretStr) and name not in ("service_key", "event_keys"):
                text = value.get_secret_value()
                if not text and field.is_required():
                    yield f"{name.upper()} is missing"
                elif text and (fault := self._weakness(name, text)):
                    yield f"{name.upper()}{fault}"

    def _unsafe_rpcs(self) -> Iterator[str]:
        if not any(self._rpc_tls().values()):
            yield from (f"{name} is missing" for name in self._rpc_tls())
        if fault := fault_of_service_key(self.service_key.get_secret_value()):
            yield f"SERVICE_KEY{fault}"
        if fault := fault_of_trusted_keys(self.trusted_keys):
            yield f"TRUSTED_KEYS{fault}"

    def _weakness(self, name: str, text: str) -> str:
        least = self.least_characters.get(name, MIN_SECRET)
        return weakness_of(text, address=name.endswith("_url"), least=least)

    def problems(self) -> Iterator[str]:
        """A sentence for each value that this process must not run with."""
        yield from self.unusable()
        if self.app_env == "prod":
            yield from self.unsafe()

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
            problems = list(settings.problems())
            if not problems:
                return settings
        for problem in dict.fromkeys(problems):
            sys.stderr.write(f"{cls.service}: {problem}\n")
        raise SystemExit(EXIT_CONFIG)

    @classmethod
    def _unsafe_besides(cls, wrong: set[str]) -> list[str]:
        """What else production would refuse once the wrong fields were right, as far as it can be told."""
        found: list[str] = []
        with suppress(ValueError, TypeError):  # a rule may stumble over a stand-in; what was said before it holds
            settings = cls._without(wrong)
            for sentence in settings.problems():
                found.append(sentence)  # noqa: PERF402  (a list of them would be lost when a rule stumbles)
        return [sentence for sentence in found if not sentence.startswith(tuple(name.upper() for name in wrong))]

    @classmethod
    def _without(cls, wrong: set[str]) -> Self:
        """The settings with stand-ins for the wrong fields, which no rule is asked about."""
        given = EnvironmentOrFile(cls)()
        given |= SecretsBackend(cls).fill(cls.model_fields.keys() - given.keys() - wrong)
        values: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            kind: Any = field.annotation
            if name in given and name not in wrong:
                values[name] = TypeAdapter(Annotated[kind, field]).validate_python(given[name])
            elif field.is_required():
                values[name] = SecretStr(STAND_IN) if kind is SecretStr else STAND_IN
        return cls.model_construct(**values)


class RedisSettings(BaseServiceSettings):
    """What a process has that speaks to Redis, as one server, through Sentinels, or as a cluster."""

    redis_url: SecretStr
    """redis://:password@host:6379/0, redis+sentinel://:password@host,host/0?service=name (the hosts are Sentinels), or
    redis+cluster://:password@host,host; with rediss in the place of redis for TLS, which production must have."""
    redis_tls_ca_file: str = ""
    """The authority of Redis's certificates, PEM; empty: those that the system believes."""
    redis_sentinel_password: SecretStr = SecretStr("")
    """Where the Sentinels have one of their own; empty: they are told the user and password of REDIS_URL."""

    def redis_address(self) -> RedisAddress:
        """Where Redis is; ValueError when REDIS_URL cannot be read."""
        address = RedisAddress.parse(self.redis_url.get_secret_value())
        return address.trusting(self.redis_tls_ca_file, self.redis_sentinel_password.get_secret_value())

    def unusable(self) -> Iterator[str]:
        """Also: an address of Redis that cannot be read."""
        yield from super().unusable()
        try:
            address = self.redis_address()
        except ValueError as error:
            yield f"REDIS_URL {error}"
        else:
            if fault := address.unusable():
                yield f"REDIS_TLS_CA_FILE cannot be used: {fault}"

    def unsafe(self) -> Iterator[str]:
        """Also: Redis without TLS, which carries every event and its own password."""
        yield from super().unsafe()
        with suppress(ValueError):  # said by `unusable`
            if not self.redis_address().tls:
                yield "REDIS_URL is not encrypted (rediss://)"


ENCRYPTED = ("require", "verify-ca", "verify-full")
"""Of libpq's values of `sslmode`, those that never speak in plaintext (PostgreSQL 15, 34.19.1)."""


class ServiceSettings(RedisSettings):
    """What a service with a database, a bus and a gRPC port has."""

    database_url: SecretStr
    """postgresql://role:password@host/database. The role reads and writes the rows of its schema and nothing else; for
    `migrate` it is the role that owns the schema. Production must have `?sslmode=require` or better; `verify-full` with
    `sslrootcert=` also knows whom it speaks to."""
    grpc_host: str = "127.0.0.1"
    grpc_port: int = 0
    pool_size: int = Field(default=10, ge=2)
    """Connections; a single job holds one while its step needs another.

    The sum of `pool_size + 2` (one listens, one holds the places of single jobs) over all processes that autoscalers
    allow, and one more of each while it rolls, plus 21 (migrations, a backup, people), stays within Postgres'
    max_connections: tests/integration/deploy/test_pools.py.
    """
    event_keys: SecretStr = SecretStr("")
    """JSON: peer -> the keys shared with it, the first of which signs events for it; the others verify its events too,
    while a key rotates. `{"payments": ["…"]}`, 32 characters or more each."""
    claim_idle_ms: int = Field(default=60_000, ge=100)
    """How long an unacknowledged event rests before another consumer takes it; well above a handler's time."""
    max_deliveries: int = Field(default=5, ge=1)
    outbox_days: int = Field(default=14, ge=1)
    retention_days: dict[str, float] = {}
    """JSON: retention rule -> days, in the place of its default (docs/retention.md); `{"inbound_messages": 14}`."""

    def shared_event_keys(self) -> EventKeys:
        """Return the keys shared with other services.

        Raises:
            ValueError: EVENT_KEYS cannot be read.
        """
        return EventKeys.parse(self.service, self.event_keys.get_secret_value())

    def unsafe(self) -> Iterator[str]:
        """Also: Postgres without TLS, or with TLS only where the server likes it (libpq's default)."""
        yield from super().unsafe()
        try:
            self.shared_event_keys()
        except ValueError as error:
            yield f"EVENT_KEYS {error}" if self.event_keys.get_secret_value() else "EVENT_KEYS is missing"
        text = self.database_url.get_secret_value()
        if not self._weakness("database_url", text):
            [mode] = parse_qs(urlsplit(text).query).get("sslmode", [""])[-1:]
            if mode not in ENCRYPTED:
                yield f"DATABASE_URL is not encrypted (sslmode: {', '.join(ENCRYPTED)})"


SettingsT = TypeVar("SettingsT", bound=BaseServiceSettings)


def _variables(config: SettingsConfigDict, field_name: str) -> Iterable[str]:
    """The names of a field in the environment, the first to be looked at first."""
    prefix = str(config.get("env_prefix") or "")
    return dict.fromkeys((prefix + field_name.upper(), field_name.upper()))


def _wrong(error: ValidationError) -> Iterator[str]:
    """A sentence for each wrong field; never its value."""
    for found in error.errors():
        if isinstance(found["input"], SecretsUnavailableError):
            yield from found["input"].args  # once for each missing field; `load` says a sentence once
            continue
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
