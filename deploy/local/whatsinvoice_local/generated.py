"""The secrets of one stack: made once, in a file that only its owner can read, named as the variables they fill."""

import json
import secrets
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pyrage
from whatsinvoice_kit.rpc.tokens import USER_ISSUER, generate_key, public_half

from whatsinvoice_local.backing.secret_files import write_private
from whatsinvoice_local.parts import SERVICES

_ISSUERS = (*SERVICES, "gateway")
_BYTES = 32


def secrets_of(file: Path) -> dict[str, str]:
    """Gives every secret, making those that the file does not hold yet."""
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = {name: make() for name, make in _makers().items() if name not in known}
    if missing:
        known |= missing
        write_private(file, json.dumps(known, indent=1))
    return known


def key_files(known: dict[str, str]) -> dict[str, str]:
    """The files of keys by name, as they are at first: from then on they are rotated, and `known` is not."""
    names = ("AUTH_SIGNING_KEYS", *(f"{name.upper()}_SERVICE_KEY" for name in _ISSUERS))
    return {"trusted_keys": _trusted_keys(known)} | {name.lower(): known[name] for name in names}


def write_key_files(folder: Path, known: dict[str, str]) -> Path:
    """Writes those that are missing, and gives the folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in key_files(known).items():
        if not (folder / name).exists():
            write_private(folder / name, text)
    return folder


def _trusted_keys(known: dict[str, str]) -> str:
    """TRUSTED_KEYS: the public half of auth's signing keys and of every part's own key, by issuer."""
    sets = {USER_ISSUER: json.loads(known["AUTH_SIGNING_KEYS"])}
    sets |= {f"whatsinvoice-{name}": [json.loads(known[f"{name.upper()}_SERVICE_KEY"])] for name in _ISSUERS}
    return json.dumps({issuer: {"keys": [public_half(key) for key in keys]} for issuer, keys in sets.items()})


def _makers() -> dict[str, Callable[[], str]]:
    makers: dict[str, Callable[[], str]] = {
        "AUTH_SIGNING_KEYS": lambda: json.dumps([generate_key()]),
        "PAYSTACK_SECRET_KEY": lambda: f"sk_test_{secrets.token_hex(20)}",
        "WHATSAPP_PHONE_NUMBER_ID": lambda: str(10**14 + secrets.randbelow(9 * 10**14)),
    }
    makers |= {_event_key(*pair): _text for pair in combinations(SERVICES, 2)}
    makers["BACKUP_IDENTITIES"] = lambda: str(pyrage.x25519.Identity.generate())
    for name in ("AUTH_CODE_SECRET", "AUTH_REFRESH_SECRET", "BACKUP_MANIFEST_KEYS"):
        makers[name] = _text
    for name in ("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN"):
        makers[name] = _text
    makers |= {f"{name.upper()}_DATABASE_PASSWORD": _text for name in (*SERVICES, "backup")}
    makers |= {f"{name.upper()}_OWNER_DATABASE_PASSWORD": _text for name in SERVICES}
    makers |= {f"{name.upper()}_REDIS_PASSWORD": _text for name in _ISSUERS}
    return makers | {f"{name.upper()}_SERVICE_KEY": lambda: json.dumps(generate_key()) for name in _ISSUERS}


def redis_passwords(known: dict[str, str]) -> dict[str, str]:
    """Return the password of each Redis user."""
    return {name: known[f"{name.upper()}_REDIS_PASSWORD"] for name in _ISSUERS}


def event_keys(known: dict[str, str], service: str) -> str:
    """Return EVENT_KEYS of a service: the key that it shares with each other one."""
    return json.dumps({peer: [known[_event_key(service, peer)]] for peer in SERVICES if peer != service})


def _event_key(one: str, other: str) -> str:
    first, second = sorted((one, other))
    return f"EVENT_KEY_{first.upper()}_{second.upper()}"


def _text() -> str:
    return secrets.token_urlsafe(_BYTES)
