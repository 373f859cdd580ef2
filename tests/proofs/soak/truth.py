"""Our books beside what the provider believes in: charge by charge, and account by account."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

ENDED = ("succeeded", "reversed")
PAYMENTS = "SELECT * FROM payments.payments"
SUMS = """
    SELECT account, sum(amount_minor)::bigint FROM payments.ledger_entries WHERE currency = %s GROUP BY account
"""
FINDINGS = """
    SELECT q.kind, q.reference, q.status, encode(w.body_hash, 'hex') AS sha256
    FROM payments.quarantine q LEFT JOIN payments.webhookevent w ON w.id = q.webhook_id
"""
INVOICES = "SELECT id, total_minor, amount_paid_minor, status FROM invoices.invoices"
WAITING = {
    "webhooks without an outcome": "SELECT count(*) FROM payments.webhookevent WHERE processed_at IS NULL",
    "payments under way": """
        SELECT count(*) FROM payments.payments WHERE status IN ('initialized', 'pending', 'unknown')
    """,
    "refunds under way": "SELECT count(*) FROM payments.refunds WHERE ended_at IS NULL",
    "disputes under way": "SELECT count(*) FROM payments.disputes WHERE resolved_at IS NULL",
    "payments that invoices has not applied": """
        SELECT count(*) FROM payments.payments p WHERE status IN ('succeeded', 'reversed') AND NOT EXISTS (
            SELECT FROM payments.allocations a WHERE a.payment_id = p.id AND a.cause_id = ''
        )
    """,
    "money back that invoices has not applied": """
        SELECT count(*) FROM payments.payments p WHERE refunded_minor <> coalesce((
            SELECT sum(applied_minor + credit_minor) FROM payments.allocations a
            WHERE a.payment_id = p.id AND a.cause_id <> ''
        ), 0)
    """,
    "events that have not left": """
        SELECT (SELECT count(*) FROM payments.outbox WHERE published_at IS NULL)
             + (SELECT count(*) FROM invoices.outbox WHERE published_at IS NULL)
    """,
}


@dataclass
class Comparison:
    """What was counted on both sides, in order, and every difference in words."""

    rows: list[tuple[str, int, int]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def row(self, what: str, ours: int, theirs: int) -> None:
        self.rows.append((what, ours, theirs))
        if ours != theirs:
            self.differences.append(f"{what}: ours {ours}, the truth {theirs}")


@dataclass(frozen=True)
class Sides:
    """The database of all services, as the superuser, and the provider's controls."""

    database: str
    sandbox: httpx.Client
    currency: str = "NGN"

    def waiting(self) -> dict[str, int]:
        """What is still on its way, how much of each; empty when nothing is."""
        with psycopg.connect(self.database) as connection:
            counts = {what: int((connection.execute(sql).fetchone() or (0,))[0]) for what, sql in WAITING.items()}
        return {what: count for what, count in counts.items() if count}

    def quarantined(self) -> Sequence[Mapping[str, Any]]:
        """Our payments that are held."""
        return [payment for payment in self._rows(PAYMENTS) if payment["status"] == "quarantined"]

    def settled(self) -> list[dict[str, Any]]:
        """Our payments of which all is left, and of which no refund is known; by id."""
        known = {refund["payment_id"] for refund in self._rows("SELECT payment_id FROM payments.refunds")}
        payments = sorted(self._rows(PAYMENTS), key=lambda payment: str(payment["id"]))
        whole = [payment for payment in payments if payment["status"] == "succeeded" and not payment["refunded_minor"]]
        return [payment for payment in whole if payment["id"] not in known]

    def compare(self) -> Comparison:
        """Charge by charge, then the sums; what is in quarantine is left out of them, and counted."""
        truth, found = self._truth("/_control/ledger"), Comparison()
        payments = {payment["reference"]: payment for payment in self._rows(PAYMENTS)}
        held = {reference for reference, payment in payments.items() if payment["status"] == "quarantined"}
        charges = [charge for charge in truth["charges"] if charge["reference"] not in held]
        for charge in charges:
            self._compare_charge(charge, payments.get(charge["reference"]), found)
        counted = [payment for payment in payments.values() if payment["status"] in ENDED]
        found.row("charges", len(counted), len(charges))
        found.row("charged", sum(p["paid_minor"] for p in counted), sum(c["amount"] for c in charges))
        found.row("fees", sum(p["fees_minor"] for p in counted), sum(c["fees"] for c in charges))
        back = sum(charge["refunded_amount"] + charge["disputed_amount"] for charge in charges)
        found.row("given back", sum(p["refunded_minor"] for p in counted), back)
        self._compare_sums(charges, counted, found)
        self._compare_invoices(counted, found)
        return found

    def compare_quarantine(self) -> Comparison:
        """Every lie that was told is in it, by the very body that told it; nothing else is."""
        lies = {lie["sha256"]: lie for lie in self._truth("/_control/lies")["lies"]}
        findings = self._rows(FINDINGS)
        held, found = {finding["sha256"] for finding in findings}, Comparison()
        found.row("lies in quarantine", len(held & lies.keys()), len(lies))
        found.row("findings that are no lie", sum(finding["sha256"] not in lies for finding in findings), 0)
        found.differences += [f"a lie that is not held: {lies[sha256]}" for sha256 in lies.keys() - held]
        found.differences += [f"held, but no lie: {finding}" for finding in findings if finding["sha256"] not in lies]
        return found

    @staticmethod
    def _compare_charge(charge: Mapping[str, Any], payment: Mapping[str, Any] | None, found: Comparison) -> None:
        if payment is None or payment["status"] not in ENDED:
            found.differences.append(f"{charge['reference']} is {payment and payment['status']}, and was paid")
            return
        ours = (payment["paid_minor"], payment["fees_minor"], payment["currency"], payment["refunded_minor"])
        back = charge["refunded_amount"] + charge["disputed_amount"]
        theirs = (charge["amount"], charge["fees"], charge["currency"], back)
        if ours != theirs:
            found.differences.append(f"{charge['reference']}: ours {ours}, the truth {theirs}")

    def _compare_sums(
        self, charges: Sequence[Mapping[str, Any]], counted: Sequence[Mapping[str, Any]], found: Comparison
    ) -> None:
        with psycopg.connect(self.database) as connection:
            sums = Counter[str](dict(connection.execute(SUMS, [self.currency]).fetchall()))
        kept = [c["amount"] - c["fees"] - c["refunded_amount"] - c["disputed_amount"] for c in charges]
        found.row("ledger paystack_clearing", sums["paystack_clearing"], sum(kept))
        settled = sum(payment["settled_minor"] for payment in counted)
        counted_back = sum(min(payment["refunded_minor"], payment["settled_minor"]) for payment in counted)
        found.row("ledger receivable and credit", sums["receivable"] + sums["customer_credit"], counted_back - settled)
        found.row("ledger refunds on their way", sums["refunds"], 0)
        found.row("ledger disputes on their way", sums["disputes"], 0)
        found.row("ledger, all accounts", sum(sums.values()), 0)

    def _compare_invoices(self, counted: Sequence[Mapping[str, Any]], found: Comparison) -> None:
        left = Counter[str]()
        for payment in counted:
            left[payment["invoice_id"]] += max(payment["settled_minor"] - payment["refunded_minor"], 0)
        wrong = 0
        for invoice in self._rows(INVOICES):
            if invoice["amount_paid_minor"] != left[invoice["id"]]:
                wrong += 1
                found.differences.append(
                    f"{invoice['id']} has {invoice['amount_paid_minor']}, of {left[invoice['id']]}"
                )
        found.row("invoices whose payments do not add up", wrong, 0)

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.database, row_factory=dict_row) as connection:
            return connection.execute(sql.encode()).fetchall()

    def _truth(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sandbox.get(path).raise_for_status().json()
        return found
