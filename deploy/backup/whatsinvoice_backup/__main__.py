"""The command line: `python -m whatsinvoice_backup run|list|heads|verify|restore|drill|prune|watch|provision`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from whatsinvoice_kit.data.provision import SuperuserNeededError
from whatsinvoice_kit.observe.logging import configure_logging

from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.catalogue import Catalogue
from whatsinvoice_backup.drill import drill
from whatsinvoice_backup.failures import BackupError, RefusedError
from whatsinvoice_backup.manifest import Manifest, Signer
from whatsinvoice_backup.provisioning import ProvisionSettings, provision_buckets, provision_databases
from whatsinvoice_backup.restoring import compare, restore, restore_databases, restore_documents, verify
from whatsinvoice_backup.retention import prune
from whatsinvoice_backup.saving import save
from whatsinvoice_backup.settings import Settings
from whatsinvoice_backup.watch import watch


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    settings = (ProvisionSettings if options.command == "provision" else Settings).load()
    if options.check_config:
        _say(settings.shown())
        return 0
    configure_logging("backup", form=settings.log_format, level=settings.log_level)
    try:
        return _provision(settings) if isinstance(settings, ProvisionSettings) else _with_buckets(options, settings)
    except (BackupError, RefusedError, SuperuserNeededError) as error:
        sys.stderr.write(f"{error}\n")
    except (ClientError, BotoCoreError) as error:
        sys.stderr.write(f"the object store failed: {error}\n")
    except psycopg.Error as error:
        sys.stderr.write(f"Postgres failed: {error}\n")
    return 1


def _provision(settings: ProvisionSettings) -> int:
    for provisioned in (provision_buckets, provision_databases):
        for line in provisioned(settings):
            _say(line)
    return 0


def _with_buckets(options: argparse.Namespace, settings: Settings) -> int:
    source, target = settings.source(), settings.target()
    signer = Signer(settings.manifest_keys.get_secret_value())
    try:
        return _run(options, settings, source, Catalogue(target, signer, settings.work_folder))
    finally:
        source.close()
        target.close()


def _run(options: argparse.Namespace, settings: Settings, source: Bucket, catalogue: Catalogue) -> int:
    if options.command == "list":
        _list(catalogue)
    elif options.command == "verify":
        manifest = catalogue.manifest(options.name)
        verify(catalogue, manifest)
        _say(f"{manifest.name} is whole")
    elif options.command == "restore":
        _say(_restored(options.only, settings, source, catalogue, catalogue.manifest(options.name)))
    elif options.command == "drill":
        result = drill(settings, catalogue, None, name=options.name)
        _say(json.dumps(result, indent=1))
        return 0 if result["ok"] else 1
    elif options.command == "heads":
        sys.stdout.write(catalogue.heads(catalogue.manifest(options.name)))
    elif options.command == "prune":
        _say("\n".join(prune(catalogue, settings)) or "nothing is old")
    elif options.command == "watch":
        asyncio.run(watch(settings, catalogue))
    else:
        manifest = save(settings, catalogue, source)
        _say(_line(manifest))
        prune(catalogue, settings)
    return 0


def _restored(only: str, settings: Settings, source: Bucket, catalogue: Catalogue, manifest: Manifest) -> str:
    if only == "documents":
        count = restore_documents(settings, catalogue, manifest, source)
        return f"{manifest.name}: {count} of {manifest.objects} documents are put back, the others were there"
    if only == "databases":
        restore_databases(settings, catalogue, manifest)
        found, what = compare(settings, catalogue, manifest, None), "databases of {} are"
    else:
        restore(settings, catalogue, manifest, source)
        found, what = compare(settings, catalogue, manifest, source), "{} is"
    if found:
        raise RefusedError("\n".join(found))
    return f"{what.format(manifest.name)} restored, and equal to what was saved"


def _list(catalogue: Catalogue) -> None:
    listing = catalogue.listing()
    for manifest in listing.good:
        _say(_line(manifest))
    for name in listing.unfinished:
        _say(f"{name}  unfinished")
    for name, reason in listing.refused.items():
        _say(f"{name}  refused: {reason}")


def _line(manifest: Manifest) -> str:
    rows = sum(table.rows for tables in manifest.contents.tables.values() for table in tables.values())
    return (
        f"{manifest.name}  {manifest.seconds:.1f} s  {manifest.size / 1e6:.1f} MB  {rows} rows"
        f"  {manifest.objects} documents ({manifest.objects_new} new)"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m whatsinvoice_backup")
    parser.add_argument("--check-config", action="store_true", help="print the effective settings, secrets masked")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("run", help="make a backup, then let go of those that are no longer kept (the default)")
    commands.add_parser("list", help="the backups, newest first")
    for name, said in (
        ("heads", "where the ledger's chains ended: what `audit --anchor` of payments compares with; needs no key"),
        ("verify", "hash every file of a backup; needs no private key"),
        ("restore", "fill the empty schemas at DATABASE_URL and the empty bucket of documents"),
        ("drill", "restore into the empty server at DATABASE_URL, compare, write down how it went"),
    ):
        command = commands.add_parser(name, help=said)
        command.add_argument("name", nargs="?", default="", help="of the backup; the newest without")
        if name == "restore":
            half = "databases, with which services can start; then documents, while they run"
            command.add_argument("--only", choices=("all", "databases", "documents"), default="all", help=half)
    commands.add_parser("prune", help="let go of backups that are no longer kept")
    commands.add_parser("watch", help="serve metrics of the backups on the ops port")
    commands.add_parser("provision", help="roles, schemas and buckets, before anything else; has settings of its own")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
