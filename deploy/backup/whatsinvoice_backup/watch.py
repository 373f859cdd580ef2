"""What Prometheus is told: read from the bucket itself, so that a backup that was deleted is missed as well."""

import asyncio
import signal
from datetime import datetime

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Gauge
from whatsinvoice_kit.observe.health import OpsServer

from whatsinvoice_backup.catalogue import Catalogue
from whatsinvoice_backup.failures import RefusedError
from whatsinvoice_backup.settings import Settings

log = structlog.get_logger(__name__)

BACKUP_TIME = Gauge("backup_last_timestamp_seconds", "When the newest good backup was begun; 0 without one")
BACKUP_SECONDS = Gauge("backup_last_seconds", "How long it took")
BACKUP_BYTES = Gauge("backup_last_bytes", "The size of its dumps, encrypted")
BACKUPS = Gauge("backups_kept", "Backups in the bucket", ["state"])
DRILL_TIME = Gauge("restore_drill_last_good_timestamp_seconds", "When a restore last went well; 0 if never")
DRILL_OK = Gauge("restore_drill_ok", "1 when the last drill went well or there was none, else 0")
DRILL_SECONDS = Gauge("restore_drill_seconds", "How long the last good one took, from nothing to a compared copy")


def look(catalogue: Catalogue) -> None:
    """Sets every gauge; raises what the store raises."""
    listing = catalogue.listing()
    BACKUPS.labels("good").set(len(listing.good))
    BACKUPS.labels("unfinished").set(len(listing.unfinished))
    BACKUPS.labels("refused").set(len(listing.refused))
    newest = listing.good[0] if listing.good else None
    BACKUP_TIME.set(datetime.fromisoformat(newest.created_at).timestamp() if newest else 0)
    BACKUP_SECONDS.set(newest.seconds if newest else 0)
    BACKUP_BYTES.set(newest.size if newest else 0)
    try:
        last, good = catalogue.last_drills()
    except RefusedError as error:
        log.warning("a drill's result is not ours", reason=str(error))
        DRILL_OK.set(0)
        return
    DRILL_OK.set(1 if last is None or last["ok"] else 0)
    DRILL_TIME.set(datetime.fromisoformat(good["finished_at"]).timestamp() if good else 0)
    DRILL_SECONDS.set(good["total_seconds"] if good else 0)


async def watch(settings: Settings, catalogue: Catalogue) -> None:
    """Serves `/metrics` on the ops port until SIGTERM or SIGINT. Ready once the bucket has been read."""
    stop, failed = asyncio.Event(), Exception()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async def ping() -> None:
        if server.ready is False:
            raise failed

    server = OpsServer(settings.ops_host, settings.ops_port, ping)
    await server.start()
    log.info("watching", ops_port=server.port)
    while not stop.is_set():
        try:
            await asyncio.to_thread(look, catalogue)
            server.ready = True
        except (ClientError, BotoCoreError) as error:
            failed = error
            server.ready = False
            log.warning("the bucket cannot be read", error=type(error).__name__)
        await _pause(stop, settings.watch_seconds)
    await server.stop()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
