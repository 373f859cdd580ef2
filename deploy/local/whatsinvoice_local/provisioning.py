"""What a stack needs before its services start: roles, schemas, tables and the bucket. Safe to repeat."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from whatsinvoice_backup.provisioning import ProvisionSettings, provision_buckets, provision_databases
from whatsinvoice_kit.data.migrations import migrate

from whatsinvoice_local.environment import Plan
from whatsinvoice_local.parts import SERVICES


def prepare(plan: Plan) -> None:
    """Makes what is missing; the tables in this process, because starting one for each service takes longer."""
    settings = _settings(plan)
    with ThreadPoolExecutor() as threads:
        buckets = threads.submit(lambda: list(provision_buckets(settings)))
        list(provision_databases(settings))
        for service in SERVICES:
            migrate(f"whatsinvoice_{service}", plan.migration_url(service))
        buckets.result()


def _settings(plan: Plan) -> ProvisionSettings:
    storage = plan.resources.storage
    values: dict[str, Any] = {
        "admin_database_url": plan.resources.database_url,
        "backup_database_url": plan.backup_url,
        "s3_endpoint": storage.endpoint,
        "s3_region": storage.region,
        "s3_bucket": storage.bucket,
        "s3_access_key": storage.access_key,
        "s3_secret_key": storage.secret_key,
    }
    for service in SERVICES:
        values[f"{service}_database_url"] = plan.database_url(service)
        values[f"{service}_migration_url"] = plan.migration_url(service)
    return ProvisionSettings(**values)
