"""F43: rules of payments and days that no test guarded: two payments at once, and the day at the edge of a zone."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from support.builders import an_invoice
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.customer import CustomerInput
from whatsinvoice_invoices.domain.invoice import Terms
from whatsinvoice_invoices.domain.totals import NO_DISCOUNT, LineInput
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.models import DAILY_COUNTS
from whatsinvoice_invoices.repository import businesses
from whatsinvoice_invoices.service import invoices as use_cases
from whatsinvoice_invoices.service.invoices import InvoicesService, NewInvoice
from whatsinvoice_invoices.service.money import MoneyBack, MoneyService, PaymentTaken
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.runtime import Process

PART = 1_000_000
DAILY = DailyLimit(DAILY_COUNTS, 1_000, "sent invoices")


def money_service() -> MoneyService:
    links = Links("http://pay.test")
    return MoneyService(InvoicesService(links, DAILY), links)


def a_payment() -> PaymentTaken:
    return PaymentTaken(new_id("pay"), PART, "NGN", "card", new_id("ref"), datetime.now(UTC))


async def both_at_once(process: Process[Any], first: Any, second: Any) -> None:
    """Run the second transaction while the first has written and has not committed."""
    async with process.unit_of_work.begin() as tx:
        await first(tx)

        async def other() -> None:
            async with process.unit_of_work.begin() as other_tx:
                await second(other_tx)

        waiting = asyncio.create_task(other())
        await asyncio.sleep(0.3)
        assert not waiting.done(), "the second waits for the row of the first"
    await asyncio.wait_for(waiting, 5)


async def test_f43_two_payments_of_one_invoice_at_once_both_count(
    process: Process[Any], invoices: InvoicesServiceStub, merchant: Any
) -> None:
    invoice = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    money = money_service()
    await both_at_once(
        process,
        lambda tx: money.record_payment(tx, merchant.business_id, invoice.id, a_payment()),
        lambda tx: money.record_payment(tx, merchant.business_id, invoice.id, a_payment()),
    )
    async with process.unit_of_work.begin() as tx:
        found, _ = await InvoicesService(Links("http://pay.test"), DAILY).get_invoice(
            tx, merchant.business_id, invoice.id
        )
    assert found.amount_paid_minor == 2 * PART


async def test_f43_a_payment_and_money_back_at_once_both_count(
    process: Process[Any], invoices: InvoicesServiceStub, merchant: Any
) -> None:
    invoice = (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice
    money, before = money_service(), a_payment()
    async with process.unit_of_work.begin() as tx:
        await money.record_payment(tx, merchant.business_id, invoice.id, before)
    back = MoneyBack(
        before.payment_id, invoice.id, PART, "dispute", new_id("dsp"), reopen=True, occurred_at=before.paid_at
    )
    await both_at_once(
        process,
        lambda tx: money.record_payment(tx, merchant.business_id, invoice.id, a_payment()),
        lambda tx: money.record_reversal(tx, merchant.business_id, back),
    )
    async with process.unit_of_work.begin() as tx:
        found, _ = await InvoicesService(Links("http://pay.test"), DAILY).get_invoice(
            tx, merchant.business_id, invoice.id
        )
    assert found.amount_paid_minor == PART


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Africa/Lagos", datetime(2026, 12, 1, 23, 30, tzinfo=UTC), date(2026, 12, 2)),
        ("Africa/Lagos", datetime(2026, 12, 1, 22, 30, tzinfo=UTC), date(2026, 12, 1)),
        ("Africa/Lagos", datetime(2026, 12, 31, 23, 30, tzinfo=UTC), date(2027, 1, 1)),
        ("America/New_York", datetime(2026, 12, 1, 23, 30, tzinfo=UTC), date(2026, 12, 1)),
        ("America/New_York", datetime(2026, 12, 2, 3, 30, tzinfo=UTC), date(2026, 12, 1)),
        ("Africa/Accra", datetime(2026, 12, 1, 23, 30, tzinfo=UTC), date(2026, 12, 1)),
    ],
)
async def test_f43_an_invoice_carries_the_day_of_its_business(
    process: Process[Any], monkeypatch: pytest.MonkeyPatch, zone: str, moment: datetime, day: date
) -> None:
    business = Business(new_id("biz"), "Ada Designs", "NG", "NGN", zone, "+2348030000001", 1)
    monkeypatch.setattr(use_cases, "now", lambda: moment)
    line = LineInput("logo design", "1", PART)
    given = NewInvoice("", CustomerInput("Jane"), "NGN", [line], NO_DISCOUNT, Terms(days=7))
    async with process.unit_of_work.begin() as tx:
        await businesses.put_business(tx, business)
        issued, _ = await InvoicesService(Links("http://pay.test"), DAILY).create_invoice(
            tx, business.id, given, issue=True
        )
    assert issued.issue_date == day
    assert issued.due_date is not None
    assert (issued.due_date - day).days == 7
    assert not issued.overdue(business.day(moment))
