"""The audit: whole books pass, and every deliberate break is named, also what was done straight in the database."""

import asyncio
import json
import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from integration.payments.ledger.test_invariants import BREAKS, sound
from integration.payments.settlement.test_allocations import STREAM, kept, recorded
from pydantic import SecretStr
from support.keys import Keyring
from support.payments import money_back
from support.payments.books import Books, Sale, own_books
from support.payments.parts import SECRET_KEY
from support.payments.stage import Stage, eventually, staged
from support.sandbox import Entrance, sandbox_program
from support.services import publish
from whatsinvoice_payments.__main__ import SPEC
from whatsinvoice_payments.domain.chain import digest_of, line_of
from whatsinvoice_payments.repository import chain as chain_rows
from whatsinvoice_payments.service.chain import ChainService
from whatsinvoice_payments.settings import Settings


@pytest.fixture
def fresh(postgres_url: str) -> Iterator[Books]:
    """Books that a test breaks."""
    with own_books(postgres_url) as books:
        yield books


@pytest.fixture
def audited(keyring: Keyring, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs the command as `python -m whatsinvoice_payments audit` does; gives its exit status and what it printed."""

    async def run(books: Books, *arguments: str, base_url: str = "http://127.0.0.1:1") -> tuple[int, str]:
        settings = Settings(
            app_env="test",
            database_url=SecretStr(books.url),
            redis_url=SecretStr("redis://127.0.0.1:1"),
            trusted_keys=keyring.trusted,
            service_key=SecretStr(json.dumps(keyring.services["payments"])),
            invoices_grpc="127.0.0.1:1",
            paystack_base_url=base_url,
            paystack_secret_key=SecretStr(SECRET_KEY),
        )
        parser = ArgumentParser()
        SPEC.commands["audit"].add_arguments(parser)
        options = parser.parse_args(["--without-invoices", *arguments])
        status = await SPEC.commands["audit"].run(settings, options)
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return run


async def test_sound_books_pass(fresh: Books, audited: Callable[..., Any]) -> None:
    for _ in range(3):
        sound(fresh)
    status, said = await audited(fresh, "--offline")
    assert status == 0, said
    lines = {line.split()[0]: line.split()[1:] for line in said.splitlines()}
    assert lines["ledger_unbalanced"] == ["3", "entry", "sets", "0"]
    assert lines["payment_unallocated"] == ["3", "payments", "0"]
    assert lines["balance_drift"] == ["3", "businesses", "0"]
    async with fresh.unit_of_work() as unit_of_work, unit_of_work.read() as tx:
        assert said.endswith(f"3 chains, digest {digest_of(await chain_rows.heads(tx))}\n")


async def test_every_broken_row_is_named(fresh: Books, audited: Callable[..., Any]) -> None:
    sales = [sound(fresh) for _ in BREAKS]
    for (_, _, act), sale in zip(BREAKS, sales, strict=True):
        act(fresh, sale)
    status, said = await audited(fresh, "--offline")
    assert status == 1
    for (check, named, _), sale in zip(BREAKS, sales, strict=True):
        found = [line for line in said.splitlines() if line.startswith(f"{check}: ") and getattr(sale, named) in line]
        assert found, (check, named, said)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments.ledger_entries SET amount_minor = amount_minor - 1 WHERE id = %s",
        "UPDATE payments.ledger_entries SET created_at = created_at - interval '1 microsecond' WHERE id = %s",
        "UPDATE payments.ledger_entries SET purpose = purpose || '.' WHERE id = %s",
        "DELETE FROM payments.ledger_entries WHERE id = %s",
    ],
)
async def test_a_ledger_row_that_was_edited_or_deleted_in_sql_is_named(
    fresh: Books, audited: Callable[..., Any], statement: str
) -> None:
    sale = [sound(fresh) for _ in range(3)][1]
    [entry] = fresh.rows("SELECT min(id) AS id FROM payments.ledger_entries WHERE payment_id = %s", sale.payment_id)
    fresh.breaks(statement, entry["id"])
    status, said = await audited(fresh, "--offline")
    assert status == 1
    assert any(line.startswith("chain_broken:") and sale.entry_set_id in line for line in said.splitlines())


def cut_newest(books: Books, sale: Sale) -> None:
    """The newest set of a business goes without a trace: head, balances, payment and allocation go with it."""
    books.breaks("DELETE FROM payments.ledger_entries WHERE entry_set_id = %s", sale.entry_set_id)
    books.breaks("DELETE FROM payments.ledger_sets WHERE entry_set_id = %s", sale.entry_set_id)
    for table in ("ledger_heads", "ledger_balances", "payments", "allocations"):
        books.erase(table, sale.business_id)


async def test_the_newest_row_deleted_in_sql_is_named_by_what_was_anchored(
    fresh: Books, audited: Callable[..., Any]
) -> None:
    sound(fresh)
    sale = sound(fresh)
    async with fresh.unit_of_work() as unit_of_work:
        await ChainService(unit_of_work).anchor()
    cut_newest(fresh, sale)
    status, said = await audited(fresh, "--offline")
    assert status == 1
    assert f"chain_cut: {sale.business_id} an anchor knows position 1, and the chain ends at 0" in said


async def test_who_deletes_the_anchors_too_is_named_by_heads_that_lay_elsewhere(
    fresh: Books, audited: Callable[..., Any], tmp_path: Path
) -> None:
    sound(fresh)
    sale = sound(fresh)
    file = tmp_path / "heads"
    async with fresh.unit_of_work() as unit_of_work, unit_of_work.read() as tx:
        file.write_text("".join(map(line_of, await chain_rows.heads(tx))))
    assert (await audited(fresh, "--offline", "--anchor", str(file)))[0] == 0
    cut_newest(fresh, sale)
    assert (await audited(fresh, "--offline"))[0] == 0
    status, said = await audited(fresh, "--offline", "--anchor", str(file))
    assert status == 1
    assert f"chain_cut: {sale.business_id} an anchor knows position 1" in said


@pytest.fixture(scope="module")
def own_sandbox(door: Entrance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A provider that has nothing but what these tests do."""
    log = tmp_path_factory.mktemp("audit") / "log"
    settings = {"SANDBOX_TIME_SCALE": "0.0001", "PAYSTACK_SECRET_KEY": SECRET_KEY, "PAYSTACK_WEBHOOK_URL": door.url}
    with sandbox_program(log, **settings) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def trading(
    fresh: Books, redis_url: str, keyring: Keyring, own_sandbox: str, door: Entrance
) -> AsyncIterator[Stage]:
    backing = {"database_url": fresh.url, "redis_url": redis_url}
    async with staged(backing, keyring, own_sandbox, door) as stage:
        yield stage


async def paid(stage: Stage, books: Books) -> tuple[Sale, str]:
    """A payment that went all the way, and its reference."""
    token = stage.invoices.bill(10_000)
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    [payment] = await stage.payments(token)
    sale = Sale(payment["business_id"], payment["id"], payment["invoice_id"], "")
    told = recorded(sale, credit=0)
    told.receipt.amount.amount_minor = told.invoice.total_minor = told.invoice.amount_paid_minor = 10_000
    await publish(stage.redis_url, STREAM, told)
    await kept(books, sale, 1)
    return sale, payment["reference"]


async def test_our_payments_agree_with_the_provider_or_are_named(
    fresh: Books, trading: Stage, own_sandbox: str, audited: Callable[..., Any]
) -> None:
    """What they have and we do not, what we have and they do not, and what differs."""
    base_url = f"{own_sandbox}/paystack"
    made = await asyncio.gather(*(paid(trading, fresh) for _ in range(3)))
    started = await trading.start(trading.invoices.bill())
    assert started.authorization_url
    how: dict[str, Any] = {"base_url": base_url}
    status, said = await audited(fresh, "--within-minutes", "0", **how)
    assert status == 0, said
    (ours, _), (fees, _), (_, theirs) = made
    fresh.breaks("UPDATE payments.payments SET reference = 'nobody' WHERE id = %s", ours.payment_id)
    fresh.breaks("UPDATE payments.payments SET fees_minor = fees_minor - 1 WHERE id = %s", fees.payment_id)
    fresh.breaks("DELETE FROM payments.payments WHERE reference = %s", theirs)
    status, said = await audited(fresh, "--within-minutes", "0", **how)
    assert status == 1
    told = said.splitlines()
    assert any(line.startswith(f"provider_has_less: {ours.business_id} {ours.payment_id} nobody") for line in told)
    assert any(line.startswith(f"provider_differs: {fees.business_id} {fees.payment_id}") for line in told)
    assert any(line.startswith(f"provider_has_more: {theirs} the provider has 10000 NGN") for line in told)
    assert "provider_has_more: " not in (await audited(fresh, "--within-minutes", "15", **how))[1]


async def test_money_that_went_back_and_is_on_its_way_is_sound(
    fresh: Books, redis_url: str, keyring: Keyring, own_sandbox: str, door: Entrance, audited: Callable[..., Any]
) -> None:
    backing = {"database_url": fresh.url, "redis_url": redis_url}
    async with staged(backing, keyring, own_sandbox, door, reconcile_scale=money_back.LEASE_300_MS) as stage:
        part, whole, waiting = [await (await money_back.paid(stage)).settled() for _ in range(3)]
        await part.refund(2_500_000)
        await whole.refund()
        for sale in (part, whole):
            await sale.become("refunds", "processed")
        await money_back.control(stage, "refunds", hold=True)
        await waiting.refund(1_000_000)
        sent = "SELECT 1 FROM payments.ledger_entries WHERE account = 'refunds' AND invoice_id = %s"
        invoice_id = (await waiting.payment())["invoice_id"]

        async def on_its_way() -> bool:
            return bool(fresh.rows(sent, invoice_id))

        await eventually(on_its_way, waiting.refunds)
        status, said = await audited(fresh, "--within-minutes", "0", base_url=f"{own_sandbox}/paystack")
        await money_back.control(stage, "refunds", hold=False)
    found = [line for line in said.splitlines() if ": " in line and not line.startswith("provider_has_more: ")]
    assert (found, status) == ([], 1 if "provider_has_more: " in said else 0)  # another test's money lies there too


async def test_a_list_of_many_pages_is_read_to_its_end(
    fresh: Books, trading: Stage, own_sandbox: str, audited: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whatsinvoice_payments.clients.paystack.PER_PAGE", 2)
    made = [await paid(trading, fresh) for _ in range(5)]
    how: dict[str, Any] = {"base_url": f"{own_sandbox}/paystack"}
    said = (await audited(fresh, "--within-minutes", "0", "--since", "2020-01-01", **how))[1]
    looked_at = next(line.split()[1] for line in said.splitlines() if line.startswith("provider_has_less"))
    assert int(looked_at) >= 10
    assert [name for sale, reference in made for name in (sale.payment_id, reference) if name in said] == []


async def test_a_provider_that_is_away_is_told_from_broken_books(fresh: Books, audited: Callable[..., Any]) -> None:
    sound(fresh)
    status, said = await audited(fresh)
    assert (status, said.startswith("the provider could not be asked")) == (2, True)


def test_the_command_is_the_services_own(fresh: Books, keyring: Keyring) -> None:
    sale = sound(fresh)
    environment = {
        "PATH": os.environ["PATH"],
        "APP_ENV": "test",
        "PAYMENTS_DATABASE_URL": fresh.url,
        "REDIS_URL": "redis://127.0.0.1:1",
        "TRUSTED_KEYS": keyring.trusted,
        "SERVICE_KEY": json.dumps(keyring.services["payments"]),
        "PAYMENTS_INVOICES_GRPC": "127.0.0.1:1",
        "PAYMENTS_PAYSTACK_SECRET_KEY": SECRET_KEY,
    }
    command = [sys.executable, "-m", "whatsinvoice_payments", "audit", "--offline"]

    def audit() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert audit().returncode == 0
    fresh.breaks("UPDATE payments.payments SET refunded_minor = 1 WHERE id = %s", sale.payment_id)
    done = audit()
    assert (done.returncode, done.stderr) == (1, "")
    assert f"refund_mismatch: {sale.business_id} {sale.payment_id} has 1 back" in done.stdout
