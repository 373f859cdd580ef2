"""The environment of each process: what it needs and nothing else. Secrets travel here, never on a command line."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from whatsinvoice_kit.data.provision import BACKUP_ROLE, DATABASE, owner_of, role_of

from whatsinvoice_local.generated import event_keys
from whatsinvoice_local.parts import SERVICES
from whatsinvoice_local.resources import Resources

TIME_SCALE = "0.01"
"""Of the sandbox's retry schedules: Paystack's hour is 36 seconds."""
BUSINESS_ACCOUNT_ID = "102290129340398"
"""Of WhatsApp; the sandbox knows one account, whatever its id."""
CLAIM_IDLE_MS = "5000"
"""An event whose handler failed is tried again after this; a developer does not wait a minute for it."""
_BASE = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Plan:
    """Where everything is. `ports` has `gateway`, `sandbox`, and for each service `<name>` (gRPC) and `<name>.ops`."""

    resources: Resources
    ports: Mapping[str, int]
    secrets: dict[str, str]
    keys: Path
    """The folder of the keys that sign and are believed; these change while programs run, so they are files."""
    certificates: Path | None = None
    """The folder of mutual TLS; None: plaintext."""
    further: Mapping[str, str] = field(default_factory=dict)
    """Further settings, such as GATEWAY_READ_QUOTA or, for all, OTEL_…; never in the place of those made here."""
    proxy_url: str = ""
    """Of a proxy before the gateway, such as the firewall of deploy/waf: where everybody then calls."""

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @property
    def public_url(self) -> str:
        return self.proxy_url or self.gateway_url

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['sandbox']}"

    def grpc(self, service: str) -> str:
        """host:port."""
        return f"127.0.0.1:{self.ports[service]}"

    def ops_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[f'{service}.ops']}"

    def ready_url(self, part: str) -> str:
        """Where a program tells whether it is ready; the sandbox is once it answers, the gateway once it reaches auth.

        It dials auth from its start on, less and less often, and a call that comes in between is refused.
        """
        served = {"sandbox": f"{self.sandbox_url}/healthz", "gateway": f"{self.gateway_url}/.well-known/jwks.json"}
        return served.get(part) or f"{self.ops_url(part)}/readyz"

    def database_url(self, service: str) -> str:
        """With the service's own role; host and options are the superuser's."""
        return self._database_url(role_of(service), self.passwords(service)[0])

    def migration_url(self, service: str) -> str:
        """With the role that owns the service's schema."""
        return self._database_url(owner_of(service), self.passwords(service)[1])

    @property
    def backup_url(self) -> str:
        """With the role that reads everything."""
        return self._database_url(BACKUP_ROLE, self.secrets["BACKUP_DATABASE_PASSWORD"])

    def passwords(self, service: str) -> tuple[str, str]:
        """Of the role that runs, and of the owner."""
        name = service.upper()
        return self.secrets[f"{name}_DATABASE_PASSWORD"], self.secrets[f"{name}_OWNER_DATABASE_PASSWORD"]

    def _database_url(self, role: str, password: str) -> str:
        admin = urlsplit(self.resources.database_url)
        host = admin.netloc.rpartition("@")[2]
        return urlunsplit(admin._replace(netloc=f"{role}:{password}@{host}", path=f"/{DATABASE}"))

    def environment_of(self, part: str) -> dict[str, str]:
        """The whole environment of a program."""
        if part == "sandbox":
            return _BASE | self._sandbox()
        name = part.upper()
        own = {
            "APP_ENV": "dev",
            "LOG_FORMAT": "json",
            f"{name}_OPS_PORT": str(self.ports[f"{part}.ops"]),
            f"{name}_SERVICE_KEY_FILE": str(self.keys / f"{part}_service_key"),
            "TRUSTED_KEYS_FILE": str(self.keys / "trusted_keys"),
            "REDIS_URL": self.resources.redis_url_of(part),
            **self.resources.redis_options,
        }
        if self.certificates:
            own |= {
                "RPC_TLS_CERT_FILE": str(self.certificates / f"{part}.crt"),
                "RPC_TLS_KEY_FILE": str(self.certificates / f"{part}.key"),
                "RPC_TLS_CA_FILE": str(self.certificates / "ca.crt"),
            }
        further = {key: value for key, value in self.further.items() if key.startswith((f"{name}_", "OTEL_"))}
        if part == "gateway":
            return {**further, **_BASE, **own, **self._gateway()}
        own |= {
            f"{name}_DATABASE_URL": self.database_url(part),
            f"{name}_GRPC_PORT": str(self.ports[part]),
            "CLAIM_IDLE_MS": CLAIM_IDLE_MS,
            f"{name}_EVENT_KEYS": event_keys(self.secrets, part),
        }
        return {**further, **_BASE, **own, **self._of_service()[part]}

    def _secrets_named(self, *names: str) -> dict[str, str]:
        return {name: self.secrets[name] for name in names}

    def _of_service(self) -> dict[str, dict[str, str]]:
        storage = self.resources.storage
        return {
            "auth": {
                "AUTH_SIGNING_KEYS_FILE": str(self.keys / "auth_signing_keys"),
                **self._secrets_named("AUTH_CODE_SECRET", "AUTH_REFRESH_SECRET"),
            },
            "invoices": {
                "PUBLIC_BASE_URL": self.public_url,
                "S3_ENDPOINT": storage.endpoint,
                "S3_REGION": storage.region,
                "S3_BUCKET": storage.bucket,
                "S3_ACCESS_KEY": storage.access_key,
                "S3_SECRET_KEY": storage.secret_key,
            },
            "payments": {
                "INVOICES_GRPC": self.grpc("invoices"),
                "PAYSTACK_BASE_URL": f"{self.sandbox_url}/paystack",
                **self._secrets_named("PAYSTACK_SECRET_KEY"),
            },
            "notifications": {
                "AUTH_GRPC": self.grpc("auth"),
                "INVOICES_GRPC": self.grpc("invoices"),
                "WHATSAPP_BASE_URL": f"{self.sandbox_url}/graph/v23.0",
                "WHATSAPP_BUSINESS_ACCOUNT_ID": BUSINESS_ACCOUNT_ID,
                "PUBLIC_BASE_URL": self.public_url,
                **self._secrets_named("WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_APP_SECRET"),
                **self._secrets_named("WHATSAPP_VERIFY_TOKEN"),
            },
        }

    def _gateway(self) -> dict[str, str]:
        return {
            "GATEWAY_PORT": str(self.ports["gateway"]),
            "PUBLIC_BASE_URL": self.public_url,
            "CHECKOUT_ORIGINS": self.sandbox_url,
            **{f"{service.upper()}_GRPC": self.grpc(service) for service in SERVICES},
        }

    def _sandbox(self) -> dict[str, str]:
        return {
            "SANDBOX_PORT": str(self.ports["sandbox"]),
            "SANDBOX_TIME_SCALE": TIME_SCALE,
            "SANDBOX_STATE": str(self.keys.parent / "sandbox" / "state"),
            "PAYSTACK_WEBHOOK_URL": f"{self.public_url}/webhooks/paystack",
            "WHATSAPP_WEBHOOK_URL": f"{self.public_url}/webhooks/whatsapp",
            **self._secrets_named("PAYSTACK_SECRET_KEY", "WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_ACCESS_TOKEN"),
            **self._secrets_named("WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"),
        }

    def published(self, pids: Mapping[str, int]) -> dict[str, str]:
        """What `.run/env` holds: all that a program needs to talk to the stack."""
        found = {
            "GATEWAY_URL": self.public_url,
            "SANDBOX_URL": self.sandbox_url,
            "DATABASE_URL": self.resources.database_url,
            "REDIS_URL": self.resources.redis_url,
            "S3_ENDPOINT": self.resources.storage.endpoint,
            "S3_ACCESS_KEY": self.resources.storage.access_key,
            "S3_SECRET_KEY": self.resources.storage.secret_key,
            "BACKUP_DATABASE_URL": self.backup_url,
            **self._secrets_named("PAYSTACK_SECRET_KEY", "WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"),
            "GATEWAY_OPS_URL": self.ops_url("gateway"),
            **({"WHATSINVOICE_TLS": "1"} if self.certificates else {}),
        }
        for service in SERVICES:
            name = service.upper()
            found[f"{name}_DATABASE_URL"] = self.database_url(service)
            found[f"{name}_MIGRATION_URL"] = self.migration_url(service)
            found[f"{name}_GRPC"] = self.grpc(service)
            found[f"{name}_OPS_URL"] = self.ops_url(service)
        return found | {f"{part.upper()}_PID": str(pid) for part, pid in pids.items()}
