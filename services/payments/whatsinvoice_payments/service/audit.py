"""The audit: every row of the books, every chain and anchor, the provider's own list, and what invoices recorded."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.clients import TransactionList
from whatsinvoice_payments.domain import breach as own
from whatsinvoice_payments.domain import provider_truth as provider
from whatsinvoice_payments.domain import recorded
from whatsinvoice_payments.domain.breach import Breach
from whatsinvoice_payments.domain.chain import Head, digest_of
from whatsinvoice_payments.repository import chain as chain_rows
from whatsinvoice_payments.repository import invariants as rows
from whatsinvoice_payments.service.books_checks import PUBLISHED_WITHIN, Rounds, Slice, of_anchors
from whatsinvoice_payments.service.provider_audit import ProviderAudit
from whatsinvoice_payments.service.recorded_audit import RecordedAudit, RecordedPayments

SLICE = 1_000
_LOOKED_AT = {
    "ledger_unbalanced": "entry sets",
    "balance_drift": "businesses",
    "chain_broken": "entry sets",
    "chain_cut": "anchors",
    "outbox_old": "events",
    recorded.NO_PAYMENT: "receipts",
    recorded.DIFFERS: "receipts",
    recorded.UNRECORDED: "settled payments",
    recorded.UNPAID: "invoices",
} | dict.fromkeys(provider.CHECKS, "transactions")
"""Check -> what it looks at; payments unless told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`heads` are those that were saved elsewhere; `since` when the provider's list begins; `settled_within` how long
    a payment may be on its way from the provider to us.
    """

    heads: Sequence[Head] = ()
    since: datetime | None = None
    settled_within: timedelta = timedelta(minutes=15)


@dataclass(slots=True)
class Report:
    """What was looked at, by kind, and what breaks a rule. `digest` is over the heads of all chains, `heads` many."""

    checks: Sequence[str]
    looked_at: dict[str, int] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)
    digest: str = ""
    heads: int = 0

    def add(self, kind: str, count: int, breaches: Sequence[Breach]) -> None:
        self.looked_at[kind] = self.looked_at.get(kind, 0) + count
        self.breaches += [breach for breach in breaches if breach not in self.breaches]

    def lines(self) -> list[tuple[str, int, str, int]]:
        """Of each check: its name, how many rows of what kind were looked at, and how many breaches it found."""
        found = [breach.check for breach in self.breaches]
        kinds = {check: _LOOKED_AT.get(check, "payments") for check in self.checks}
        return [(check, self.looked_at.get(kind, 0), kind, found.count(check)) for check, kind in kinds.items()]


async def audit(
    unit_of_work: UnitOfWork,
    asked: Asked,
    transactions: TransactionList | None = None,
    invoices: RecordedPayments | None = None,
) -> Report:
    """Check everything: without `transactions` but for the provider, without `invoices` but for what they recorded.

    Raises:
        ProviderError: the provider could not be asked.
        ServiceError: invoices could not be asked.
    """
    checks = own.CHECKS + (() if transactions is None else provider.CHECKS)
    report = Report(checks + (() if invoices is None else recorded.CHECKS))
    rounds = Rounds(unit_of_work, SLICE)
    await _all(report, "payments", rounds.payments)
    await _all(report, "entry sets", rounds.links)
    await _all(report, "businesses", rounds.businesses)
    await _all(report, "anchors", rounds.anchors)
    async with unit_of_work.read() as tx:
        late = await rows.of_outbox(tx, now() - PUBLISHED_WITHIN)
        report.add("events", await rows.count_unpublished(tx), late)
        for start in range(0, len(asked.heads), SLICE):
            page = asked.heads[start : start + SLICE]
            report.add("anchors", len(page), await of_anchors(tx, page))
        heads = await chain_rows.heads(tx)
    report.digest, report.heads = digest_of(heads), len(heads)
    if transactions is not None:
        moment = now()
        theirs = ProviderAudit(unit_of_work, transactions, moment - asked.settled_within)
        report.add("transactions", 0, await theirs.compare(asked.since, moment))
        report.add("transactions", theirs.looked_at, ())
    if invoices is not None:
        across = RecordedAudit(unit_of_work, invoices, now() - asked.settled_within)
        report.add("receipts", 0, await across.compare())
        report.add("receipts", across.receipts, ())
        report.add("settled payments", across.payments, ())
        report.add("invoices", across.checked, ())
    return report


async def _all(report: Report, kind: str, step: Callable[[], Awaitable[Slice]]) -> None:
    while True:
        looked = await step()
        report.add(kind, looked.rows, looked.breaches)
        if looked.last:
            return
