"""HashiCorp Vault, KV version 2 over HTTP (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2).

A folder is one secret of Vault's, and the fields are its keys. Certificates are checked, redirects are not followed and
proxies not used: the token goes to VAULT_ADDR and nowhere else.
"""

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from whatsinvoice_kit.config.secrets.unavailable import SecretsUnavailableError, fault_of_address, split_address

TIMEOUT_S = 5.0
MAX_BYTES = 1_000_000
_CHUNK = 65_536


def read(environment: Mapping[str, str], folders: Sequence[str]) -> dict[str, str]:
    """The keys of each folder; a later folder goes first.

    VAULT_ADDR, VAULT_TOKEN or VAULT_TOKEN_FILE, VAULT_MOUNT ("secret"), VAULT_NAMESPACE, and VAULT_CACERT for a private
    authority. Raises SecretsUnavailableError.
    """
    vault = _Vault.of(environment)
    found: dict[str, str] = {}
    try:
        for folder in folders:
            found |= vault.fields(folder)
    except (OSError, HTTPException, ValueError) as error:
        raise SecretsUnavailableError(f"vault: cannot be read ({type(error).__name__})") from error
    return found


@dataclass(frozen=True)
class _Vault:
    address: str
    token: str
    mount: str
    namespace: str
    authority: str
    """A file of certificates; empty for those of the system."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "_Vault":
        """Raises SecretsUnavailableError with everything that is missing."""
        address, token, faults = environment.get("VAULT_ADDR", ""), environment.get("VAULT_TOKEN", ""), []
        if fault := fault_of_address("VAULT_ADDR", address) if address else "VAULT_ADDR is missing":
            faults.append(fault)
        if not token and (file := environment.get("VAULT_TOKEN_FILE")):
            try:
                token = Path(file).read_text().strip()
            except (OSError, ValueError) as error:
                faults.append(f"VAULT_TOKEN_FILE cannot be read ({type(error).__name__})")
        if not token and not any("TOKEN" in fault for fault in faults):
            faults.append("VAULT_TOKEN is missing")
        if faults:
            raise SecretsUnavailableError(*(f"vault: {fault}" for fault in faults))
        mount, namespace = environment.get("VAULT_MOUNT") or "secret", environment.get("VAULT_NAMESPACE", "")
        return cls(address.rstrip("/"), token, mount.strip("/"), namespace, environment.get("VAULT_CACERT", ""))

    def fields(self, folder: str) -> dict[str, str]:
        """The latest version of a secret; none when it was never written, or deleted."""
        status, body = self._get(f"/v1/{self.mount}/data/{folder}")
        if status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise SecretsUnavailableError(f"vault: {_refusal(status, folder)}")
        try:
            answer = json.loads(body)
            if status == HTTPStatus.NOT_FOUND:
                # a mount that is not there is told from a secret that is not there by its errors alone
                if answer.get("errors"):
                    raise SecretsUnavailableError(f"vault: has no mount {self.mount}")
                return {}
            return {key: _as_text(value) for key, value in answer["data"]["data"].items() if value is not None}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise SecretsUnavailableError("vault: its answer is not that of KV version 2") from error

    def _get(self, path: str) -> tuple[int, bytes]:
        headers = {"X-Vault-Request": "true", "X-Vault-Token": self.token}
        if self.namespace:
            headers["X-Vault-Namespace"] = self.namespace
        address = split_address(self.address)
        with closing(self._connection(str(address.hostname), address.port, secure=address.scheme == "https")) as link:
            link.request("GET", address.path + quote(path), headers=headers)
            with link.getresponse() as answer:
                return answer.status, _body(answer)

    def _connection(self, host: str, port: int | None, *, secure: bool) -> HTTPConnection:
        if not secure:
            return HTTPConnection(host, port, timeout=TIMEOUT_S)
        context = ssl.create_default_context(cafile=self.authority or None)
        return HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)


def _body(answer: HTTPResponse) -> bytes:
    """All of it; raises TimeoutError for one that drips and ValueError for one without end."""
    body, until = b"", time.monotonic() + TIMEOUT_S
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if time.monotonic() > until:
            raise TimeoutError
        if len(body) > MAX_BYTES:
            raise ValueError("too long")
    return body


def _refusal(status: int, folder: str) -> str:
    if status == HTTPStatus.FORBIDDEN:
        return f"the token is refused, or may not read {folder} (403)"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"redirects, and redirects are not followed ({status})"
    return f"answers {status}"


def _as_text(value: Any) -> str:
    """As a variable would hold it: keys may be kept as JSON in JSON."""
    return value if isinstance(value, str) else json.dumps(value)
