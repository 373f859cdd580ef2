"""The states of an invoice: a walk over the table, and what the table must mean."""

from datetime import date, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support.root import ROOT
from whatsinvoice_invoices.domain.customer import Customer
from whatsinvoice_invoices.domain.invoice import PAYABLE, TRANSITIONS, Invoice, Recorded, Status, Terms, diagram
from whatsinvoice_invoices.domain.totals import NO_DISCOUNT, LineInput, compute
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import ServiceError

TODAY = date(2026, 11, 24)


def an_invoice(total: int = 1000, terms: Terms | None = None) -> Invoice:
    totals = compute([LineInput("logo", "1", total)], NO_DISCOUNT, prices_include_tax=False)
    customer = Customer("cus_1", "biz_1", "Jane", "", "", now())
    return Invoice("inv_1", "biz_1", customer, "NGN", totals, terms or Terms(), now())


def issued(invoice: Invoice) -> Invoice:
    invoice.issue(number="INV-000001", token="t", today=TODAY, moment=now())
    return invoice


class Walk(RuleBasedStateMachine):
    """Any actions in any order: money never appears or vanishes, and no state is left against the table."""

    def __init__(self) -> None:
        super().__init__()
        self.invoice = an_invoice()
        self.given = 0
        self.back = 0
        self.refunded = 0
        self.left: list[Recorded] = []
        """Of each payment, what has not gone back."""
        self.seen = self.invoice.status

    @rule()
    def issue(self) -> None:
        if self.invoice.status is Status.DRAFT:
            issued(self.invoice)
        else:
            with pytest.raises(ServiceError, match="not a draft"):
                issued(self.invoice)

    @rule(amount=st.integers(1, 1500))
    def pay(self, amount: int) -> None:
        recorded = self.invoice.record_payment(amount, now())
        assert recorded.applied_minor + recorded.credit_minor == amount
        self.given += amount
        self.left.append(recorded)

    @rule(which=st.integers(0, 20), amount=st.integers(1, 1500), reopen=st.booleans())
    def give_back(self, which: int, amount: int, *, reopen: bool) -> None:
        if not self.left:
            return
        which %= len(self.left)
        left, going = self.left[which], self.left[which].going_back(amount)
        before = self.invoice.status, self.invoice.amount_due_minor
        if reopen:
            self.invoice.take_back(going)
        else:
            self.invoice.refund(going)
            self.refunded += going.applied_minor
            assert (self.invoice.status, self.invoice.amount_due_minor) == before, "a refund changes no state"
        rest = Recorded(left.applied_minor - going.applied_minor, left.credit_minor - going.credit_minor)
        assert min(rest.applied_minor, rest.credit_minor) >= 0
        assert going.credit_minor == min(amount, left.credit_minor), "the credit goes first"
        self.left[which] = rest
        self.back += going.applied_minor + going.credit_minor

    @rule()
    def void(self) -> None:
        if self.invoice.status is Status.OPEN:
            self.invoice.void()
        else:
            with pytest.raises(ServiceError, match="the invoice is"):
                self.invoice.void()

    @rule()
    def claim(self) -> None:
        if self.invoice.status in PAYABLE:
            self.invoice.claim_transfer(now())
        else:
            with pytest.raises(ServiceError, match="the invoice is"):
                self.invoice.claim_transfer(now())

    @invariant()
    def the_money_is_all_there(self) -> None:
        applied = sum(recorded.applied_minor for recorded in self.left)
        credit = sum(recorded.credit_minor for recorded in self.left)
        assert self.invoice.amount_paid_minor == applied + self.refunded
        assert (self.invoice.refunded_minor, self.invoice.credit_minor) == (self.refunded, credit)
        assert applied + credit == self.given - self.back
        due = self.invoice.amount_due_minor
        if self.invoice.status is Status.VOID:
            assert due == 0, "nothing is due on a void invoice"
        else:
            assert self.invoice.amount_paid_minor + due == self.invoice.total_minor
            assert (self.invoice.status is Status.PAID) == (due == 0)
        assert (self.invoice.status is Status.PAID) == (self.invoice.paid_at is not None)
        assert self.invoice.status is not Status.VOID or self.invoice.amount_paid_minor == 0

    @invariant()
    def only_what_is_due_is_claimed(self) -> None:
        assert self.invoice.transfer_claimed_at is None or self.invoice.status in PAYABLE

    @invariant()
    def the_table_was_followed(self) -> None:
        after = {to for (before, _), to in TRANSITIONS.items() if before is self.seen}
        assert self.invoice.status is self.seen or self.invoice.status in after
        self.seen = self.invoice.status


TestWalk = Walk.TestCase
TestWalk.settings = settings(stateful_step_count=20)


def test_a_payment_after_the_void_is_credit_whole() -> None:
    invoice = issued(an_invoice())
    invoice.void()
    assert invoice.record_payment(700, now()) == Recorded(0, 700)
    assert (invoice.status, invoice.amount_paid_minor) == (Status.VOID, 0)


def test_more_than_a_payment_brought_does_not_go_back() -> None:
    assert Recorded(600, 100).going_back(5_000) == Recorded(600, 100)


def test_a_payment_ends_the_claim_and_so_does_a_rejection() -> None:
    invoice = issued(an_invoice())
    assert invoice.claim_transfer(now())
    assert not invoice.claim_transfer(now())
    invoice.record_payment(1, now())
    assert invoice.transfer_claimed_at is None
    with pytest.raises(ServiceError, match="nobody says"):
        invoice.reject_transfer()


def test_due_on_the_day_of_issue_unless_said_otherwise() -> None:
    assert issued(an_invoice()).due_date == TODAY
    assert issued(an_invoice(terms=Terms(days=7))).due_date == TODAY + timedelta(days=7)
    assert issued(an_invoice(terms=Terms(due_date=date(2026, 12, 1)))).due_date == date(2026, 12, 1)


def test_a_draft_whose_due_date_has_passed_is_not_issued() -> None:
    with pytest.raises(ServiceError) as refused:
        issued(an_invoice(terms=Terms(due_date=TODAY - timedelta(days=1))))
    assert refused.value.reason == "DUE_BEFORE_ISSUE"


def test_overdue_is_past_due_and_not_settled() -> None:
    invoice = issued(an_invoice())
    assert not invoice.overdue(TODAY)
    assert invoice.overdue(TODAY + timedelta(days=1))
    invoice.record_payment(1000, now())
    assert not invoice.overdue(TODAY + timedelta(days=1))


def test_the_diagram_in_the_docs_is_the_table() -> None:
    page = ROOT / "docs" / "invoice-states.md"
    assert f"```mermaid\n{diagram()}\n```" in page.read_text()
