# ruff: noqa: INP001  (a script)
"""What the stack needs once, before tables: roles and a schema for each service, and the bucket. Safe to repeat.

Runs in the image of invoices, which has what it takes; the secrets are mounted for this one run.
"""

from pathlib import Path
from urllib.parse import urlsplit

from whatsinvoice_kit.data.provision import provision, provision_backup
from whatsinvoice_kit.storage import ObjectStore

SECRETS = Path("/run/secrets")
SERVICES = ("auth", "invoices", "payments", "notifications")


def secret(name: str) -> str:
    return (SECRETS / name).read_text().strip()


def main() -> None:
    admin = f"postgresql://postgres:{secret('postgres_password')}@postgres:5432/postgres"
    for service in SERVICES:
        own, owner = urlsplit(secret(f"{service}_database_url")), urlsplit(secret(f"{service}_migration_url"))
        provision(admin, service, str(own.password), str(owner.password), own.path.removeprefix("/"))
    backup = urlsplit(secret("backup_database_url"))
    provision_backup(admin, str(backup.password), backup.path.removeprefix("/"))
    store = ObjectStore(
        endpoint="http://s3:9000",
        region="us-east-1",
        bucket="whatsinvoice-documents",
        access_key=secret("s3_access_key"),
        secret_key=secret("s3_secret_key"),
    )
    try:
        store.ensure_bucket()
    finally:
        store.close()


if __name__ == "__main__":
    main()
