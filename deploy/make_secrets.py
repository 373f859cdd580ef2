# ruff: noqa: INP001  (a script)
"""Secrets of the compose stack: made once, one file each under `.run/secrets`, and those already there are kept.

The folder is its owner's alone. The files in it can be read by anyone, because each is mounted by itself and as it is,
and the accounts inside the containers are not its owner.
"""

import base64
import json
import secrets
from pathlib import Path
from urllib.parse import quote

import pyrage
from whatsinvoice_kit.data.provision import BACKUP_ROLE, DATABASE, owner_of, role_of
from whatsinvoice_kit.events.acl import configuration
from whatsinvoice_local.backing.secret_files import generated_once, write_private
from whatsinvoice_local.generated import event_keys, key_files, redis_passwords, secrets_of
from whatsinvoice_local.parts import SERVICES

FOLDER = Path(__file__).parents[1] / ".run" / "secrets"
_OF_SANDBOX = (
    "PAYSTACK_SECRET_KEY",
    "WHATSAPP_PHONE_NUMBER_ID",
    "WHATSAPP_ACCESS_TOKEN",
    "WHATSAPP_APP_SECRET",
    "WHATSAPP_VERIFY_TOKEN",
)
_REDIS = """\
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory 1gb
maxmemory-policy noeviction
dir /data
"""


def _address(role: str, password: str) -> str:
    return f"postgresql://{role}:{password}@postgres:5432/{DATABASE}"


def _kept(file: Path, text: str) -> str:
    return file.read_text() if file.exists() else text


def _of_postgres(password: str) -> dict[str, str]:
    admin = f"postgresql://postgres:{quote(password, safe='')}@postgres:5432"
    return {
        "postgres_password": password,
        "admin_database_url": f"{admin}/postgres",
        "restore_database_url": f"{admin}/{DATABASE}",
    }


def _of_backups(folder: Path, identities: str) -> dict[str, str]:
    """Whoever saves is given public keys alone. The private ones may be taken away, and are not made again."""
    if (folder / "backup_recipients").exists():
        return {}
    opening = _kept(folder / "backup_identities", identities)
    recipients = [str(pyrage.x25519.Identity.from_str(identity).to_public()) for identity in opening.split()]
    return {"backup_identities": opening, "backup_recipients": " ".join(recipients)}


def main(folder: Path = FOLDER) -> None:
    """Writes what is missing."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = secrets_of(folder / "generated.json")
    identities = known.pop("BACKUP_IDENTITIES")
    write_private(folder / "generated.json", json.dumps(known, indent=1))  # what opens lies in a file of its own alone
    redis, users = generated_once(folder / "redis_password"), redis_passwords(known)
    parts = ("_DATABASE_PASSWORD", "_REDIS_PASSWORD")
    whole = {name: value for name, value in known.items() if not name.endswith(parts) and not name.startswith("EVENT_")}
    files = {name.lower(): value for name, value in whole.items()}
    for service in SERVICES:
        name = service.upper()
        files[f"{service}_database_url"] = _address(role_of(service), known[f"{name}_DATABASE_PASSWORD"])
        files[f"{service}_event_keys"] = event_keys(known, service)
        files[f"{service}_migration_url"] = _address(owner_of(service), known[f"{name}_OWNER_DATABASE_PASSWORD"])
    files |= {
        **key_files(known),
        "backup_database_url": _address(BACKUP_ROLE, known["BACKUP_DATABASE_PASSWORD"]),
        **_of_postgres(generated_once(folder / "postgres_password")),
        **_of_backups(folder, identities),
        "redis_password": redis,
        **{f"{user}_redis_url": f"redis://{user}:{word}@redis:6379/0" for user, word in users.items()},
        "redis.conf": _REDIS.format(password=redis) + configuration(users),
        "s3_access_key": (access_key := _kept(folder / "s3_access_key", secrets.token_hex(10).upper())),
        "s3_secret_key": (secret_key := _kept(folder / "s3_secret_key", secrets.token_urlsafe(30))),
        # of the same store, until another one is named
        "backup_target_access_key": access_key,
        "backup_target_secret_key": secret_key,
        # nobody listens there: a real incoming webhook is written in its place
        "alert_pages_url": "http://127.0.0.1:9/pages",
        "alert_tickets_url": "http://127.0.0.1:9/tickets",
        "alert_watchdog_url": "http://127.0.0.1:9/watchdog",
        "minio_kms_key": f"whatsinvoice:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    }
    for name, text in files.items():
        if not (folder / name).exists():
            write_private(folder / name, text)
        (folder / name).chmod(0o444)
    of_sandbox = {name: (folder / name.lower()).read_text() for name in _OF_SANDBOX}
    write_private(folder / "sandbox.env", "".join(f"{name}={text}\n" for name, text in of_sandbox.items()))


if __name__ == "__main__":
    main()
