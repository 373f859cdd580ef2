"""`quarantine list|release|dismiss`: what is held back, and what a person makes of it."""

import sys
from argparse import ArgumentParser, Namespace

from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.runtime import Command

from whatsinvoice_payments.commands import Tools, tools
from whatsinvoice_payments.domain.quarantine import Held, Kind
from whatsinvoice_payments.repository import quarantine as rows
from whatsinvoice_payments.service.quarantine import QuarantineService
from whatsinvoice_payments.settings import Settings

LONGEST = 1_000


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "release", "dismiss"))
    parser.add_argument("id", nargs="?", default="", help="qua_…, of what is released or put aside")


async def _run(settings: Settings, options: Namespace) -> int:
    """1 when there is nothing of that id to rule over, or the provider says otherwise."""
    async with tools(settings) as given:
        if options.action == "list":
            return await _list(given)
        service = QuarantineService(given.unit_of_work, given.paystack)
        async with given.unit_of_work.read() as tx:
            held = await rows.find_held(tx, options.id)
        if held is None:
            return _said(f"nothing is held as {options.id!r}")
        if options.action == "dismiss":
            return 0 if await service.dismiss(held.id) else _said("a held payment is released or refunded")
        return await _release(service, held)


async def _list(given: Tools) -> int:
    async with given.unit_of_work.read() as tx:
        found = await rows.list_open(tx, LONGEST)
    for held in found:
        about = held.finding
        amount = "?" if about.amount_minor is None else str(about.amount_minor)
        words = (held.id, about.kind.value, about.reference, about.payment_id or "-", f"{amount} {about.currency}")
        sys.stdout.write(f"{held.created_at:%Y-%m-%d %H:%M} {' '.join(words)}: {about.reason}\n")
    sys.stdout.write(f"{len(found)} held\n")
    return 0


async def _release(service: QuarantineService, held: Held) -> int:
    if held.finding.kind is not Kind.PAYMENT:
        return _said("only a payment can be released")
    try:
        payment = await service.release_payment(held.finding.business_id, held.finding.payment_id)
    except ServiceError as error:
        return _said(f"{error.reason}: {error}")
    sys.stdout.write(f"{payment.reference} is applied: {payment.settled_minor} {payment.currency}\n")
    return 0


def _said(words: str) -> int:
    sys.stderr.write(f"payments: {words}\n")
    return 1


QUARANTINE: Command[Settings] = Command("what is held back: list, release or dismiss it", _add_arguments, _run)
