"""The rules as plain functions: states, what a charge settles, what contradicts, the books, the schedules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from whatsinvoice_payments.domain.charge import Charge, ChargeStatus, Claim, contradiction, settled_minor
from whatsinvoice_payments.domain.ledger import Account, postings_of_success
from whatsinvoice_payments.domain.payment import TRANSITIONS, Payable, Payment, Status
from whatsinvoice_payments.domain.schedule import CHECKS, MAX_RETRY_SECONDS, next_check, retry_after

MOMENT = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAYABLE = Payable("biz_1", "inv_01k", 7_500_000, "NGN", "", "https://pay.example/i/1")
SETTLED = 7_500_000
MINOR = st.integers(1, 10**13)

PERMITTED = {
    "initialized": {"pending", "unknown", "succeeded", "failed", "abandoned", "reversed", "quarantined"},
    "pending": {"succeeded", "failed", "abandoned", "reversed", "quarantined"},
    "unknown": {"succeeded", "failed", "abandoned", "reversed", "quarantined"},
    "failed": {"succeeded", "reversed", "quarantined"},
    "abandoned": {"succeeded", "reversed", "quarantined"},
    "succeeded": {"reversed"},
    "reversed": set(),
    "quarantined": {"succeeded", "reversed"},
}
"""Written a second time, in words, so that a slip in the table is seen."""


def an_attempt() -> Payment:
    return Payment.attempt(PAYABLE, 1, MOMENT, MOMENT + timedelta(minutes=5))


def a_charge(
    paid: int = 7_500_000, requested: int | None = 7_500_000, fees: int = 122_500, **changes: object
) -> Charge:
    charge = Charge("01k.1", ChargeStatus.SUCCESS, paid, requested, fees, "NGN", "card", MOMENT, "Successful")
    return replace(charge, **changes)  # type: ignore[arg-type]  # a test names the fields it changes


def test_the_table_of_transitions() -> None:
    assert {s.value: {t.value for t in to} for s, to in TRANSITIONS.items()} == PERMITTED


class Life(RuleBasedStateMachine):
    """Everything that can happen to an attempt, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.payment = an_attempt()

    @rule(to=st.sampled_from(Status))
    def happens(self, to: Status) -> None:
        before, permitted = self.payment.status, PERMITTED[self.payment.status.value]
        if to is Status.INITIALIZED:
            return
        if to.value in permitted:
            self._do(to)
            assert self.payment.status is to
        else:
            with pytest.raises(ValueError, match="cannot go from"):
                self._do(to)
            assert self.payment.status is before

    def _do(self, to: Status) -> None:
        if to is Status.PENDING:
            self.payment.offer("https://checkout.example/1", "1")
        elif to is Status.UNKNOWN:
            self.payment.lose()
        elif to is Status.SUCCEEDED:
            self.payment.succeed(SETTLED, SETTLED + 122_500, 122_500, "card", MOMENT)
        elif to is Status.FAILED:
            self.payment.fail("Declined")
        else:
            self.payment.end_as(to, "a reason")

    @invariant()
    def money_counts_only_when_it_came(self) -> None:
        settled = self.payment.settled_minor is not None
        assert settled or self.payment.status is not Status.SUCCEEDED
        assert not settled or self.payment.status in (Status.SUCCEEDED, Status.REVERSED)

    @invariant()
    def no_more_goes_back_than_came(self) -> None:
        assert 0 <= self.payment.refunded_minor <= self.payment.paid_minor

    @precondition(lambda self: self.payment.left_minor > 0)
    @rule(data=st.data())
    def goes_back(self, data: st.DataObject) -> None:
        before, left = self.payment.refunded_minor, self.payment.left_minor
        amount = data.draw(st.integers(1, left))
        counted = self.payment.give_back(amount)
        assert counted == min(amount, max((self.payment.settled_minor or 0) - before, 0))
        assert (self.payment.status is Status.REVERSED) or self.payment.refunded_minor < SETTLED
        with pytest.raises(ValueError, match="cannot go back"):
            self.payment.give_back(left - amount + 1)

    @invariant()
    def nobody_is_asked_about_what_is_over(self) -> None:
        if self.payment.final:
            assert self.payment.next_check_at is None

    @invariant()
    def a_checkout_is_handed_out_only_while_it_can_be_paid(self) -> None:
        if self.payment.payable_again(PAYABLE, MOMENT):
            assert self.payment.authorization_url


TestLife = Life.TestCase


@pytest.mark.parametrize(
    ("paid", "requested", "fees", "settled"),
    [
        (7_500_000, 7_500_000, 122_500, 7_500_000),  # the merchant bears the fees
        (7_622_500, 7_500_000, 122_500, 7_500_000),  # the payer bears them
        (7_550_000, 7_500_000, 122_500, 7_500_000),  # each bears some
        (2_000_000, 7_500_000, 40_000, 2_000_000),  # a part
        (9_000_000, 7_500_000, 122_500, 9_000_000),  # too much
        (7_500_000, None, 122_500, 7_500_000),  # a channel without requested_amount
        (2_000_000, None, 0, 2_000_000),
    ],
)
def test_what_counts_for_the_invoice(paid: int, requested: int | None, fees: int, settled: int) -> None:
    assert settled_minor(a_charge(paid, requested, fees)) == settled


@pytest.mark.parametrize(
    ("charge", "claim", "words"),
    [
        (a_charge(), None, ""),
        (a_charge(), Claim("01k.1", 7_500_000, "NGN"), ""),
        (a_charge(), Claim("01k.1", None, ""), ""),
        (a_charge(paid=1_000_000, fees=1), Claim("01k.1", 1_000_000, "NGN"), ""),
        (a_charge(requested=None), None, ""),
        (a_charge(requested=8_000_000, paid=8_000_000), None, ""),
        (a_charge(currency="GHS"), None, "verified currency"),
        (a_charge(reference="01k.2"), None, "verified reference"),
        (a_charge(requested=7_499_999), None, "verified request"),
        (a_charge(fees=7_500_001), None, "with fees"),
        (a_charge(paid=0, fees=0), None, "verified amount 0"),
        (a_charge(), Claim("01k.1", 7_499_999, "NGN"), "signed amount"),
        (a_charge(), Claim("01k.1", 7_500_000, "USD"), "signed currency"),
    ],
)
def test_what_contradicts(charge: Charge, claim: Claim | None, words: str) -> None:
    found = contradiction(an_attempt(), charge, claim)
    assert (words in found) if words else found == ""


@given(MINOR, MINOR | st.none(), st.data())
def test_the_books_balance_whatever_was_paid(paid: int, requested: int | None, data: st.DataObject) -> None:
    fees = data.draw(st.integers(0, paid))
    settled = settled_minor(a_charge(paid, requested, fees))
    postings = {posting.account: posting.amount_minor for posting in postings_of_success(settled, paid, fees)}
    assert sum(postings.values()) == 0
    assert postings[Account.RECEIVABLE] == -settled < 0
    assert postings.get(Account.PAYSTACK_CLEARING, 0) == paid - fees
    assert 0 <= postings.get(Account.FEES, 0) <= fees
    assert 0 not in postings.values()
    assert paid - fees <= settled <= paid


@given(st.floats(1e-6, 1), st.timedeltas(timedelta(0), timedelta(days=6)))
def test_checks_go_forward_and_come_to_an_end(scale: float, age: timedelta) -> None:
    following = next_check(MOMENT, MOMENT + age, scale)
    assert following is None or following > MOMENT + age
    assert (following is None) == (age >= CHECKS[-1] * scale)


def test_the_schedule_of_checks() -> None:
    seen, moment = [], MOMENT
    while (following := next_check(MOMENT, moment, 1)) is not None:
        seen.append(following - MOMENT)
        moment = following
    day = timedelta(days=1)
    assert seen == [timedelta(minutes=5), timedelta(hours=1), day, 2 * day, 3 * day, 4 * day, 5 * day]


@given(st.integers(1, 10**6), st.floats(0.01, 60))
def test_retries_wait_longer_each_time_up_to_an_hour(attempts: int, first: float) -> None:
    wait = retry_after(attempts, first)
    assert retry_after(attempts + 1, first) >= wait
    assert wait <= timedelta(seconds=MAX_RETRY_SECONDS)
