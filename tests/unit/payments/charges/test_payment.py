"""An attempt to collect: what it starts as, how long it is used, and each end of its limits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from whatsinvoice_payments.domain.ledger import Account, Balance, Entry, Posting, Span, Statement, postings_of_success
from whatsinvoice_payments.domain.payment import CHECKOUT, TRANSFER, Payable, Payment, Status

MOMENT = datetime(2026, 11, 24, 12, tzinfo=UTC)
CHECK = MOMENT + timedelta(minutes=5)
TICK = timedelta(microseconds=1)
PAYABLE = Payable("biz_1", "inv_01k", 7_500_000, "NGN", "", "https://pay.example/i/1", "00-trace")
OTHERS = [
    Payable("biz_1", "inv_01k", 7_499_999, "NGN", "", ""),
    Payable("biz_1", "inv_01k", 7_500_001, "NGN", "", ""),
    Payable("biz_1", "inv_01k", 7_500_000, "USD", "", ""),
]


def an_attempt(means: str = CHECKOUT) -> Payment:
    return Payment.attempt(PAYABLE, 3, MOMENT, CHECK, means)


def offered(means: str = CHECKOUT) -> Payment:
    payment = an_attempt(means)
    payment.offer("https://checkout.example/1", "code-1")
    return payment


def succeeded(settled: int = 1_000, paid: int = 1_050) -> Payment:
    payment = offered()
    payment.succeed(settled, paid, 15, "card", MOMENT)
    return payment


def test_a_new_attempt_has_counted_nothing() -> None:
    payment = an_attempt()
    assert payment.id.startswith("pay_")
    assert (payment.business_id, payment.invoice_id, payment.number, payment.reference) == (
        "biz_1",
        "inv_01k",
        3,
        "01k.3",
    )
    assert (payment.status, payment.currency, payment.asked_minor) == (Status.INITIALIZED, "NGN", 7_500_000)
    assert (payment.opening_until, payment.next_check_at) == (MOMENT + timedelta(seconds=30), CHECK)
    assert (payment.created_at, payment.updated_at, payment.paid_at) == (MOMENT, MOMENT, None)
    assert payment.settled_minor is None
    assert [payment.paid_minor, payment.refunded_minor, payment.credit_minor, payment.fees_minor] == [0, 0, 0, 0]
    assert (payment.captured_minor, payment.left_minor, payment.held, payment.version) == (0, 0, False, 1)
    assert (payment.traceparent, payment.means, payment.provider) == ("00-trace", CHECKOUT, "paystack")
    assert (payment.open, payment.final, payment.takes_transfer) == (True, False, False)


def test_a_provider_gets_the_customers_address_or_one_of_the_invoice() -> None:
    assert PAYABLE.email_for_provider("example.com") == "inv_01k@example.com"
    with_address = Payable("biz_1", "inv_01k", 1, "NGN", "ada@shop.example", "")
    assert with_address.email_for_provider("example.com") == "ada@shop.example"


@pytest.mark.parametrize("other", OTHERS)
def test_an_attempt_asks_for_just_what_is_due(other: Payable) -> None:
    assert an_attempt().asks(PAYABLE)
    assert not an_attempt().asks(other)
    assert not an_attempt().may_be_opened(other, MOMENT)
    assert not offered().payable_again(other, MOMENT)


@pytest.mark.parametrize(
    ("age", "used"),
    [
        (timedelta(0), True),
        (timedelta(hours=20) - TICK, True),
        (timedelta(hours=20), False),
        (timedelta(days=2), False),
    ],
)
def test_an_attempt_is_used_for_twenty_hours(age: timedelta, *, used: bool) -> None:
    assert an_attempt().may_be_opened(PAYABLE, MOMENT + age) is used
    assert offered().payable_again(PAYABLE, MOMENT + age) is used


def test_only_a_pending_checkout_is_handed_out_again_and_only_a_new_attempt_is_opened() -> None:
    assert not an_attempt().payable_again(PAYABLE, MOMENT)
    assert not offered().may_be_opened(PAYABLE, MOMENT)
    account = an_attempt(TRANSFER)
    account.offer("", "")
    assert not account.payable_again(PAYABLE, MOMENT)
    assert account.takes_transfer
    assert not offered().takes_transfer
    assert not an_attempt(TRANSFER).takes_transfer


@pytest.mark.parametrize(
    ("age", "lately"),
    [
        (timedelta(0), True),
        (timedelta(minutes=1) - TICK, True),
        (timedelta(minutes=1), False),
        (timedelta(days=2), False),
    ],
)
def test_a_refusal_holds_for_a_minute_and_for_its_amount(age: timedelta, *, lately: bool) -> None:
    refused = an_attempt()
    refused.fail("Currency not supported")
    refused.next_check_at = None
    assert refused.refused_lately(PAYABLE, MOMENT + age) is lately
    assert not any(refused.refused_lately(other, MOMENT + age) for other in OTHERS)


def test_a_declined_card_is_no_refusal() -> None:
    assert not an_attempt().refused_lately(PAYABLE, MOMENT)
    declined = offered()
    declined.fail("Declined")
    assert (declined.status, declined.reason, declined.next_check_at) == (Status.FAILED, "Declined", CHECK)
    assert not declined.refused_lately(PAYABLE, MOMENT)
    declined.next_check_at = None
    assert not declined.refused_lately(PAYABLE, MOMENT)
    asked_about = an_attempt()
    asked_about.fail("no answer")
    assert not asked_about.refused_lately(PAYABLE, MOMENT)


def test_an_offer_holds_the_way_to_the_checkout() -> None:
    payment = offered()
    assert (payment.authorization_url, payment.access_code) == ("https://checkout.example/1", "code-1")
    assert (payment.status, payment.open, payment.next_check_at) == (Status.PENDING, True, CHECK)


def test_a_superseded_or_lost_attempt_is_asked_about_further() -> None:
    superseded, lost = offered(), an_attempt()
    superseded.supersede()
    lost.lose()
    assert (superseded.status, superseded.reason) == (Status.ABANDONED, "superseded by another attempt")
    assert (lost.status, lost.open, superseded.open) == (Status.UNKNOWN, True, False)
    assert (superseded.next_check_at, lost.next_check_at) == (CHECK, CHECK)


def test_a_success_holds_all_amounts_and_ends_the_checks() -> None:
    payment = offered()
    payment.fail("Declined")
    payment.succeed(1_000, 1_050, 15, "card", MOMENT + TICK)
    assert (payment.settled_minor, payment.paid_minor, payment.fees_minor) == (1_000, 1_050, 15)
    assert (payment.channel, payment.paid_at, payment.reason, payment.held) == ("card", MOMENT + TICK, "", False)
    assert (payment.status, payment.final, payment.open, payment.next_check_at) == (Status.SUCCEEDED, True, False, None)


def test_held_money_counts_for_nothing_and_can_go_back() -> None:
    payment = offered()
    payment.end_as(Status.QUARANTINED, "another currency")
    payment.hold(500, 7, "card", MOMENT)
    assert (payment.held, payment.paid_minor, payment.fees_minor) == (True, 500, 7)
    assert (payment.channel, payment.paid_at, payment.settled_minor) == ("card", MOMENT, None)
    assert payment.give_back(500) == 0
    assert (payment.status, payment.left_minor) == (Status.QUARANTINED, 0)


@pytest.mark.parametrize("amount", [-1, 0, 1_051])
def test_no_more_goes_back_than_is_left(amount: int) -> None:
    payment = succeeded()
    with pytest.raises(ValueError, match=f"{amount} of 1050 cannot go back"):
        payment.give_back(amount)
    assert payment.refunded_minor == 0


@pytest.mark.parametrize(
    ("amounts", "counted", "status"),
    [
        ([1], [1], Status.SUCCEEDED),
        ([999], [999], Status.SUCCEEDED),
        ([1_000], [1_000], Status.REVERSED),
        ([1_001], [1_000], Status.REVERSED),
        ([1_050], [1_000], Status.REVERSED),
        ([600, 399], [600, 399], Status.SUCCEEDED),
        ([600, 400, 50], [600, 400, 0], Status.REVERSED),
        ([600, 450], [600, 400], Status.REVERSED),
    ],
)
def test_what_was_paid_for_fees_goes_back_last(amounts: list[int], counted: list[int], status: Status) -> None:
    payment = succeeded()
    assert [payment.give_back(amount, "given back") for amount in amounts] == counted
    assert (payment.status, payment.refunded_minor) == (status, sum(amounts))
    assert payment.left_minor == 1_050 - sum(amounts)
    assert payment.reason == ("given back" if status is Status.REVERSED else "")


def test_an_undo_takes_back_what_is_left() -> None:
    payment = succeeded()
    payment.give_back(50)
    assert payment.undo("entered twice") == 1_000
    assert (payment.status, payment.reason) == (Status.REVERSED, "entered twice")
    assert (payment.refunded_minor, payment.left_minor, payment.captured_minor) == (1_050, 0, 1_050)


@pytest.mark.parametrize("status", [Status.ABANDONED, Status.REVERSED, Status.QUARANTINED])
def test_an_attempt_that_ended_is_not_asked_about(status: Status) -> None:
    payment = offered()
    payment.end_as(status, "a reason")
    assert (payment.status, payment.reason, payment.next_check_at) == (status, "a reason", None)
    assert payment.final == (status is not Status.ABANDONED)
    assert not payment.open


def test_a_move_that_the_table_lacks_changes_nothing() -> None:
    payment = succeeded()
    with pytest.raises(ValueError, match="a payment cannot go from succeeded to failed"):
        payment.fail("Declined")
    assert (payment.status, payment.reason) == (Status.SUCCEEDED, "")


@pytest.mark.parametrize(
    ("settled", "paid", "fees", "expected"),
    [
        (1_000, 1_000, 15, {"paystack_clearing": 985, "fees": 15, "receivable": -1_000}),
        (1_000, 1_015, 15, {"paystack_clearing": 1_000, "receivable": -1_000}),
        (1_000, 1_005, 15, {"paystack_clearing": 990, "fees": 10, "receivable": -1_000}),
        (15, 15, 15, {"fees": 15, "receivable": -15}),
    ],
)
def test_a_success_is_posted_to_these_accounts(settled: int, paid: int, fees: int, expected: dict[str, int]) -> None:
    postings = postings_of_success(settled, paid, fees)
    assert {posting.account.value: posting.amount_minor for posting in postings} == expected
    assert len(postings) == len(expected)


def test_the_values_of_the_books_cannot_be_changed() -> None:
    entry = Entry("tle_1", "set_1", Account.BANK, "NGN", 1, "pay_1", "inv_1", MOMENT)
    balance = Balance(Account.BANK, "NGN", 1)
    for value in (entry, balance, Span("bank", "NGN"), Statement((balance,), (balance,), (entry,))):
        assert replace(value) == value
        assert len({value, replace(value)}) == 1
    posting = Posting(Account.BANK, 1)
    assert len({posting, Posting(Account.BANK, 1)}) == 1
    assert len({PAYABLE, Payable("biz_1", "inv_01k", 7_500_000, "NGN", "", "https://pay.example/i/1", "00-trace")}) == 1
