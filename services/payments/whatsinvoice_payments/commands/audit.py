"""`audit`: whether the books hold, as a table and a line for each row that breaks them.

The exit status is 0 when they hold, 1 when they do not, 2 when the provider or invoices could not be asked.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.rpc.client import Client, forwarded
from whatsinvoice_kit.rpc.identity import ServiceIdentity
from whatsinvoice_kit.runtime import Command

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.clients.recorded import RecordedOverGrpc
from whatsinvoice_payments.clients.transactions import PaystackTransactions
from whatsinvoice_payments.commands import tools
from whatsinvoice_payments.domain.chain import Head, read_head
from whatsinvoice_payments.service.audit import Asked, Report, audit
from whatsinvoice_payments.settings import Settings

HOLDS, BROKEN, NOT_ASKED = 0, 1, 2


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--offline", action="store_true", help="ask neither the provider nor invoices")
    parser.add_argument("--without-invoices", action="store_true", help="do not ask invoices")
    parser.add_argument("--anchor", type=Path, metavar="FILE", help="heads that were saved elsewhere, as backups do")
    parser.add_argument("--since", type=_day, metavar="YYYY-MM-DD", help="where the provider's list begins; all of it")
    parser.add_argument("--within-minutes", type=float, default=15, help="how long money may be on its way to us (15)")


async def run(settings: Settings, options: Namespace) -> int:
    """Audits, and prints what was found."""
    asked = Asked(
        heads=_heads(options.anchor) if options.anchor else (),
        since=options.since,
        settled_within=timedelta(minutes=options.within_minutes),
    )
    try:
        async with tools(settings) as given:
            transactions = None if options.offline else PaystackTransactions(given.paystack)
            async with _invoices(settings, asked=not (options.offline or options.without_invoices)) as invoices:
                report = await audit(given.unit_of_work, asked, transactions, invoices)
    except ProviderError as error:
        sys.stderr.write(f"the provider could not be asked: {error}\n")
        return NOT_ASKED
    except ServiceError as error:
        sys.stderr.write(f"invoices could not be asked: {error.reason}: {error}\n")
        return NOT_ASKED
    sys.stdout.write(shown(report))
    return BROKEN if report.breaches else HOLDS


@asynccontextmanager
async def _invoices(settings: Settings, *, asked: bool) -> AsyncIterator[RecordedOverGrpc | None]:
    if not asked:
        yield None
        return
    service = settings.invoices_grpc, invoices_pb2.DESCRIPTOR.services_by_name["InvoicesService"]
    channel = Client(*service, forwarded, (), settings.certificate_files())
    try:
        yield RecordedOverGrpc(channel, ServiceIdentity("payments", settings.service_keys()))
    finally:
        await channel.close()


def shown(report: Report) -> str:
    """The table, the breaches, and the digest: the log of the last anchor has the same if nothing came since."""
    lines = [f"{'check':<26}{'looked at':>12}  {'':<14}{'breaches':>8}"]
    lines += [f"{check:<26}{count:>12}  {kind:<14}{found:>8}" for check, count, kind, found in report.lines()]
    lines += [
        f"{breach.check}: {breach.business_id} {' '.join(breach.ids)} {breach.said}".replace("  ", " ")
        for breach in report.breaches
    ]
    lines.append(f"{report.heads} chains, digest {report.digest}")
    return "\n".join(lines) + "\n"


def _heads(file: Path) -> list[Head]:
    return [read_head(line) for line in file.read_text().splitlines() if line]


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


AUDIT: Command[Settings] = Command(
    "whether the books hold: every entry and chain, the provider's own list, and what invoices recorded",
    add_arguments,
    run,
)
