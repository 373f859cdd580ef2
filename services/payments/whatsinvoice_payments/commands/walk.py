"""`walk`: where the provider's list and our books differ; with --now a day is walked first."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import date, timedelta

from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.jobs import only_here
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.rpc.client import Client, forwarded
from whatsinvoice_kit.rpc.identity import ServiceIdentity
from whatsinvoice_kit.runtime import Command

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.clients.banks import PaystackBanking
from whatsinvoice_payments.clients.invoices import InvoicesOverGrpc
from whatsinvoice_payments.commands import Tools, tools
from whatsinvoice_payments.domain.walk import Difference
from whatsinvoice_payments.service.virtual_accounts import VirtualAccountService
from whatsinvoice_payments.service.walk import WALK_JOB, WalkService
from whatsinvoice_payments.settings import Settings

DIFFERENT, FAILED = 1, 2
PATIENCE_SECONDS = 60
TITLES = ("day", "reference", "kind", "ours", "theirs", "currency", "detail")


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--day", type=date.fromisoformat, help="of UTC: 2026-11-24; all days without it")
    parser.add_argument("--now", action="store_true", help="walk that day first, yesterday if none is named")


async def _run(settings: Settings, options: Namespace) -> int:
    day = options.day
    async with tools(settings) as given:
        service = settings.invoices_grpc, invoices_pb2.DESCRIPTOR.services_by_name["InvoicesService"]
        channel = Client(*service, forwarded, (), settings.certificate_files())
        try:
            walks = _walks(settings, given, channel)
            if options.now:
                day = day or (now() - timedelta(days=1)).date()
                if not await _walk_now(given.unit_of_work, walks, day):
                    return FAILED
            differences = await walks.list_differences(day)
        finally:
            await channel.close()
    sys.stdout.writelines(f"{line}\n" for line in _table(differences))
    return DIFFERENT if differences else 0


def _walks(settings: Settings, given: Tools, channel: Client) -> WalkService:
    invoices = InvoicesOverGrpc(channel, ServiceIdentity("payments", settings.service_keys()))
    deposits = VirtualAccountService(
        given.unit_of_work,
        PaystackBanking(given.paystack),
        invoices,
        email_domain=settings.customer_email_domain,
        reconcile_scale=settings.reconcile_scale,
    )
    return WalkService(given.unit_of_work, given.paystack, deposits, given.money_back, settings.walk_scale)


async def _walk_now(unit_of_work: UnitOfWork, walks: WalkService, day: date) -> bool:
    """Beside no other walk, for which it waits a while."""
    for _ in range(PATIENCE_SECONDS * 10):
        async with only_here(unit_of_work.engine, WALK_JOB) as here:
            if here:
                try:
                    await walks.walk_day(day)
                except ProviderError as error:
                    sys.stderr.write(f"the walk of {day} was broken off: {error}\n")
                    return False
                return True
        await asyncio.sleep(0.1)
    sys.stderr.write("another walk is under way\n")
    return False


def _table(differences: Sequence[Difference]) -> list[str]:
    """Amounts in minor units; one line alone when there is nothing to tell."""
    if not differences:
        return ["no differences"]
    lines = [TITLES, *(_cells(found) for found in differences)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(TITLES))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _cells(found: Difference) -> tuple[str, ...]:
    amounts = ("-" if amount is None else str(amount) for amount in (found.ours_minor, found.theirs_minor))
    return (str(found.day), found.reference, found.kind.value, *amounts, found.currency or "-", found.detail)


WALK = Command("where the provider's own list and our books differ", _add_arguments, _run)
