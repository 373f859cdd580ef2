"""Signing keys in a Kubernetes Secret: made once, changed when it is due, and never over somebody else's write."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.api_server import ApiServer, api_server
from whatsinvoice_kit.rotate_secret import main
from whatsinvoice_kit.rpc.keys import parse_signing_keys
from whatsinvoice_kit.rpc.tokens import parse_key_sets

ISSUERS = ("whatsinvoice=auth_signing_keys", "whatsinvoice-payments=payments_service_key")


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with api_server(tmp_path) as running:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(running.port))
        yield running


def rotated(api: ApiServer, *options: str) -> None:
    main(["keys", *ISSUERS, *options], api.account)


def entry(api: ApiServer, name: str) -> str:
    return base64.b64decode(api.data[name]).decode()


def kids(api: ApiServer, name: str) -> set[str]:
    return {str(key["kid"]) for key in parse_signing_keys(entry(api, name))}


def test_an_empty_secret_gets_a_key_for_each_issuer_and_their_public_halves(api: ApiServer) -> None:
    rotated(api)
    trusted = parse_key_sets(entry(api, "trusted_keys"))
    assert set(trusted["whatsinvoice"]) == kids(api, "auth_signing_keys")
    assert set(trusted["whatsinvoice-payments"]) == kids(api, "payments_service_key")
    assert len(kids(api, "auth_signing_keys")) == len(kids(api, "payments_service_key")) == 1
    assert '"d"' not in entry(api, "trusted_keys")


def test_nothing_is_written_while_nothing_is_due(api: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    rotated(api)
    rotated(api)
    assert api.writes == 1
    assert capsys.readouterr().out.endswith("whatsinvoice-payments: nothing is due\n")


def test_a_key_that_is_due_gets_a_successor_and_what_else_lies_there_stays(api: ApiServer) -> None:
    rotated(api)
    api.data["of_somebody_else"] = base64.b64encode(b"kept").decode()
    before = kids(api, "auth_signing_keys")
    rotated(api, "--now")
    assert before < kids(api, "auth_signing_keys")
    assert set(parse_key_sets(entry(api, "trusted_keys"))["whatsinvoice"]) == kids(api, "auth_signing_keys")
    assert entry(api, "of_somebody_else") == "kept"


def test_an_issuer_that_comes_later_gets_its_key(api: ApiServer) -> None:
    rotated(api)
    before = kids(api, "auth_signing_keys")
    main(["keys", *ISSUERS, "whatsinvoice-gateway=gateway_service_key"], api.account)
    assert set(parse_key_sets(entry(api, "trusted_keys"))["whatsinvoice-gateway"]) == kids(api, "gateway_service_key")
    assert kids(api, "auth_signing_keys") == before


def test_what_somebody_wrote_meanwhile_is_not_written_over(api: ApiServer) -> None:
    rotated(api)
    before = dict(api.data)

    def other() -> None:
        api.version += 1

    api.before_write = other
    with pytest.raises(SystemExit, match="keys: the API server says 409"):
        rotated(api, "--now")
    assert api.data == before


def test_who_may_not_or_finds_nobody_says_so(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="other: the API server says 404"):
        main(["other", *ISSUERS], api.account)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")
    with pytest.raises(SystemExit, match=r"keys: .*refused"):
        rotated(api)
    monkeypatch.delenv("KUBERNETES_SERVICE_PORT")
    with pytest.raises(SystemExit, match="this runs in a pod"):
        rotated(api)


def test_an_entry_that_is_no_key_is_named_and_nothing_is_written(api: ApiServer) -> None:
    rotated(api)
    api.data["payments_service_key"] = base64.b64encode(b"no key").decode()
    with pytest.raises(SystemExit, match="whatsinvoice-payments: "):
        rotated(api, "--now")
    assert api.writes == 1
