"""What contradicts is kept, counted once, and waits for a person: applied after all, or put aside."""

import json
from argparse import Namespace
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select
from support.keys import Keyring
from support.payments.parts import SECRET_KEY
from support.payments.stage import Stage
from support.services import bearer, reason_of
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.commands.quarantine import QUARANTINE
from whatsinvoice_payments.models import QUARANTINE as FINDINGS
from whatsinvoice_payments.service.quarantine import QuarantineService
from whatsinvoice_payments.settings import Settings


@pytest.fixture
def settings(stage: Stage, backing: dict[str, str], keyring: Keyring, sandbox_url: str) -> Settings:
    """Of a command that runs beside the service."""
    values: dict[str, Any] = {
        "trusted_keys": keyring.trusted,
        "service_key": json.dumps(keyring.services["payments"]),
        "invoices_grpc": "127.0.0.1:1",
        "paystack_base_url": f"{sandbox_url}/paystack",
        "paystack_secret_key": SECRET_KEY,
    }
    return Settings(app_env="test", **(values | backing))


async def findings(stage: Stage, reference: str) -> list[tuple[str, str, int | None, str]]:
    """Kind, currency, amount and status of what is held about a reference."""
    async with stage.process.unit_of_work.read() as tx:
        statement = select(FINDINGS).where(FINDINGS.c.reference == reference).order_by(FINDINGS.c.id)
        rows = (await tx.execute(statement)).all()
    return [(row.kind, row.currency, row.amount_minor, row.status) for row in rows]


def waiting() -> float:
    return REGISTRY.get_sample_value("payments_quarantine_open", {"kind": "webhook"}) or 0


async def held(stage: Stage, due_minor: int = 7_500_000) -> tuple[str, str]:
    """A payment that a lie put into quarantine: the token of its invoice, and its id."""
    await stage.fault("webhook", "drop")
    token = stage.invoices.bill(due_minor)
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.deliver(await stage.charge_success(checkout.reference, amount=100))
    await stage.becomes(token, "quarantined")
    return token, (await stage.payments(token))[0]["id"]


async def release(stage: Stage, token: str, payment_id: str) -> pb.Payment:
    request = pb.ReleasePaymentRequest(payment_id=payment_id)
    return (await stage.stub.ReleasePayment(request, metadata=stage.as_merchant(token))).payment


async def refused(stage: Stage, token: str, payment_id: str) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await release(stage, token, payment_id)
    return reason_of(error.value)


async def test_a_lie_is_held_with_what_it_is_about(stage: Stage) -> None:
    token, _ = await held(stage)
    [payment] = await stage.payments(token)
    assert (payment["held"], payment["paid_minor"], payment["settled_minor"]) == (True, 7_500_000, None)
    assert await findings(stage, payment["reference"]) == [("payment", "NGN", 7_500_000, "open")]


async def test_the_same_lie_about_settled_money_is_one_finding(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    lie = await stage.charge_success(checkout.reference, currency="GHS")
    for _ in range(3):
        await stage.deliver(lie)
    await stage.outcome(checkout.reference, "settled", "quarantined")
    assert [found[0] for found in await findings(stage, checkout.reference)] == ["webhook"]
    assert await stage.statuses(token) == ["succeeded"]


async def test_money_that_nobody_asked_for_is_a_finding_without_a_business(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    stranger = f"{new_id('inv')[4:]}.1"
    await stage.deliver(await stage.charge_success(checkout.reference, told_as=stranger, amount="123456"))
    await stage.outcome(stranger, "quarantined")
    assert await findings(stage, stranger) == [("webhook", "NGN", 123_456, "open")]


async def test_a_released_payment_counts_as_the_provider_has_it(stage: Stage) -> None:
    token, payment_id = await held(stage)
    assert await stage.ledger(token) == {}
    released = await release(stage, token, payment_id)
    assert (released.status, released.amount.amount_minor) == (pb.PAYMENT_STATUS_SUCCEEDED, 7_500_000)
    assert await release(stage, token, payment_id) == released
    assert (await stage.ledger(token))["receivable"] == -7_500_000
    assert sum((await stage.ledger(token)).values()) == 0
    assert [type(event).__name__ for event in await stage.told(token)] == ["PaymentQuarantined", "PaymentSucceeded"]
    assert [found[3] for found in await findings(stage, released.reference)] == ["released"]


async def test_a_held_payment_is_given_back_and_its_invoice_hears_nothing(stage: Stage) -> None:
    token, payment_id = await held(stage)
    await stage.no_faults()
    half = pb.CreateRefundRequest(payment_id=payment_id, amount_minor=3_000_000)
    await stage.stub.CreateRefund(half, metadata=stage.as_merchant(token))
    assert await refused(stage, token, payment_id) == "PAYMENT_NOT_QUARANTINED"
    await stage.stub.CreateRefund(pb.CreateRefundRequest(payment_id=payment_id), metadata=stage.as_merchant(token))
    await stage.becomes(token, "reversed")
    [payment] = await stage.payments(token)
    assert (payment["held"], payment["refunded_minor"]) == (True, 7_500_000)
    assert [found[3] for found in await findings(stage, payment["reference"])] == ["refunded"]
    books = await stage.ledger(token)
    assert books == {"paystack_clearing": -payment["fees_minor"], "fees": payment["fees_minor"]} | dict.fromkeys(
        ("customer_credit", "refunds"), 0
    )
    assert {type(event).__name__ for event in await stage.told(token)} == {"PaymentQuarantined", "RefundUpdated"}


async def test_what_is_not_held_is_not_released(stage: Stage) -> None:
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    payment_id = (await stage.payments(token))[0]["id"]
    assert await refused(stage, token, payment_id) == "PAYMENT_NOT_QUARANTINED"
    await stage.pay(checkout)
    await stage.becomes(token, "succeeded")
    assert await refused(stage, token, payment_id) == "PAYMENT_NOT_QUARANTINED"
    assert await refused(stage, token, new_id("pay")) == "PAYMENT_NOT_FOUND"


async def test_the_command_lists_releases_and_puts_aside(
    stage: Stage, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async def command(*words: str) -> tuple[int, str]:
        options = Namespace(action=words[0], id=words[1] if len(words) > 1 else "")
        status = await QUARANTINE.run(settings, options)
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    token, payment_id = await held(stage)
    [line] = [line for line in (await command("list"))[1].splitlines() if payment_id in line]
    assert "7500000 NGN: signed amount 100, verified 7500000" in line
    held_id = line.split()[2]
    assert (await command("dismiss", held_id))[0] == 1
    status, said = await command("release", held_id)
    assert (status, said.split(" ", 1)[1]) == (0, "is applied: 7500000 NGN\n")
    await stage.becomes(token, "succeeded")
    assert payment_id not in (await command("list"))[1]
    assert (await command("release", new_id("qua")))[0] == 1


async def test_another_business_cannot_release_it(stage: Stage) -> None:
    _, payment_id = await held(stage)
    assert await refused(stage, stage.invoices.bill(), payment_id) == "PAYMENT_NOT_FOUND"
    token, payment_id = await held(stage)
    reader = bearer(stage.keyring.user_token(stage.business(token), scope="payments:read"))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stage.stub.ReleasePayment(pb.ReleasePaymentRequest(payment_id=payment_id), metadata=reader)
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_money_in_another_currency_stays_held(stage: Stage) -> None:
    token, payment_id = await held(stage)
    await stage.fault("verify", "lie", field="currency")
    assert await refused(stage, token, payment_id) == "CURRENCY_MISMATCH"
    assert await stage.statuses(token) == ["quarantined"]


async def test_a_provider_that_is_away_releases_nothing(stage: Stage) -> None:
    token, payment_id = await held(stage)
    await stage.fault("verify", "http_5xx")
    assert await refused(stage, token, payment_id) == "PROVIDER_UNAVAILABLE"
    assert await stage.ledger(token) == {}


async def test_findings_are_counted_and_put_aside(stage: Stage) -> None:
    nobody = Paystack("http://127.0.0.1:1", "sk_test_nobody")
    service = QuarantineService(stage.process.unit_of_work, nobody)
    await service.measure()
    before = waiting()
    stranger = new_id("inv")
    token = stage.invoices.bill()
    checkout = await stage.start(token)
    await stage.deliver(await stage.charge_success(checkout.reference, told_as=stranger))
    await stage.outcome(stranger, "quarantined")
    await service.measure()
    assert waiting() == before + 1
    async with stage.process.unit_of_work.read() as tx:
        statement = select(FINDINGS.c.id).where(FINDINGS.c.reference == stranger)
        held_id = (await tx.execute(statement)).scalar_one()
    assert await service.dismiss(held_id)
    assert not await service.dismiss(held_id)
    assert [found[3] for found in await findings(stage, stranger)] == ["dismissed"]
    await nobody.close()
