"""The gateway and the four services in the test's own loop, with their keys in files as where they are deployed."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from whatsinvoice_auth.__main__ import SPEC as AUTH
from whatsinvoice_gateway.app import create_app, edged
from whatsinvoice_gateway.settings import Settings as GatewaySettings
from whatsinvoice_invoices.__main__ import SPEC as INVOICES
from whatsinvoice_kit.rpc.tokens import USER_ISSUER
from whatsinvoice_kit.runtime import Process
from whatsinvoice_notifications.__main__ import SPEC as NOTIFICATIONS
from whatsinvoice_payments.__main__ import SPEC as PAYMENTS

from support.http import served
from support.keys import Keyring
from support.services import running

SERVICES = ("auth", "invoices", "payments", "notifications")
SPECS: Mapping[str, Any] = {
    "auth": AUTH,
    "invoices": INVOICES,
    "payments": PAYMENTS,
    "notifications": NOTIFICATIONS,
}
NOBODY = "127.0.0.1:1"
PLENTY = dict.fromkeys(
    ("register_limit", "login_limit", "refresh_limit", "verify_limit", "code_limit", "account_limit"), "100000/minute"
)
_OWN: Mapping[str, dict[str, Any]] = {
    "auth": {"code_secret": "c0" * 16, "refresh_secret": "4e" * 16},
    "invoices": {"public_base_url": "http://pay.test", "s3_access_key": "k" * 16, "s3_secret_key": "k" * 16},
    "payments": {"invoices_grpc": NOBODY, "paystack_base_url": f"http://{NOBODY}", "paystack_secret_key": "sk_test_1"},
    "notifications": {
        "invoices_grpc": NOBODY,
        "whatsapp_base_url": f"http://{NOBODY}",
        "whatsapp_app_secret": "app-secret-of-the-tests",
        "auth_grpc": NOBODY,
    },
}


@dataclass(frozen=True)
class KeyFiles:
    """The files of keys in a folder, by issuer."""

    folder: Path

    @property
    def trusted(self) -> Path:
        return self.folder / "trusted_keys"

    def of(self, issuer: str) -> Path:
        name = "auth_signing" if issuer == USER_ISSUER else issuer.removeprefix("whatsinvoice-") + "_service"
        return self.folder / f"{name}_key"

    def write(self, keyring: Keyring) -> None:
        self.trusted.write_text(keyring.trusted)
        self.of(USER_ISSUER).write_text(json.dumps(keyring.users))
        for name, key in keyring.services.items():
            self.of(f"whatsinvoice-{name}").write_text(json.dumps(key))

    def environment(self) -> dict[str, str]:
        """The variables that lead processes to the files."""
        names = ("gateway", *SERVICES)
        own = {f"{name.upper()}_SERVICE_KEY_FILE": str(self.of(f"whatsinvoice-{name}")) for name in names}
        return own | {"TRUSTED_KEYS_FILE": str(self.trusted), "AUTH_SIGNING_KEYS_FILE": str(self.of(USER_ISSUER))}


@dataclass(frozen=True)
class System:
    """What runs; `client` speaks to the gateway without a token."""

    processes: Mapping[str, Process[Any]]
    client: httpx.AsyncClient


@asynccontextmanager
async def whole_system(
    migrated: Mapping[str, str], redis_url: str, parts: tuple[str, ...] = SERVICES, **changes: dict[str, Any]
) -> AsyncIterator[System]:
    """Starts it; the environment names the files of keys. Settings are changed by part, also those of `gateway`."""
    assert "TRUSTED_KEYS_FILE" in os.environ
    common: dict[str, Any] = {"redis_url": redis_url, "key_check_seconds": 0.1}
    async with AsyncExitStack() as opened:
        processes = {}
        for name in parts:
            own = common | {"database_url": migrated[name]} | _OWN[name] | changes.get(name, {})
            processes[name] = await opened.enter_async_context(running(SPECS[name], **own))
        ports = {name: process.rpc.port for name, process in processes.items() if process.rpc}
        addresses: dict[str, Any] = {f"{name}_grpc": f"127.0.0.1:{ports.get(name, 1)}" for name in SERVICES}
        settings = GatewaySettings(app_env="test", **(common | addresses | PLENTY | changes.get("gateway", {})))
        url = await opened.enter_async_context(served(edged(create_app(settings, settings.service_keys()), settings)))
        client = await opened.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20, trust_env=False))
        yield System(processes, client)
