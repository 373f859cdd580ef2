"""L2: the minute job finds each deliberately broken row of invoices, counts it by its rule and names it in the log."""

import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg import sql
from structlog.testing import capture_logs
from support.backing import host_and_port
from support.builders import a_payment_succeeded, an_invoice
from support.sample import eventually
from support.services import publish, running
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice_invoices.__main__ import SPEC
from whatsinvoice_invoices.domain.breach import CHECKS
from whatsinvoice_invoices.service import invariants
from whatsinvoice_invoices.service.invariants import InvariantsService
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import owner_of, provision, role_of
from whatsinvoice_kit.runtime import Process


@pytest.fixture(scope="module")
def admin_url(postgres_url: str) -> Iterator[str]:
    """A superuser's address of a database that no other test writes into."""
    name, password = f"invariants_{secrets.token_hex(4)}", "invoices-of-the-tests"
    host, port = host_and_port(postgres_url)
    provision(postgres_url, "invoices", password, password, name)
    migrate("whatsinvoice_invoices", f"postgresql://{owner_of('invoices')}:{password}@{host}:{port}/{name}")
    yield f"{postgres_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def migrated(admin_url: str, postgres_url: str) -> dict[str, str]:
    host, port = host_and_port(postgres_url)
    name = admin_url.rpartition("/")[2]
    return {"invoices": f"postgresql://{role_of('invoices')}:invoices-of-the-tests@{host}:{port}/{name}"}


@pytest.fixture
async def paid(process: Process[Any], invoices: InvoicesServiceStub, merchant: Any, redis_url: str) -> str:
    """The id of an invoice that was paid in part and then whole, beside an open one."""
    await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)
    invoice = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    parts = (1_000_000, invoice.total_minor - 1_000_000)
    told = [a_payment_succeeded(merchant.business_id, invoice.id, part) for part in parts]
    await publish(redis_url, "whatsinvoice.payments.v1", *told)

    async def recorded() -> bool:
        return await counted(process, "SELECT count(*) FROM invoices.receipts WHERE invoice_id = %s", invoice.id) == 2

    await eventually(recorded)
    return str(invoice.id)


async def counted(process: Process[Any], statement: str, value: str) -> int:
    url = process.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, options="-c app.business_id=*") as connection:
        return int((connection.execute(statement.encode(), [value]).fetchone() or (0,))[0])


def breaks(admin_url: str, statement: str, *values: Any) -> None:
    with psycopg.connect(admin_url, options="-c session_replication_role=replica") as connection:
        assert connection.execute(statement.encode(), values).rowcount > 0, statement


async def run(process: Process[Any]) -> dict[str, list[tuple[str, ...]]]:
    """One step of the job: check -> the ids that the log names; the gauge says as many."""
    with capture_logs() as logs:
        await InvariantsService(process.unit_of_work).work()
    named: dict[str, list[tuple[str, ...]]] = {}
    for line in (line for line in logs if line["event"] == "invoices do not hold"):
        named.setdefault(line["check"], []).append((line["business_id"], *line["ids"]))
    gauges = {check: REGISTRY.get_sample_value("invoices_invariant_breaches", {"check": check}) for check in CHECKS}
    assert gauges == {check: len(named.get(check, ())) for check in CHECKS}
    return named


REVERSAL = """
    INSERT INTO invoices.reversals SELECT 'rev_' || id, business_id, id, '', 'reversal', '', 5, 0, 5, now(), true
    FROM invoices.invoices WHERE id = %s
"""
BREAKS = [
    ("UPDATE invoices.invoices SET amount_paid_minor = amount_paid_minor - 1 WHERE id = %s", "id",
     "UPDATE invoices.invoices SET amount_paid_minor = amount_paid_minor + 1 WHERE id = %s"),
    ("UPDATE invoices.invoices SET status = 'open' WHERE id = %s", "id",
     "UPDATE invoices.invoices SET status = 'paid' WHERE id = %s"),
    ("UPDATE invoices.receipts SET credit_minor = 5 WHERE invoice_id = %s", "id",
     "UPDATE invoices.receipts SET credit_minor = 0 WHERE invoice_id = %s"),
    (REVERSAL, "id", "DELETE FROM invoices.reversals WHERE invoice_id = %s"),
    (REVERSAL.replace("true", "false"), "id", "DELETE FROM invoices.reversals WHERE invoice_id = %s"),
    ("UPDATE invoices.invoices SET refunded_minor = 1 WHERE id = %s", "id",
     "UPDATE invoices.invoices SET refunded_minor = 0 WHERE id = %s"),
    ("UPDATE invoices.invoices SET credit_minor = 1 WHERE id = %s", "id",
     "UPDATE invoices.invoices SET credit_minor = 0 WHERE id = %s"),
    ("UPDATE invoices.counters SET last = last + 1 WHERE kind = 'invoice' AND business_id = %s", "business",
     "UPDATE invoices.counters SET last = last - 1 WHERE kind = 'invoice' AND business_id = %s"),
    ("UPDATE invoices.counters SET last = last - 1 WHERE kind = 'receipt' AND business_id = %s", "business",
     "UPDATE invoices.counters SET last = last + 1 WHERE kind = 'receipt' AND business_id = %s"),
]  # fmt: skip


async def test_each_broken_row_is_counted_and_named(
    process: Process[Any], paid: str, merchant: Any, admin_url: str
) -> None:
    assert await run(process) == {}
    for act, of, mend in BREAKS:
        value = paid if of == "id" else merchant.business_id
        breaks(admin_url, act, value)
        found = await run(process)
        check, named = ("paid_mismatch", paid) if of == "id" else ("numbers_gap", act.split("'")[1])
        assert found == {check: [(merchant.business_id, named)]}, act
        breaks(admin_url, mend, value)
    assert await run(process) == {}


async def test_a_number_that_is_gone_is_a_gap(process: Process[Any], paid: str, merchant: Any, admin_url: str) -> None:
    breaks(admin_url, "UPDATE invoices.invoices SET number = NULL WHERE id = %s", paid)
    assert await run(process) == {"numbers_gap": [(merchant.business_id, "invoice")]}
    breaks(admin_url, "UPDATE invoices.invoices SET number = 'INV-000002' WHERE id = %s", paid)


async def test_rows_to_which_nothing_came_lately_come_round(
    process: Process[Any], paid: str, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("SLICE", 2), ("RECENT", 0), ("COUNTERS_AT_ONCE", 2), ("NUMBERS_AT_ONCE", 0)):
        monkeypatch.setattr(invariants, name, size)
    breaks(admin_url, "UPDATE invoices.invoices SET amount_paid_minor = 1 WHERE id = %s", paid)
    service = InvariantsService(process.unit_of_work)

    async def seen(times: int) -> float | None:
        for _ in range(times):
            await service.work()
        return REGISTRY.get_sample_value("invoices_invariant_breaches", {"check": "paid_mismatch"})

    assert await seen(8) == 1
    breaks(admin_url, "UPDATE invoices.invoices SET amount_paid_minor = total_minor WHERE id = %s", paid)
    assert await seen(16) == 0


async def test_the_running_service_looks_each_minute(settings: dict[str, Any], paid: str, admin_url: str) -> None:
    async def seen() -> bool:
        return REGISTRY.get_sample_value("invoices_invariant_breaches", {"check": "paid_mismatch"}) == 1

    breaks(admin_url, "UPDATE invoices.invoices SET amount_paid_minor = 1 WHERE id = %s", paid)
    async with running(SPEC, **(settings | {"invariants_seconds": 0.05})):
        await eventually(seen)
