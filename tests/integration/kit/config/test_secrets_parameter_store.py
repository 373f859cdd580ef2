"""Secrets from AWS Parameter Store: the real boto3 over real HTTP, against moto's server."""

import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import BaseServiceSettings

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

BASE = "/whatsinvoice/prod"


class Settings(BaseServiceSettings):
    """What a service might have; everything may come from the backend."""

    model_config = SettingsConfigDict(env_prefix="SAMPLE_")
    service: ClassVar[str] = "sample"

    api_secret: SecretStr
    workers: int = 2


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> pytest.MonkeyPatch:
    for name, value in {
        "SECRETS_BACKEND": "aws-ssm",
        "SECRETS_PATH": BASE,
        "SECRETS_REGION": "eu-west-1",
        "SECRETS_ENDPOINT": endpoint,
        "AWS_ACCESS_KEY_ID": "of-the-tests",
        "AWS_SECRET_ACCESS_KEY": "access-word-of-the-tests",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def store(environment: pytest.MonkeyPatch, endpoint: str) -> Iterator["SSMClient"]:
    """Its parameters are deleted after each test."""
    client = boto3.client("ssm", region_name="eu-west-1", endpoint_url=endpoint)
    put(client, "sample/api_secret", "first-word-of-the-tests")
    yield client
    for page in client.get_paginator("describe_parameters").paginate():
        for parameter in page["Parameters"]:
            client.delete_parameter(Name=parameter["Name"])
    client.close()


def put(client: "SSMClient", name: str, value: str) -> None:
    client.put_parameter(Name=f"{BASE}/{name}", Value=value, Type="SecureString", Overwrite=True)


def secret() -> str:
    return Settings.load().api_secret.get_secret_value()


def problems(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What load says before it exits with 78; never a secret."""
    with pytest.raises(SystemExit) as end:
        Settings.load()
    assert end.value.code == 78
    said = capsys.readouterr().err
    assert "word-of-the-tests" not in said
    return said.splitlines()


def test_a_secret_is_read_decrypted_changed_and_read_again_by_the_next_load(store: "SSMClient") -> None:
    kept = store.get_parameter(Name=f"{BASE}/sample/api_secret")["Parameter"]["Value"]
    assert kept != "first-word-of-the-tests"
    assert secret() == "first-word-of-the-tests"
    put(store, "sample/api_secret", "second-word-of-the-tests")
    assert secret() == "second-word-of-the-tests"


def test_the_environment_goes_first_then_the_service_then_what_all_share(
    environment: pytest.MonkeyPatch, store: "SSMClient"
) -> None:
    put(store, "api_secret", "shared-word-of-the-tests")
    put(store, "other/api_secret", "word-of-the-tests-of-another-service")
    put(store, "workers", "7")
    settings = Settings.load()
    assert settings.api_secret.get_secret_value() == "first-word-of-the-tests"
    assert settings.workers == 7
    store.delete_parameter(Name=f"{BASE}/sample/api_secret")
    assert secret() == "shared-word-of-the-tests"
    environment.setenv("SAMPLE_API_SECRET", "given-word-of-the-tests")
    assert secret() == "given-word-of-the-tests"


def test_more_parameters_than_a_page_holds_are_all_read(store: "SSMClient") -> None:
    """A page has ten at the most, and what is asked for stands on the third, whether by name or by age."""
    for field in (*(f"a_name_of_nobody_{number:02}" for number in range(22)), "log_level", "workers"):
        put(store, f"sample/{field}", {"workers": "9", "log_level": "error"}.get(field, "x"))
    answer = store.get_parameters_by_path(Path=f"{BASE}/sample")
    assert len(answer["Parameters"]) == 10
    assert answer["NextToken"]
    settings = Settings.load()
    assert (settings.workers, settings.log_level) == (9, "error")
    assert settings.api_secret.get_secret_value() == "first-word-of-the-tests"


def test_a_secret_that_is_nowhere_is_missing(store: "SSMClient", capsys: pytest.CaptureFixture[str]) -> None:
    store.delete_parameter(Name=f"{BASE}/sample/api_secret")
    assert problems(capsys) == ["sample: API_SECRET: Field required"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SECRETS_PATH": ""}, "SECRETS_PATH is missing"),
        ({"SECRETS_ENDPOINT": "http://ssm.example"}, "aws-ssm: SECRETS_ENDPOINT is not https"),
        ({"SECRETS_ENDPOINT": "http://127.0.0.1:x"}, "aws-ssm: SECRETS_ENDPOINT is no address"),
        ({"SECRETS_REGION": ""}, "aws-ssm: cannot be read (NoRegionError)"),
        ({"AWS_ACCESS_KEY_ID": ""}, "aws-ssm: cannot be read (NoCredentialsError)"),
    ],
)
def test_what_is_wrong_about_the_backend_is_named(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    said: str,
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        environment.delenv(name, raising=False)
    for name, value in changed.items():
        environment.setenv(name, value)
    assert problems(capsys) == [f"sample: {said}"]


def test_an_account_that_the_store_does_not_know_is_refused(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], endpoint: str
) -> None:
    httpx.post(f"{endpoint}/moto-api/reset-auth", content="0").raise_for_status()  # from now on moto asks who it is
    try:
        assert problems(capsys) == ["sample: aws-ssm: refuses (403)"]  # in XML, of which boto3 takes the status alone
    finally:
        httpx.post(f"{endpoint}/moto-api/reset-auth", content="inf").raise_for_status()


def test_a_store_that_is_away_is_named(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment.setenv("SECRETS_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert problems(capsys) == ["sample: aws-ssm: cannot be read (EndpointConnectionError)"]


def test_a_store_that_is_silent_is_given_up(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from whatsinvoice_kit.config.secrets import parameter_store  # noqa: PLC0415  (loads boto3)

    environment.setattr(parameter_store, "TIMEOUT_S", 0.2)
    environment.setattr(parameter_store, "ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment.setenv("SECRETS_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert problems(capsys) == ["sample: aws-ssm: cannot be read (ReadTimeoutError)"]


@pytest.mark.parametrize(("backend", "loaded"), [("env", "False"), ("aws-ssm", "True")])
def test_boto3_is_loaded_by_who_uses_it_alone(
    environment: pytest.MonkeyPatch, store: "SSMClient", backend: str, loaded: str
) -> None:
    environment.setenv("SECRETS_BACKEND", backend)
    program = """
        import sys
        from whatsinvoice_kit.config.settings import BaseServiceSettings
        class Settings(BaseServiceSettings):
            service = "sample"
        Settings.load()
        print("boto3" in sys.modules)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == loaded
