"""Rotates signing keys that are a Kubernetes Secret: `python -m whatsinvoice_kit.rotate_secret NAME ISSUER=ENTRY…`.

For a CronJob (deploy/kubernetes/keys). Reads the Secret, does to its entries what rotate_keys does to files, and writes
back only what has changed, as the version that it read: where somebody else has written in between, the API server
refuses, and the next run sees what they wrote. An issuer without an entry is new and gets its first key.
"""

import argparse
import base64
import json
import os
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatsinvoice_kit.rotate_keys import add_options, rotate_all
from whatsinvoice_kit.rpc.tokens import generate_key

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes puts a pod's token, its authority and its namespace."""
TRUSTED = "trusted_keys"
_SECONDS = 10.0


@dataclass(frozen=True)
class Secret:
    """One Secret of the pod's own namespace, read and written with the pod's own rights (`get`, `update`)."""

    name: str
    account: Path = ACCOUNT

    def read(self) -> dict[str, Any]:
        """As the API gives it. Raises OSError: it is away, or it refuses."""
        return self._ask("GET")

    def replace(self, found: Mapping[str, Any], data: Mapping[str, bytes]) -> None:
        """Writes other entries into what was read; refused (409) when it has another version by now."""
        entries = {key: base64.b64encode(value).decode() for key, value in data.items()}
        self._ask("PUT", json.dumps({**found, "data": entries}).encode())

    def _ask(self, method: str, body: bytes | None = None) -> dict[str, Any]:
        host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}", "") for name in ("HOST", "PORT"))
        if not (host and port):
            raise OSError("KUBERNETES_SERVICE_HOST and _PORT are not set: this runs in a pod")
        namespace = (self.account / "namespace").read_text().strip()
        address = f"https://{f'[{host}]' if ':' in host else host}:{port}/api/v1/namespaces/{namespace}/secrets"
        request = urllib.request.Request(  # noqa: S310  (https, as above)
            f"{address}/{self.name}", data=body, method=method
        )
        request.add_header("Authorization", f"Bearer {(self.account / 'token').read_text().strip()}")
        request.add_header("Content-Type", "application/json")
        trust = ssl.create_default_context(cafile=self.account / "ca.crt")
        web = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
        with web.open(request, timeout=_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


def entries_of(found: Mapping[str, Any]) -> dict[str, bytes]:
    """What the Secret holds; a new one holds nothing."""
    return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}


def _spread(folder: Path, entries: Mapping[str, bytes], issuers: Sequence[str]) -> None:
    """The entries as files, and first keys for those that have none."""
    given = {TRUSTED: b"{}"}
    for pair in issuers:
        given[pair.partition("=")[2]] = json.dumps([generate_key() | {"signs_from": int(time.time())}]).encode()
    for name, value in (given | dict(entries)).items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(value)


def main(arguments: Sequence[str] | None = None, account: Path = ACCOUNT) -> None:
    """Goes through the issuers; exits with 1 where the Secret cannot be read, used or written."""
    parser = argparse.ArgumentParser(prog="python -m whatsinvoice_kit.rotate_secret")
    parser.add_argument("name", help="of the Secret, in the pod's namespace")
    add_options(parser, "whatsinvoice=auth_signing_keys")
    given = parser.parse_args(arguments)
    secret = Secret(given.name, account)
    try:
        found = secret.read()
        before = entries_of(found)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            _spread(folder, before, given.issuers)
            names = {TRUSTED, *before, *(pair.partition("=")[2] for pair in given.issuers)}
            for line in rotate_all(given, folder / TRUSTED, folder):
                sys.stdout.write(f"{line}\n")
            after = {name: (folder / name).read_bytes() for name in names}
        if after != before:
            secret.replace(found, after)
    except urllib.error.HTTPError as error:
        with error:
            raise SystemExit(f"{given.name}: the API server says {error.code} {error.reason}") from error
    except OSError as error:
        raise SystemExit(f"{given.name}: {error}") from error


if __name__ == "__main__":
    main()
