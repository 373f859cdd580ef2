"""Settings: where they are found, what production refuses, and that no secret is ever shown."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import EXIT_CONFIG, RedisSettings, ServiceSettings
from whatsinvoice_kit.rpc.tokens import generate_key, public_half
from whatsinvoice_local.certificates import write_certificates

KEY = generate_key()


class Settings(ServiceSettings):
    """What a service might have."""

    model_config = SettingsConfigDict(env_prefix="SAMPLE_")
    service: ClassVar[str] = "sample"

    api_secret: SecretStr
    public_url: str
    workers: int = Field(default=2, ge=1)

    def unsafe(self) -> Iterator[str]:
        yield from super().unsafe()
        if not self.public_url.startswith("https://"):
            yield "PUBLIC_URL is not https"


GOOD = {
    "APP_ENV": "prod",
    "SERVICE_KEY": json.dumps(KEY),
    "TRUSTED_KEYS": json.dumps({"whatsinvoice": {"keys": [public_half(KEY)]}}),
    "DATABASE_URL": "postgresql://sample:database-word-of-the-tests@db/whatsinvoice?sslmode=require&sslpassword=query-word",
    "REDIS_URL": "rediss://:redis-word-of-the-tests@redis:6379/0",
    "API_SECRET": "an-api-word-of-the-tests",
    "EVENT_KEYS": '{"invoices": ["an-event-key-of-the-tests-32-chars"]}',
    "PUBLIC_URL": "https://user:url-word@pay.example",
}
TLS = {"RPC_TLS_CERT_FILE": "sample.crt", "RPC_TLS_KEY_FILE": "sample.key", "RPC_TLS_CA_FILE": "ca.crt"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    write_certificates(tmp_path, ["sample", "other"])
    for name, file in TLS.items():
        monkeypatch.setenv(name, str(tmp_path / file))
    return monkeypatch


def problems(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What load says before it exits with 78."""
    with pytest.raises(SystemExit) as end:
        Settings.load()
    assert end.value.code == EXIT_CONFIG == 78
    return capsys.readouterr().err.splitlines()


def test_a_good_environment_is_taken(environment: pytest.MonkeyPatch) -> None:
    settings = Settings.load()
    assert settings.api_secret.get_secret_value() == GOOD["API_SECRET"]
    assert settings.workers == 2
    assert settings.certificate_files() is not None


def test_the_prefix_goes_before_and_a_value_before_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = ["WORKERS_FILE", "WORKERS", "SAMPLE_WORKERS_FILE", "SAMPLE_WORKERS"]
    for number, name in enumerate(names, 11):
        value = str(number)
        if name.endswith("_FILE"):
            (tmp_path / name).write_text(f"{value}\n")
            value = str(tmp_path / name)
        environment.setenv(name, value)
        assert Settings.load().workers == number


def test_ten_wrong_things_are_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "APP_ENV": "prod",
        "LOG_LEVEL": "debug",
        "REDIS_URL": "rediss://somebody@127.0.0.1/0",
        "PUBLIC_URL": "https://pay.example",
        "WORKERS": "many",
        "GRPC_PORT": "x",
        "API_SECRET": "an-api-word-of-the-tests",
        "EVENT_KEYS": GOOD["EVENT_KEYS"],
        "TRUSTED_KEYS": "[]",
    }.items():
        monkeypatch.setenv(name, value)
    said = problems(capsys)
    for name in (
        "DATABASE_URL: Field required",
        "WORKERS: ",
        "GRPC_PORT: ",
        "SERVICE_KEY is missing",
        "TRUSTED_KEYS is no JSON object",
        "LOG_LEVEL is debug",
        "REDIS_URL has no password",
        *(f"{name} is missing" for name in TLS),
    ):
        assert any(line.startswith(f"sample: {name}") for line in said), name
    assert len(said) == 10


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SERVICE_KEY", "", "SERVICE_KEY is missing"),
        ("SERVICE_KEY", '{"kty": "EC", "crv": "P-256"}', "SERVICE_KEY is no private key"),
        ("SERVICE_KEY", json.dumps(public_half(KEY)), "SERVICE_KEY is no private key"),
        ("SERVICE_KEY", "7", "SERVICE_KEY is no private key"),
        ("TRUSTED_KEYS", "{}", "TRUSTED_KEYS is missing"),
        ("TRUSTED_KEYS", '{"whatsinvoice": []}', "TRUSTED_KEYS is no JSON object of issuer -> JWK set"),
        ("TRUSTED_KEYS", json.dumps({"whatsinvoice": {"keys": [KEY]}}), "TRUSTED_KEYS holds a private key"),
        ("LOG_LEVEL", "debug", "LOG_LEVEL is debug"),
        ("EVENT_KEYS", "", "EVENT_KEYS is missing"),
        (
            "EVENT_KEYS",
            '{"invoices": ["short"]}',
            "EVENT_KEYS has a key for invoices that is shorter than 32 characters",
        ),
        ("DATABASE_URL", "", "DATABASE_URL is missing"),
        ("DATABASE_URL", "postgresql://sample@db/whatsinvoice", "DATABASE_URL has no password"),
        ("DATABASE_URL", "sample", "DATABASE_URL is no address"),
        ("DATABASE_URL", "postgresql://u:%61@db/x", "DATABASE_URL's password is shorter than 16 characters"),
        (
            "DATABASE_URL",
            "postgresql://u:PasswordPassword@db/x",
            "DATABASE_URL's password is a default or easily guessed",
        ),
        *(
            (
                "DATABASE_URL",
                f"postgresql://u:{'a9b8c7d6' * 3}@db/x{mode}",
                "DATABASE_URL is not encrypted (sslmode: require, verify-ca, verify-full)",
            )
            for mode in ("", "?sslmode=prefer", "?sslmode=require&sslmode=disable", "?application_name=require")
        ),
        ("REDIS_URL", "", "REDIS_URL is missing"),
        ("REDIS_URL", "rediss://redis:6379/0", "REDIS_URL has no password"),
        ("REDIS_URL", "rediss://somebody@redis:6379/0", "REDIS_URL has no password"),
        ("REDIS_URL", "rediss://:@redis:6379/0", "REDIS_URL has no password"),
        ("REDIS_URL", "rediss://[:word@redis:6379/0", "REDIS_URL is no address"),
        ("REDIS_URL", "rediss://:foobared@redis:6379/0", "REDIS_URL's password is shorter than 16 characters"),
        ("REDIS_URL", "rediss+cluster://one:6379,two:6379", "REDIS_URL has no password"),
        ("REDIS_URL", f"redis://:{'a9b8c7d6' * 3}@redis:6379/0", "REDIS_URL is not encrypted (rediss://)"),
        ("REDIS_URL", f"redis+cluster://:{'a9b8c7d6' * 3}@one,two", "REDIS_URL is not encrypted (rediss://)"),
        ("REDIS_SENTINEL_PASSWORD", "foobared", "REDIS_SENTINEL_PASSWORD is shorter than 16 characters"),
        ("REDIS_TLS_CA_FILE", "/nothing/ca.crt", "REDIS_TLS_CA_FILE cannot be used: No such file or directory"),
        ("API_SECRET", "", "API_SECRET is missing"),
        ("API_SECRET", "fifteen letters", "API_SECRET is shorter than 16 characters"),
        ("API_SECRET", "change-me-before-production", "API_SECRET is a default or easily guessed"),
        ("API_SECRET", "sandbox_access_token", "API_SECRET is a default or easily guessed"),
        ("API_SECRET", "12345678901234567890", "API_SECRET is a default or easily guessed"),
        ("API_SECRET", "abababababababababab", "API_SECRET is a default or easily guessed"),
    ],
)
def test_each_rule_refuses_production_by_itself(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    environment.setenv(name, value)
    assert problems(capsys) == [f"sample: {said}"]


def test_a_rule_that_no_stand_in_meets_hides_nothing(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Ruled(Settings):
        numbers: SecretStr

        @field_validator("numbers")
        @classmethod
        def _are_json(cls, value: SecretStr) -> SecretStr:
            json.loads(value.get_secret_value())
            return value

        def unsafe(self) -> Iterator[str]:
            yield from super().unsafe()
            if not json.loads(self.numbers.get_secret_value()):
                yield "NUMBERS is empty"

    environment.setenv("LOG_LEVEL", "debug")
    environment.setenv("REDIS_URL", "rediss://redis:6379/0")
    for numbers, said in ((None, "NUMBERS: Field required"), ("[", "NUMBERS: "), ("[]", "NUMBERS is empty")):
        environment.delenv("NUMBERS", raising=False)
        if numbers is not None:
            environment.setenv("NUMBERS", numbers)
        with pytest.raises(SystemExit):
            Ruled.load()
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 3
        assert any(line.startswith(f"sample: {said}") for line in lines)
        assert {"sample: LOG_LEVEL is debug", "sample: REDIS_URL has no password"} < set(lines)


def test_random_secrets_are_taken(environment: pytest.MonkeyPatch) -> None:
    for _ in range(40):
        for make in (secrets.token_urlsafe, secrets.token_hex):
            environment.setenv("API_SECRET", make(16))
            environment.setenv("REDIS_URL", f"rediss://:{make(16)}@redis:6379/0")
            Settings.load()


def test_a_redis_without_a_password_is_refused_of_a_process_without_a_database_too(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Edge(RedisSettings):
        service: ClassVar[str] = "edge"

    environment.setenv("REDIS_URL", "rediss://somebody@redis:6379/0")
    with pytest.raises(SystemExit):
        Edge.load()
    assert capsys.readouterr().err == "edge: REDIS_URL has no password\n"


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "API_SECRET", "PUBLIC_URL"])
def test_a_missing_value_is_named(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    environment.delenv(name)
    assert problems(capsys) == [f"sample: {name}: Field required"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
@pytest.mark.parametrize("name", ["API_SECRET", "WORKERS"])
def test_a_file_that_cannot_be_read_is_named_like_any_other_fault(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    content: bytes | None,
) -> None:
    environment.delenv(name, raising=False)
    environment.setenv(f"{name}_FILE", str(tmp_path / "mounted"))
    environment.setenv("LOG_LEVEL", "debug")
    if content is not None:
        (tmp_path / "mounted").write_bytes(content)
    first, second = problems(capsys)
    assert first.startswith(f"sample: {name}: its file cannot be read (")
    assert second == "sample: LOG_LEVEL is debug"


@pytest.mark.parametrize("name", ["WORKERS", "LOG_LEVEL", "GRPC_PORT", "APP_ENV"])
def test_a_bad_value_is_never_echoed(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    environment.setenv(name, "hunter2-in-the-wrong-place")
    (said,) = problems(capsys)
    assert said.startswith(f"sample: {name}: ")
    assert "hunter2" not in said


def test_production_is_refused_plaintext_rpc(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in TLS:
        environment.delenv(name)
    assert problems(capsys) == [f"sample: {name} is missing" for name in TLS]
    environment.setenv("APP_ENV", "dev")
    assert Settings.load().certificate_files() is None


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("name", TLS)
def test_certificate_files_are_given_together_everywhere(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stage: str, name: str
) -> None:
    environment.setenv("APP_ENV", stage)
    environment.delenv(name)
    assert problems(capsys) == [f"sample: {name} is missing"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("RPC_TLS_CERT_FILE", None, "No such file or directory"),
        ("RPC_TLS_KEY_FILE", "other.key", "KEY_VALUES_MISMATCH"),
        ("RPC_TLS_CA_FILE", "sample.key", "NO_CERTIFICATE_OR_CRL_FOUND"),
    ],
)
def test_certificate_files_that_cannot_be_used_are_refused_at_the_start(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    content: str | None,
    said: str,
) -> None:
    environment.setenv("APP_ENV", "dev")
    environment.setenv(name, str(tmp_path / (content or "nothing")))
    assert problems(capsys) == [f"sample: {', '.join(TLS)} cannot be used: {said}"]


def test_outside_of_production_the_unsafe_is_allowed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("APP_ENV", "dev")
    environment.setenv("LOG_LEVEL", "debug")
    assert Settings.load().log_level == "debug"


def test_an_endpoint_for_traces_is_an_address_and_the_share_a_share(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = Settings.load()
    assert (loaded.otel_exporter_otlp_endpoint, loaded.otel_traces_sampler_arg) == ("", 0.01)
    environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.test:4317")
    environment.setenv("SAMPLE_OTEL_TRACES_SAMPLER_ARG", "0.5")
    loaded = Settings.load()
    assert (loaded.otel_exporter_otlp_endpoint, loaded.otel_traces_sampler_arg) == ("https://collector.test:4317", 0.5)
    environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")
    environment.setenv("SAMPLE_OTEL_TRACES_SAMPLER_ARG", "2")
    found = " ".join(problems(capsys))
    assert "OTEL_EXPORTER_OTLP_ENDPOINT: Value error, an endpoint is http[s]://host:port" in found
    assert "OTEL_TRACES_SAMPLER_ARG: Input should be less than or equal to 1" in found


def test_settings_are_shown_without_secrets(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPS_HOST", "http://u:ops-word@h/p?a=1&db_password=query-word&b=2")
    shown = Settings.load().shown()
    for secret in ("database-word", "query-word", "redis-word", "url-word", "ops-word", "api-word", KEY["d"]):
        assert secret not in shown
    assert "PUBLIC_URL=https://user:********@pay.example" in shown
    assert "OPS_HOST=http://u:********@h/p?a=1&db_password=********&b=2" in shown
    assert "API_SECRET=********" in shown
    assert "WORKERS=2" in shown
    assert {line.partition("=")[0] for line in shown.splitlines()} == {name.upper() for name in Settings.model_fields}


def test_neither_the_settings_nor_their_error_say_a_secret(environment: pytest.MonkeyPatch) -> None:
    assert "api-word" not in repr(Settings.load())
    assert "database-word" not in str(Settings.load())
