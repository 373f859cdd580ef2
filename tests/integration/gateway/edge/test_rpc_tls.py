"""The gateway and a service as whole processes over mutual TLS, and what each program refuses in production."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.keys import Keyring
from support.services import running
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice_auth.settings import Settings as Auth
from whatsinvoice_gateway.clients import Services
from whatsinvoice_gateway.settings import Settings as Gateway
from whatsinvoice_invoices.__main__ import SPEC as INVOICES
from whatsinvoice_invoices.settings import Settings as Invoices
from whatsinvoice_kit.config.settings import EXIT_CONFIG, BaseServiceSettings
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.rpc.call import Call, serving
from whatsinvoice_kit.rpc.identity import ServiceIdentity
from whatsinvoice_local.certificates import NAMES, write_certificates
from whatsinvoice_notifications.settings import Settings as Notifications
from whatsinvoice_payments.settings import Settings as Payments

NOBODY = "127.0.0.1:1"
FILES = ("RPC_TLS_CERT_FILE", "RPC_TLS_KEY_FILE", "RPC_TLS_CA_FILE")


def tls(folder: Path, name: str) -> dict[str, str]:
    """The settings of one process's certificate."""
    names = (f"{name}.crt", f"{name}.key", "ca.crt")
    return {variable.lower(): str(folder / file) for variable, file in zip(FILES, names, strict=True)}


async def answer(keyring: Keyring, redis_url: str, port: int, files: dict[str, str]) -> str:
    """What a gateway with these files hears when it passes on the call of a user whose business is unknown."""
    values: dict[str, Any] = {
        **dict.fromkeys(("auth_grpc", "payments_grpc", "notifications_grpc"), NOBODY),
        "app_env": "test",
        "redis_url": redis_url,
        "invoices_grpc": f"127.0.0.1:{port}",
    }
    settings = Gateway(**(values | files))
    services = Services(settings, ServiceIdentity("gateway", keyring.services["gateway"]))
    try:
        with serving(Call(token=f"Bearer {keyring.user_token(new_id('biz'))}")), pytest.raises(ServiceError) as error:
            await services.as_user("invoices", services.invoices.ListInvoices, pb.ListInvoicesRequest())
    finally:
        await services.close()
    return error.value.reason


async def test_the_gateway_reaches_a_service_by_its_own_certificate_alone(
    keyring: Keyring, redis_url: str, migrated: dict[str, str], tmp_path: Path
) -> None:
    write_certificates(tmp_path)
    values: dict[str, Any] = {
        "redis_url": redis_url,
        "trusted_keys": keyring.trusted,
        "database_url": migrated["invoices"],
        "service_key": json.dumps(keyring.services["invoices"]),
        "public_base_url": "http://pay.test",
        **dict.fromkeys(("s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key"), "http://127.0.0.1:1"),
    }
    async with running(INVOICES, **values, **tls(tmp_path, "invoices")) as process:
        port = process.rpc.port if process.rpc else 0
        heard = {name: await answer(keyring, redis_url, port, tls(tmp_path, name)) for name in NAMES}
        heard["nobody"] = await answer(keyring, redis_url, port, {})
    refused = dict.fromkeys(NAMES, "PEER_MISMATCH") | {"nobody": "UPSTREAM_UNAVAILABLE"}
    assert heard == refused | {"gateway": "BUSINESS_NOT_READY"}  # which invoices itself says


@pytest.mark.parametrize("settings", [Gateway, Auth, Invoices, Payments, Notifications])
def test_no_program_speaks_plaintext_in_production(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    keyring: Keyring,
    settings: type[BaseServiceSettings],
) -> None:
    for name in FILES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("APP_ENV", "prod")
    monkeypatch.setenv("AUTH_SIGNING_KEYS", json.dumps([keyring.users]))  # a wrong one would be all that auth says
    with pytest.raises(SystemExit) as end:
        settings.load()
    assert end.value.code == EXIT_CONFIG
    said = capsys.readouterr().err.splitlines()
    assert {f"{settings.service}: {name} is missing" for name in FILES} <= set(said)
