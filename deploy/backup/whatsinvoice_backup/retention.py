"""What is old goes: backups that no period needs, unfinished ones, and documents that no kept backup names."""

from datetime import UTC, datetime, timedelta

from whatsinvoice_backup import documents
from whatsinvoice_backup.catalogue import Catalogue, moment_of, to_keep
from whatsinvoice_backup.contents import alone
from whatsinvoice_backup.index import an_index
from whatsinvoice_backup.manifest import FOLDER, key_of
from whatsinvoice_backup.settings import Settings

UNFINISHED_FOR = timedelta(days=1)
"""What has no manifest after a day never gets one. The next backup has used what it copied: that goes only now."""


def prune(catalogue: Catalogue, settings: Settings) -> list[str]:
    """Delete old backups, and the documents that no kept backup names. Return the names of the deleted backups.

    The newest good backup always stays, and so does a backup whose manifest is not ours: a person must look at it.
    The bucket is versioned: a deleted object is hidden until the bucket's lifecycle rule ends it.

    Raises:
        BackupError: a backup is being made. It counts on documents that it has copied and that no manifest names yet.
    """
    with alone(next(iter(settings.addresses().values()))):
        return _prune(catalogue, settings)


def _prune(catalogue: Catalogue, settings: Settings) -> list[str]:
    listing, target = catalogue.listing(), catalogue.target
    kept = to_keep(
        (manifest.name for manifest in listing.good),
        datetime.now(UTC),
        hours=settings.keep_hours,
        daily=settings.keep_daily,
        weekly=settings.keep_weekly,
        monthly=settings.keep_monthly,
    )
    gone = [manifest.name for manifest in listing.good if manifest.name not in kept]
    gone += [name for name in listing.unfinished if moment_of(name) < datetime.now(UTC) - UNFINISHED_FOR]
    for name in gone:
        target.delete([key_of(name)])  # first, so that what is left of it is unfinished and no backup
        target.delete(target.sizes(f"{FOLDER}/{name}/"))
    if gone and not listing.unfinished and not listing.refused:
        with an_index(catalogue.folder) as named:
            for manifest in listing.good:
                if manifest.name in kept:
                    with catalogue.documents(manifest) as found:
                        named.add((document.stored, "") for document in found)
            stored = (key for key, _ in target.listed(f"{documents.FOLDER}/"))
            target.delete(key for key in stored if named.get(key) is None)
    return gone
