"""A refund: what it starts as, and each end of its limits."""

from datetime import UTC, datetime, timedelta

import pytest
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_payments.domain.payment import MANUAL, Payable, Payment, Status
from whatsinvoice_payments.domain.refund import (
    LEASE,
    MAX_REASON,
    UNFINISHED,
    KeyLimit,
    ProviderRefund,
    Refund,
    RefundStatus,
    amount_of,
)

MOMENT = datetime(2026, 11, 24, 12, tzinfo=UTC)
MAX = 10_000_000_000_000
PAYABLE = Payable("biz_1", "inv_01k", 1_000, "NGN", "", "https://pay.example/i/1", "00-trace")


def a_payment(paid: int = 1_000) -> Payment:
    payment = Payment.attempt(PAYABLE, 1, MOMENT, None)
    payment.succeed(paid, paid, 0, "card", MOMENT)
    return payment


def test_a_new_refund_is_to_be_sent_at_once() -> None:
    payment = a_payment()
    refund = Refund.of(payment, 400, "broken", MOMENT)
    assert refund.id.startswith("rfd_")
    assert (refund.business_id, refund.payment_id, refund.invoice_id) == ("biz_1", payment.id, "inv_01k")
    assert (refund.status, refund.currency, refund.amount_minor) == (RefundStatus.PENDING, "NGN", 400)
    assert (refund.reason, refund.reopen, refund.api_key_id, refund.failure) == ("broken", False, "", "")
    assert (refund.created_at, refund.updated_at, refund.next_attempt_at) == (MOMENT, MOMENT, MOMENT)
    assert (refund.provider_id, refund.attempts, refund.ended_at, refund.version) == (None, 0, None, 1)
    assert (refund.traceparent, refund.ended) == ("00-trace", False)
    assert Refund.of(payment, 400, "broken", MOMENT, reopen=True).reopen


def test_the_unfinished_states_are_those_that_something_follows() -> None:
    assert UNFINISHED == (RefundStatus.PENDING, RefundStatus.PROCESSING, RefundStatus.NEEDS_ATTENTION)


@pytest.mark.parametrize(("given", "amount"), [(0, 1_000), (999, 1), (1_000, 0), (400, 600)])
def test_a_key_gives_its_daily_sum(given: int, amount: int) -> None:
    limit = KeyLimit("key_1", 1_000)
    limit.check(given, amount)
    with pytest.raises(ServiceError) as refused:
        limit.check(given, amount + 1)
    assert (refused.value.kind, refused.value.reason) == (Kind.RESOURCE_EXHAUSTED, "REFUND_LIMIT_REACHED")
    assert refused.value.retry_after == 3600


def test_an_end_holds_its_moment_and_the_providers_words() -> None:
    refund, later = Refund.of(a_payment(), 400, "", MOMENT), MOMENT + timedelta(hours=1)
    assert refund.move(RefundStatus.NEEDS_ATTENTION, later, "account closed")
    assert (refund.failure, refund.ended_at, refund.next_attempt_at) == ("account closed", None, MOMENT)
    assert refund.move(RefundStatus.FAILED, later, "no account")
    assert (refund.failure, refund.ended_at, refund.next_attempt_at) == ("no account", later, None)
    assert not refund.move(RefundStatus.PROCESSED, later, "too late")
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, "no account")


def test_a_refund_that_ended_is_not_accepted() -> None:
    refund = Refund.of(a_payment(), 400, "", MOMENT)
    refund.move(RefundStatus.FAILED, MOMENT)
    assert not refund.accept(ProviderRefund("1", RefundStatus.PENDING, 390, refund.id))
    assert (refund.provider_id, refund.amount_minor) == (None, 400)


@pytest.mark.parametrize(("scale", "following"), [(1.0, timedelta(days=1)), (0.5, timedelta(hours=12))])
def test_after_the_schedule_a_refund_is_asked_about_daily(scale: float, following: timedelta) -> None:
    refund, later = Refund.of(a_payment(), 400, "", MOMENT), MOMENT + timedelta(days=30)
    refund.plan(later, scale)
    assert refund.next_attempt_at == later + following


@pytest.mark.parametrize(
    ("wanted", "bound", "amount"),
    [(0, 0, 1_000), (1, 0, 1), (1_000, 0, 1_000), (0, 999, 1), (1, 999, 1), (400, 600, 400)],
)
def test_an_amount_up_to_what_is_free_is_given(wanted: int, bound: int, amount: int) -> None:
    assert amount_of(a_payment(), wanted, bound) == amount


@pytest.mark.parametrize(
    ("wanted", "bound", "reason", "free"),
    [
        (-1, 0, "AMOUNT_INVALID", None),
        (MAX + 1, 0, "AMOUNT_INVALID", None),
        (MAX, 0, "AMOUNT_TOO_LARGE", 1_000),
        (1_001, 0, "AMOUNT_TOO_LARGE", 1_000),
        (401, 600, "AMOUNT_TOO_LARGE", 400),
        (0, 1_000, "AMOUNT_TOO_LARGE", 0),
        (1, 1_000, "AMOUNT_TOO_LARGE", 0),
        (0, 1_001, "AMOUNT_TOO_LARGE", 0),
    ],
)
def test_more_than_is_free_is_refused(wanted: int, bound: int, reason: str, free: int | None) -> None:
    with pytest.raises(ServiceError) as refused:
        amount_of(a_payment(), wanted, bound)
    assert (refused.value.kind, refused.value.reason) == (Kind.INVALID_ARGUMENT, reason)
    assert refused.value.violations[0].field == "amount_minor"
    if free is not None:
        assert str(refused.value).startswith(f"{free} minor units")


def test_the_largest_amount_can_be_given_back() -> None:
    assert amount_of(a_payment(MAX), MAX, 0) == MAX


def test_only_captured_money_of_the_provider_is_refunded() -> None:
    entered, emptied, held = a_payment(), a_payment(), a_payment()
    entered.provider = MANUAL
    emptied.give_back(1_000)
    held.status, held.held = Status.QUARANTINED, True
    assert amount_of(held, 0, 0) == 1_000
    for payment in (entered, emptied):
        with pytest.raises(ServiceError) as refused:
            amount_of(payment, 0, 0)
        assert (refused.value.kind, refused.value.reason) == (Kind.FAILED_PRECONDITION, "PAYMENT_NOT_REFUNDABLE")


def test_what_was_paid_for_fees_is_refundable_after_the_reversal() -> None:
    payment = Payment.attempt(PAYABLE, 1, MOMENT, None)
    payment.succeed(1_000, 1_050, 50, "card", MOMENT)
    payment.give_back(1_000)
    assert payment.status is Status.REVERSED
    assert amount_of(payment, 0, 0) == 50


def test_the_limits_of_a_refund_are_those_of_the_domain() -> None:
    assert MAX_REASON == 200
    assert timedelta(seconds=60) == LEASE
