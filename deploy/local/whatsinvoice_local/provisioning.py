"""What a stack needs before its services start: roles, schemas, tables and the bucket. Safe to repeat."""

from concurrent.futures import ThreadPoolExecutor

from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import provision, provision_backup
from whatsinvoice_kit.storage import ObjectStore

from whatsinvoice_local.environment import Plan
from whatsinvoice_local.parts import SERVICES
from whatsinvoice_local.resources import ObjectStorage


def prepare(plan: Plan) -> None:
    """Makes what is missing; the tables in this process, because starting one for each service takes longer."""
    with ThreadPoolExecutor() as threads:
        bucket = threads.submit(_make_bucket, plan.resources.storage)
        for service in SERVICES:
            provision(plan.resources.database_url, service, *plan.passwords(service))
            migrate(f"whatsinvoice_{service}", plan.migration_url(service))
        provision_backup(plan.resources.database_url, plan.secrets["BACKUP_DATABASE_PASSWORD"])
        bucket.result()


def _make_bucket(storage: ObjectStorage) -> None:
    store = ObjectStore(
        endpoint=storage.endpoint,
        region=storage.region,
        bucket=storage.bucket,
        access_key=storage.access_key,
        secret_key=storage.secret_key,
    )
    try:
        store.ensure_bucket()
    finally:
        store.close()
