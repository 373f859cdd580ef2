"""The rules of money that goes back, as plain functions: states, amounts, what is written."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_payments.domain import dispute as disputes
from whatsinvoice_payments.domain import money_back
from whatsinvoice_payments.domain import refund as refunds
from whatsinvoice_payments.domain.dispute import Dispute, DisputeStatus, ProviderDispute
from whatsinvoice_payments.domain.ledger import Account, Posting, postings_of_success
from whatsinvoice_payments.domain.payment import Payable, Payment, Status
from whatsinvoice_payments.domain.refund import ProviderRefund, Refund, RefundStatus, amount_of

MOMENT = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAYABLE = Payable("biz_1", "inv_01k", 7_500_000, "NGN", "", "https://pay.example/i/1")
MINOR = st.integers(1, 10**13)
PERMITTED = {
    "pending": {"processing", "processed", "failed", "needs_attention"},
    "processing": {"processed", "failed", "needs_attention"},
    "needs_attention": {"processing", "processed", "failed"},
    "processed": set(),
    "failed": set(),
}
"""Written a second time, in words, so that a slip in the table is seen."""
RANK = {"pending": 0, "processing": 1, "needs_attention": 1, "processed": 2, "failed": 2}
DISPUTE_RANK = {"open": 0, "awaiting": 0, "resolved": 1}


def a_payment(settled: int = 7_500_000, on_top: int = 0, fees: int = 122_500) -> Payment:
    payment = Payment.attempt(PAYABLE, 1, MOMENT, None)
    payment.succeed(settled, settled + on_top, fees, "card", MOMENT)
    return payment


def a_refund(amount: int = 7_500_000) -> Refund:
    return Refund.of(a_payment(), amount, "", MOMENT)


def test_the_table_of_refunds_is_what_it_says() -> None:
    table = {status.value: {to.value for to in following} for status, following in refunds.TRANSITIONS.items()}
    assert table == PERMITTED


@given(st.lists(st.sampled_from(RefundStatus), max_size=12))
def test_a_refund_never_goes_back_and_an_end_is_an_end(words: list[RefundStatus]) -> None:
    refund = a_refund()
    for number, word in enumerate(words):
        before, moment = refund.status, MOMENT + timedelta(seconds=number)
        moved = refund.move(word, moment)
        assert moved == (word.value in PERMITTED[before.value])
        assert refund.status is (word if moved else before)
        assert RANK[refund.status.value] >= RANK[before.value]
        assert refund.ended == (refund.status.value in ("processed", "failed"))
        assert (refund.ended_at is not None, refund.next_attempt_at is None) == (refund.ended, refund.ended)


@given(st.lists(st.sampled_from(RefundStatus), min_size=1, max_size=5).flatmap(st.permutations))
def test_of_all_orders_of_words_with_one_end_the_end_stands(words: list[RefundStatus]) -> None:
    ends = {word for word in words if not refunds.TRANSITIONS[word]}
    refund = a_refund()
    for word in words:
        refund.move(word, MOMENT)
    if len(ends) == 1:
        assert {refund.status} == ends


@given(st.lists(st.tuples(st.sampled_from(DisputeStatus), st.sampled_from(["", "declined", "auto-accepted"]))))
def test_a_dispute_is_resolved_once(words: list[tuple[DisputeStatus, str]]) -> None:
    payment = a_payment()
    dispute = Dispute.of(payment, a_word(DisputeStatus.OPEN, 500), MOMENT)
    resolved = 0
    for status, resolution in words:
        before = dispute.status
        resolved += dispute.move(a_word(status, 500, resolution), payment.left_minor, MOMENT) and (
            dispute.status is DisputeStatus.RESOLVED
        )
        assert DISPUTE_RANK[dispute.status.value] >= DISPUTE_RANK[before.value]
    first = next((word for word in words if word[0] is DisputeStatus.RESOLVED), None)
    assert resolved == (first is not None)
    assert dispute.lost_minor == (500 if first and first[1] in disputes.LOSING else 0)


def a_word(status: DisputeStatus, offered: int | None, resolution: str = "") -> ProviderDispute:
    return ProviderDispute("7", status, offered, "fraud", resolution, None, None)


@given(MINOR, st.none() | MINOR, st.none() | MINOR, st.integers(0, 10**13))
def test_no_more_is_lost_than_is_disputed_and_left(
    settled: int, disputed: int | None, offered: int | None, refunded: int
) -> None:
    payment = a_payment(settled)
    dispute = Dispute.of(payment, a_word(DisputeStatus.OPEN, disputed), MOMENT)
    payment.refunded_minor = min(refunded, settled)
    dispute.move(a_word(DisputeStatus.RESOLVED, offered, "auto-accepted"), payment.left_minor, MOMENT)
    assert 0 <= dispute.lost_minor <= min(dispute.amount_minor, payment.left_minor)
    assert dispute.lost_minor == min(offered or dispute.amount_minor, dispute.amount_minor, payment.left_minor)


@given(MINOR, st.integers(0, 10**6), st.integers(0, 10**13), st.integers(0, 2 * 10**13))
def test_what_is_given_back_is_never_more_than_is_free(settled: int, on_top: int, bound: int, wanted: int) -> None:
    payment = a_payment(settled, on_top)
    free = payment.left_minor - bound
    try:
        amount = amount_of(payment, wanted, bound)
    except ServiceError:
        assert free <= 0 or wanted > min(free, 10**13)
    else:
        assert amount == (wanted or free)
        assert 0 < amount <= free


def test_an_accepted_refund_takes_the_providers_word_for_its_amount_once() -> None:
    refund = a_refund(100)
    assert refund.accept(ProviderRefund("1", RefundStatus.PENDING, 90, refund.id))
    assert not refund.accept(ProviderRefund("2", RefundStatus.PENDING, 80, refund.id))
    assert (refund.provider_id, refund.amount_minor) == ("1", 90)


def test_a_refund_is_asked_about_for_as_long_as_it_goes_on() -> None:
    refund = a_refund()
    for after, following in ((0, 5 / 60), (1, 24), (24 * 30, 24 * 31)):
        refund.plan(MOMENT + timedelta(hours=after), 1)
        assert refund.next_attempt_at == MOMENT + timedelta(hours=following)
    refund.move(RefundStatus.PROCESSED, MOMENT)
    refund.plan(MOMENT, 1)
    assert refund.next_attempt_at is None


def sums(*sets: list[Posting]) -> dict[str, int]:
    found: dict[Account, int] = {}
    for postings in sets:
        assert sum(posting.amount_minor for posting in postings) == 0
        assert len({posting.account for posting in postings}) == len(postings)
        assert all(posting.amount_minor for posting in postings)
        for posting in postings:
            found[posting.account] = found.get(posting.account, 0) + posting.amount_minor
    return {account.value: amount for account, amount in found.items() if amount}


@given(MINOR, st.integers(0, 10**6), st.integers(0, 10**6), st.data())
def test_books_of_money_that_went_back_hold_what_the_provider_keeps(
    settled: int, on_top: int, fees: int, data: st.DataObject
) -> None:
    payment = a_payment(settled, on_top, fees)
    first = data.draw(st.integers(1, payment.left_minor))
    sets = [
        postings_of_success(settled, settled + on_top, fees),
        money_back.refund_sent(first),
        money_back.refund_processed(first, payment.give_back(first), held=False),
    ]
    disputed = payment.left_minor
    if disputed:
        lost = data.draw(st.integers(0, disputed))
        counted = payment.give_back(lost) if lost else 0
        sets.append(money_back.dispute_opened(disputed))
        sets.append(money_back.dispute_resolved(disputed, lost, counted, held=False))
    left = payment.left_minor
    if left:
        sets.append(money_back.reversal(left, payment.give_back(left), held=False))
    books = sums(*sets)
    assert payment.status is Status.REVERSED
    assert books == ({"paystack_clearing": -fees, "fees": fees} if fees else {})


@given(MINOR, st.integers(0, 10**6), st.data())
def test_money_that_counts_for_nothing_is_never_due_again(captured: int, fees: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(1, captured))
    books = sums(
        money_back.capture_held(captured, fees),
        money_back.refund_sent(part),
        money_back.refund_processed(part, 0, held=True),
    )
    assert books.get("receivable", 0) == 0
    assert books.get("customer_credit", 0) == part - captured


def test_a_refund_that_failed_leaves_nothing_in_the_books() -> None:
    assert sums(money_back.refund_sent(100), money_back.refund_failed(100)) == {}


@pytest.mark.parametrize("status", [Status.INITIALIZED, Status.FAILED, Status.QUARANTINED])
def test_nothing_goes_back_of_what_was_never_captured(status: Status) -> None:
    payment = a_payment()
    payment.status, payment.held = status, False
    with pytest.raises(ServiceError) as refused:
        amount_of(payment, 0, 0)
    assert refused.value.reason == "PAYMENT_NOT_REFUNDABLE"
