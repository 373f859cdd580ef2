"""Secrets from Vault, over real HTTP and TLS: found, changed, and never guessed when Vault does not give them."""

import datetime as dt
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from support.event_keys import EVENT_KEYS
from support.vault import Vault, serving
from whatsinvoice_kit.config.secrets import vault as client
from whatsinvoice_kit.config.settings import BaseServiceSettings, ServiceSettings
from whatsinvoice_kit.rpc.tokens import generate_key

TOKEN = "hvs.a-token-of-the-tests"


class Settings(BaseServiceSettings):
    """What a service might have; everything may come from the backend."""

    model_config = SettingsConfigDict(env_prefix="SAMPLE_")
    service: ClassVar[str] = "sample"

    api_secret: SecretStr
    workers: int = 2


@pytest.fixture
def vault() -> Iterator[Vault]:
    with serving(Vault(TOKEN)) as vault:
        vault.write("whatsinvoice/prod/sample", api_secret="first-word-of-the-tests")
        yield vault


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, vault: Vault) -> pytest.MonkeyPatch:
    for name, value in {
        "SECRETS_BACKEND": "vault",
        "SECRETS_PATH": "/whatsinvoice/prod",
        "VAULT_ADDR": vault.address,
        "VAULT_TOKEN": TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def secret() -> str:
    return Settings.load().api_secret.get_secret_value()


def problems(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What load says before it exits with 78; never a secret."""
    with pytest.raises(SystemExit) as end:
        Settings.load()
    assert end.value.code == 78
    said = capsys.readouterr().err
    assert TOKEN not in said
    assert "word-of-the-tests" not in said
    return said.splitlines()


def test_a_secret_is_read_changed_and_read_again_by_the_next_load(
    environment: pytest.MonkeyPatch, vault: Vault
) -> None:
    assert secret() == "first-word-of-the-tests"
    vault.write("whatsinvoice/prod/sample", api_secret="second-word-of-the-tests")
    assert secret() == "second-word-of-the-tests"


def test_the_environment_goes_first_then_the_service_then_what_all_share(
    environment: pytest.MonkeyPatch, vault: Vault, tmp_path: Path
) -> None:
    vault.write("whatsinvoice/prod", api_secret="shared-word-of-the-tests", workers=7, log_level="error", unknown="x")
    settings = Settings.load()
    assert settings.api_secret.get_secret_value() == "first-word-of-the-tests"
    assert (settings.workers, settings.log_level) == (7, "error")
    vault.delete("whatsinvoice/prod/sample")
    assert secret() == "shared-word-of-the-tests"
    (tmp_path / "mounted").write_text("mounted-word-of-the-tests\n")
    environment.setenv("API_SECRET_FILE", str(tmp_path / "mounted"))
    assert secret() == "mounted-word-of-the-tests"
    environment.setenv("SAMPLE_API_SECRET", "given-word-of-the-tests")
    assert secret() == "given-word-of-the-tests"


def test_keys_may_be_kept_as_json_in_json(environment: pytest.MonkeyPatch, vault: Vault) -> None:
    vault.write("whatsinvoice/prod", trusted_keys={"whatsinvoice": {"keys": []}}, log_level=None)
    settings = Settings.load()
    assert json.loads(settings.trusted_keys) == {"whatsinvoice": {"keys": []}}
    assert settings.log_level == "info"


def test_token_from_a_file_mount_and_namespace(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    environment.delenv("VAULT_TOKEN")
    environment.setenv("VAULT_TOKEN_FILE", str(tmp_path / "token"))
    environment.setenv("VAULT_MOUNT", "kv/team")
    environment.setenv("VAULT_NAMESPACE", "pay")
    with serving(Vault(TOKEN, mount="kv/team", namespace="pay")) as vault:
        vault.write("whatsinvoice/prod/sample", api_secret="other-word-of-the-tests")
        environment.setenv("VAULT_ADDR", vault.address)
        assert secret() == "other-word-of-the-tests"


def test_without_a_backend_nobody_is_asked(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], vault: Vault
) -> None:
    environment.setenv("SECRETS_BACKEND", "env")
    assert problems(capsys) == ["sample: API_SECRET: Field required"]
    assert vault.asked == []


def test_a_secret_that_is_nowhere_is_missing(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], vault: Vault
) -> None:
    vault.delete("whatsinvoice/prod/sample")
    assert problems(capsys) == ["sample: API_SECRET: Field required"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SECRETS_BACKEND", "vualt", "SECRETS_BACKEND is none of env, aws-ssm and vault"),
        ("SECRETS_PATH", "/", "SECRETS_PATH is missing"),
        ("VAULT_ADDR", "", "vault: VAULT_ADDR is missing"),
        ("VAULT_ADDR", "http://vault.example:8200", "vault: VAULT_ADDR is not https"),
        ("VAULT_ADDR", "ftp://127.0.0.1", "vault: VAULT_ADDR is not https"),
        ("VAULT_ADDR", "https://127.0.0.1:port", "vault: VAULT_ADDR is no address"),
        ("VAULT_ADDR", "vault", "vault: VAULT_ADDR is no address"),
        ("VAULT_TOKEN", "", "vault: VAULT_TOKEN is missing"),
        ("VAULT_TOKEN", "hvs.another", "vault: the token is refused, or may not read whatsinvoice/prod (403)"),
        ("VAULT_TOKEN", f"{TOKEN}\n", "vault: cannot be read (ValueError)"),
        ("VAULT_MOUNT", "kv", "vault: has no mount kv"),
        ("VAULT_NAMESPACE", "pay", "vault: the token is refused, or may not read whatsinvoice/prod (403)"),
    ],
)
def test_what_is_wrong_about_the_backend_is_named(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    environment.setenv(name, value)
    assert problems(capsys) == [f"sample: {said}"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b'{"errors": ["internal error"]}', "answers 500"),
        (503, b'{"errors": ["Vault is sealed"]}', "answers 503"),
        (307, b"", "redirects, and redirects are not followed (307)"),
        (200, b"<html>", "its answer is not that of KV version 2"),
        (200, b"\xff\xfe", "its answer is not that of KV version 2"),
        (200, b'{"data": {"api_secret": "word-of-the-tests"}}', "its answer is not that of KV version 2"),
        (200, b'{"data": {"data": ["word-of-the-tests"]}}', "its answer is not that of KV version 2"),
        (200, b"[" * 100_000, "its answer is not that of KV version 2"),
        (404, b"page not found", "its answer is not that of KV version 2"),
        (200, b" " * 1_500_000, "cannot be read (ValueError)"),
    ],
)
def test_an_answer_that_is_none_is_named(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    vault: Vault,
    status: int,
    body: bytes,
    said: str,
) -> None:
    vault.fault = (status, body)
    assert problems(capsys) == [f"sample: vault: {said}"]
    assert len(vault.asked) == 1


def test_a_vault_that_is_away_is_named(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment.setenv("VAULT_ADDR", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert problems(capsys) == ["sample: vault: cannot be read (ConnectionRefusedError)"]


@pytest.mark.parametrize(("seconds", "drip"), [(60, 0), (0, 0.05)])
def test_a_slow_vault_is_given_up(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], vault: Vault, seconds: float, drip: float
) -> None:
    assert client.TIMEOUT_S == 5
    environment.setattr(client, "TIMEOUT_S", 0.2)
    vault.seconds, vault.drip = seconds, drip
    began = time.monotonic()
    assert problems(capsys) == ["sample: vault: cannot be read (TimeoutError)"]
    assert time.monotonic() - began < 2


def test_a_backend_that_is_away_hides_nothing_else_that_is_wrong(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"APP_ENV": "prod", "LOG_LEVEL": "debug", "WORKERS": "many", "VAULT_ADDR": ""}.items():
        environment.setenv(name, value)
    environment.delenv("VAULT_TOKEN")
    environment.setenv("VAULT_TOKEN_FILE", "nowhere")
    said = problems(capsys)
    assert said[:2] == [
        "sample: vault: VAULT_ADDR is missing",
        "sample: vault: VAULT_TOKEN_FILE cannot be read (FileNotFoundError)",
    ]
    assert said[2].startswith("sample: WORKERS: ")
    assert said[3:] == ["sample: LOG_LEVEL is debug"]


def test_ten_wrong_things_of_the_environment_and_the_backend_are_ten_lines(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], vault: Vault
) -> None:
    class Whole(Settings, ServiceSettings):
        """With a database and a bus."""

    for name, value in {"APP_ENV": "prod", "LOG_LEVEL": "debug", "WORKERS": "many"}.items():
        environment.setenv(name, value)
    environment.setenv("EVENT_KEYS", EVENT_KEYS)
    vault.write("whatsinvoice/prod", trusted_keys=[], claim_idle_ms=1, ops_port="x")
    vault.write(
        "whatsinvoice/prod/sample",
        api_secret="short",
        database_url="postgresql://sample:a-database-word-of-the-tests@db/x?sslmode=require",
        service_key=generate_key(),
    )
    with pytest.raises(SystemExit):
        Whole.load()
    said = capsys.readouterr().err.splitlines()
    for name in (
        "OPS_PORT: ",
        "REDIS_URL: Field required",
        "CLAIM_IDLE_MS: ",
        "WORKERS: ",
        "TRUSTED_KEYS is no JSON object",
        "LOG_LEVEL is debug",
        "API_SECRET is shorter than 16 characters",
        *(f"{name} is missing" for name in ("RPC_TLS_CERT_FILE", "RPC_TLS_KEY_FILE", "RPC_TLS_CA_FILE")),
    ):
        assert any(line.startswith(f"sample: {name}") for line in said), name
    assert len(said) == 10


def test_a_certificate_of_nobody_is_refused_and_one_of_a_named_authority_taken(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    certificate = a_certificate(tmp_path, "127.0.0.1")
    with serving(Vault(TOKEN), certificate) as vault:
        vault.write("whatsinvoice/prod", api_secret="sealed-word-of-the-tests")
        environment.setenv("VAULT_ADDR", vault.address)
        assert problems(capsys) == ["sample: vault: cannot be read (SSLCertVerificationError)"]
        assert vault.asked == []
        environment.setenv("VAULT_CACERT", str(tmp_path / "certificate"))
        assert secret() == "sealed-word-of-the-tests"
        environment.setenv("VAULT_CACERT", str(tmp_path / "nowhere"))
        assert problems(capsys) == ["sample: vault: cannot be read (FileNotFoundError)"]


def test_a_certificate_of_another_name_is_refused(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with serving(Vault(TOKEN), a_certificate(tmp_path, "127.0.0.2")) as vault:
        environment.setenv("VAULT_ADDR", vault.address)
        environment.setenv("VAULT_CACERT", str(tmp_path / "certificate"))
        assert problems(capsys) == ["sample: vault: cannot be read (SSLCertVerificationError)"]
        assert vault.asked == []


def a_certificate(folder: Path, address: str) -> ssl.SSLContext:
    """Signed by itself; left as `certificate` and `key` in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vault of the tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context
