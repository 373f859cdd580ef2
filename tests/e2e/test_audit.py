"""`make audit`, on a stack whose money is all at the provider: later tests fill it with money that never was."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from whatsinvoice_kit.data.provision import DATABASE
from whatsinvoice_local.demo.play import play
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def audit(stack: Stack, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "whatsinvoice_local", "--folder", str(stack.state.folder), "audit", "--", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_audit_of_its_books_passes_and_asks_the_provider(stack: Stack) -> None:
    play(stack.state, lambda _: None)
    whole, offline = audit(stack, "--within-minutes", "0"), audit(stack, "--offline")
    assert (whole.returncode, offline.returncode) == (0, 0), whole.stdout + whole.stderr + offline.stdout
    looked_at = {line.split()[0]: int(line.split()[1]) for line in whole.stdout.splitlines()[1:-1]}
    assert looked_at["chain_broken"] >= 1
    assert looked_at["provider_has_less"] >= 2
    assert "provider_has_less" not in offline.stdout


def test_f39_the_audit_is_clean_after_demo_up_down_up(stack: Stack) -> None:
    play(stack.state, lambda _: None)
    assert stack.down()
    assert stack.up()
    whole = audit(stack, "--within-minutes", "0")
    assert whole.returncode == 0, whole.stdout + whole.stderr


KEPT = (
    ("receipts", "invoices", "amount_minor", "currency", "payment_id"),
    ("invoices", "invoices", "status", "amount_paid_minor"),
    ("payments", "payments", "settled_minor", "currency"),
)
"""Tables, their schemas and the columns that the tests change."""


@pytest.fixture
def paid(stack: Stack) -> Iterator[tuple[str, str, "psycopg.Connection[Any]"]]:
    """Yield a paid invoice, its payment, and a superuser's connection whose changes are undone afterwards."""
    play(stack.state, lambda _: None)
    url = f"{stack.state.env['DATABASE_URL'].rpartition('/')[0]}/{DATABASE}"
    with psycopg.connect(url, autocommit=True) as admin:
        newest = "SELECT id, invoice_id, payment_id FROM invoices.receipts ORDER BY id DESC LIMIT 1"
        receipt_id, invoice_id, payment_id = admin.execute(newest).fetchone() or ("", "", "")
        undo = []
        for (table, schema, *columns), row_id in zip(KEPT, (receipt_id, invoice_id, payment_id), strict=True):
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            read = sql.SQL("SELECT {} FROM {} WHERE id = %s").format(names, sql.Identifier(schema, table))
            write = sql.SQL("UPDATE {} SET ({}) = ROW({}) WHERE id = %s").format(
                sql.Identifier(schema, table), names, sql.SQL(", ").join([sql.Placeholder()] * len(columns))
            )
            undo.append((write, [*(admin.execute(read, [row_id]).fetchone() or ()), row_id]))
        yield invoice_id, payment_id, admin
        for write, values in undo:
            admin.execute(write, values)


@pytest.mark.parametrize(
    ("statement", "of", "checks"),
    [
        (
            "UPDATE invoices.receipts SET payment_id = 'pay_forged' WHERE payment_id = %s",
            "payment",
            ("receipt_without_payment", "payment_unrecorded"),
        ),
        (
            "UPDATE invoices.receipts SET amount_minor = amount_minor + 1 WHERE payment_id = %s",
            "payment",
            ("receipt_differs",),
        ),
        ("UPDATE invoices.receipts SET currency = 'KES' WHERE payment_id = %s", "payment", ("receipt_differs",)),
        (
            "UPDATE payments.payments SET settled_minor = settled_minor - 1 WHERE id = %s",
            "payment",
            ("receipt_differs",),
        ),
        (
            "UPDATE payments.payments SET settled_minor = NULL WHERE id = %s",
            "payment",
            ("receipt_without_payment",),
        ),
        (
            "UPDATE invoices.invoices SET amount_paid_minor = amount_paid_minor - 1 WHERE id = %s",
            "invoice",
            ("invoice_paid_mismatch",),
        ),
    ],
)
def test_f05_the_audit_finds_a_row_that_one_service_has_and_the_other_has_not(
    stack: Stack, paid: tuple[str, str, Any], statement: str, of: str, checks: tuple[str, ...]
) -> None:
    invoice_id, payment_id, admin = paid
    admin.execute(statement, [payment_id if of == "payment" else invoice_id])
    done = audit(stack, "--within-minutes", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    for check in checks:
        named = [line for line in done.stdout.splitlines() if line.startswith(f"{check}: ")]
        assert any(invoice_id in line for line in named), (check, done.stdout)


def test_f05_the_audit_asks_invoices_over_rpc_and_says_when_it_cannot(stack: Stack) -> None:
    """Payments' role reads no other schema, so what the audit knows of receipts came over RPC."""
    with (
        psycopg.connect(stack.state.env["PAYMENTS_DATABASE_URL"]) as own,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        own.execute("SELECT FROM invoices.receipts")
    done = audit(stack, "--within-minutes", "0")
    looked_at = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()[1:-1]}
    assert done.returncode == 0, done.stdout + done.stderr
    assert min(looked_at[check] for check in ("receipt_differs", "payment_unrecorded", "invoice_paid_mismatch")) >= 1
