"""What each change of an invoice does to all of its figures and dates, and each end of its limits."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from whatsinvoice_invoices.domain.customer import Customer
from whatsinvoice_invoices.domain.invoice import (
    ENDED,
    PAYABLE,
    Invoice,
    Receipt,
    Recorded,
    Reversal,
    Status,
    Terms,
    TimelineEntry,
)
from whatsinvoice_invoices.domain.totals import NO_DISCOUNT, LineInput, compute
from whatsinvoice_kit.core.errors import Kind, ServiceError

TODAY = date(2026, 11, 24)
MOMENT = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def a_draft(terms: Terms | None = None) -> Invoice:
    totals = compute([LineInput("logo", "1", 1_000)], NO_DISCOUNT, prices_include_tax=False)
    customer = Customer("cus_1", "biz_1", "Jane", "", "", MOMENT)
    return Invoice("inv_1", "biz_1", customer, "NGN", totals, terms or Terms(), MOMENT)


def an_open_invoice(terms: Terms | None = None) -> Invoice:
    invoice = a_draft(terms)
    invoice.issue(number="INV-000001", token="t", today=TODAY, moment=MOMENT)
    return invoice


def paid(*amounts: int) -> Invoice:
    invoice = an_open_invoice()
    for amount in amounts:
        invoice.record_payment(amount, MOMENT)
    return invoice


def test_a_draft_has_nothing_but_what_was_typed() -> None:
    draft = a_draft()
    assert (draft.status, draft.number, draft.token, draft.version) == (Status.DRAFT, "", "", 1)
    assert (draft.prices_include_tax, draft.notes, draft.reference, draft.traceparent) == (False, "", "", "")
    assert [draft.issue_date, draft.due_date, draft.issued_at, draft.paid_at, draft.transfer_claimed_at] == [None] * 5
    assert [draft.amount_paid_minor, draft.refunded_minor, draft.credit_minor] == [0, 0, 0]
    assert (draft.total_minor, draft.amount_due_minor) == (1_000, 1_000)


def test_the_states_that_can_be_paid_and_that_have_ended() -> None:
    assert {Status.OPEN, Status.PARTIALLY_PAID} == PAYABLE
    assert {Status.VOID, Status.UNCOLLECTIBLE} == ENDED


@pytest.mark.parametrize(("accepted", "refused"), [(0, -1), (365, 366)])
def test_terms_are_up_to_a_year(accepted: int, refused: int) -> None:
    assert Terms(days=accepted).checked() == Terms(days=accepted)
    with pytest.raises(ServiceError) as error:
        Terms(days=refused).checked()
    assert (error.value.reason, error.value.violations[0].field) == ("TERMS_INVALID", "terms_days")


def test_terms_name_one_day_and_no_day_before_the_issue() -> None:
    for good in (Terms(), Terms(due_date=TODAY), Terms(TODAY, TODAY), Terms(TODAY, None, 7), Terms(TODAY)):
        assert good.checked() is good
    for bad, reason, field in (
        (Terms(due_date=TODAY, days=1), "TERMS_TWICE", "terms_days"),
        (Terms(TODAY, TODAY - DAY), "DUE_BEFORE_ISSUE", "due_date"),
    ):
        with pytest.raises(ServiceError) as error:
            bad.checked()
        assert (error.value.reason, error.value.violations[0].field) == (reason, field)


def test_an_issue_gives_number_token_and_dates() -> None:
    invoice = an_open_invoice(Terms(days=14))
    assert (invoice.status, invoice.number, invoice.token, invoice.version) == (Status.OPEN, "INV-000001", "t", 2)
    assert (invoice.issue_date, invoice.due_date, invoice.issued_at) == (TODAY, TODAY + 14 * DAY, MOMENT)
    dated = an_open_invoice(Terms(issue_date=TODAY - DAY, due_date=TODAY - DAY))
    assert (dated.issue_date, dated.due_date) == (TODAY - DAY, TODAY - DAY)


@pytest.mark.parametrize(("days", "overdue"), [(-1, False), (0, False), (1, True)])
def test_an_invoice_is_overdue_from_the_day_after(days: int, *, overdue: bool) -> None:
    assert an_open_invoice().overdue(TODAY + days * DAY) is overdue
    assert paid(1).overdue(TODAY + days * DAY) is overdue
    assert not paid(1_000).overdue(TODAY + days * DAY)
    assert not a_draft().overdue(TODAY + days * DAY)


@pytest.mark.parametrize(
    ("amounts", "recorded", "status", "versions"),
    [
        ([1], Recorded(1, 0), Status.PARTIALLY_PAID, 1),
        ([999], Recorded(999, 0), Status.PARTIALLY_PAID, 1),
        ([1_000], Recorded(1_000, 0), Status.PAID, 1),
        ([1_001], Recorded(1_000, 1), Status.PAID, 2),
        ([400, 600], Recorded(600, 0), Status.PAID, 2),
        ([400, 100], Recorded(100, 0), Status.PARTIALLY_PAID, 2),
        ([1_000, 5], Recorded(0, 5), Status.PAID, 2),
    ],
)
def test_a_payment_counts_up_to_what_is_due(
    amounts: list[int], recorded: Recorded, status: Status, versions: int
) -> None:
    invoice = an_open_invoice()
    found = [invoice.record_payment(amount, MOMENT + n * DAY) for n, amount in enumerate(amounts)]
    assert found[-1] == recorded
    assert (invoice.status, invoice.version) == (status, 2 + versions)
    assert invoice.amount_due_minor == 1_000 - invoice.amount_paid_minor
    assert invoice.credit_minor == sum(amounts) - invoice.amount_paid_minor
    settled = next((n for n, _ in enumerate(amounts) if sum(amounts[: n + 1]) >= 1_000), None)
    assert invoice.paid_at == (None if settled is None else MOMENT + settled * DAY)


@pytest.mark.parametrize(
    ("amount", "back"),
    [
        (0, Recorded(0, 0)),
        (50, Recorded(0, 50)),
        (100, Recorded(0, 100)),
        (101, Recorded(1, 100)),
        (700, Recorded(600, 100)),
        (701, Recorded(600, 100)),
    ],
)
def test_credit_goes_back_before_what_was_applied(amount: int, back: Recorded) -> None:
    assert Recorded(600, 100).going_back(amount) == back


def test_money_taken_back_is_due_again() -> None:
    invoice = paid(1_100)
    invoice.take_back(Recorded(0, 40))
    assert (invoice.status, invoice.credit_minor, invoice.paid_at, invoice.version) == (Status.PAID, 60, MOMENT, 5)
    invoice.take_back(Recorded(300, 60))
    assert (invoice.status, invoice.credit_minor, invoice.paid_at) == (Status.PARTIALLY_PAID, 0, None)
    assert (invoice.amount_paid_minor, invoice.amount_due_minor, invoice.version) == (700, 300, 7)
    invoice.take_back(Recorded(700, 0))
    assert (invoice.status, invoice.amount_paid_minor, invoice.version) == (Status.OPEN, 0, 8)


def test_money_given_back_is_not_due_again() -> None:
    invoice = paid(1_100)
    invoice.refund(Recorded(0, 40))
    assert (invoice.credit_minor, invoice.refunded_minor, invoice.version) == (60, 0, 5)
    invoice.refund(Recorded(300, 60))
    assert (invoice.credit_minor, invoice.refunded_minor, invoice.version) == (0, 300, 7)
    invoice.refund(Recorded(200, 0))
    assert (invoice.refunded_minor, invoice.version, invoice.amount_paid_minor) == (500, 8, 1_000)
    assert (invoice.status, invoice.amount_due_minor, invoice.paid_at) == (Status.PAID, 0, MOMENT)


def test_a_void_ends_the_claim_and_what_is_due() -> None:
    invoice = an_open_invoice()
    invoice.claim_transfer(MOMENT)
    invoice.void()
    assert (invoice.status, invoice.amount_due_minor, invoice.transfer_claimed_at) == (Status.VOID, 0, None)
    assert invoice.version == 4


def test_a_claim_counts_once_until_it_is_rejected() -> None:
    invoice = an_open_invoice()
    assert invoice.claim_transfer(MOMENT) is True
    assert (invoice.transfer_claimed_at, invoice.version) == (MOMENT, 3)
    assert invoice.claim_transfer(MOMENT + DAY) is False
    assert (invoice.transfer_claimed_at, invoice.version) == (MOMENT, 3)
    invoice.reject_transfer()
    assert (invoice.transfer_claimed_at, invoice.version) == (None, 4)
    with pytest.raises(ServiceError) as refused:
        invoice.reject_transfer()
    assert refused.value.reason == "TRANSFER_NOT_CLAIMED"
    invoice.claim_transfer(MOMENT)
    invoice.record_payment(1, MOMENT)
    assert invoice.transfer_claimed_at is None


REFUSED: dict[str, tuple[Callable[[Invoice], object], list[Invoice], str]] = {
    "issue": (
        lambda it: it.issue(number="2", token="u", today=TODAY, moment=MOMENT),
        [an_open_invoice(), paid(1), paid(1_000)],
        "INVOICE_NOT_DRAFT",
    ),
    "require a draft": (Invoice.require_draft, [an_open_invoice(), paid(1), paid(1_000)], "INVOICE_NOT_DRAFT"),
    "require an issue": (Invoice.require_issued, [a_draft()], "INVOICE_NOT_ISSUED"),
    "void": (Invoice.void, [a_draft(), paid(1), paid(1_000)], "INVOICE_NOT_VOIDABLE"),
    "claim": (lambda it: it.claim_transfer(MOMENT), [a_draft(), paid(1_000)], "INVOICE_NOT_PAYABLE"),
    "reject": (Invoice.reject_transfer, [a_draft(), an_open_invoice()], "TRANSFER_NOT_CLAIMED"),
}


@pytest.mark.parametrize("action", REFUSED)
def test_what_a_state_does_not_permit_is_refused_and_changes_nothing(action: str) -> None:
    do, invoices, reason = REFUSED[action]
    for invoice in invoices:
        before = (invoice.status, invoice.version, invoice.number, invoice.transfer_claimed_at)
        with pytest.raises(ServiceError) as refused:
            do(invoice)
        assert (refused.value.kind, refused.value.reason) == (Kind.FAILED_PRECONDITION, reason)
        assert (invoice.status, invoice.version, invoice.number, invoice.transfer_claimed_at) == before


def test_what_a_state_permits_raises_nothing() -> None:
    a_draft().require_draft()
    for invoice in (an_open_invoice(), paid(1), paid(1_000)):
        invoice.require_issued()


def test_values_are_equal_by_what_they_hold() -> None:
    receipt = Receipt("rct_1", "biz_1", "inv_1", "INV-1", "RCT-1", "t", "pay_1", 5, "NGN", "card", "01k.1", MOMENT, 0)
    assert (receipt.credit_minor, receipt.returned_minor) == (0, 0)
    reversal = Reversal("rev_1", "biz_1", "inv_1", "pay_1", "refund", "rfd_1", 5, 0, 5, True, MOMENT)
    assert len({receipt, reversal, Recorded(1, 0), Recorded(1, 0), Terms(), Terms()}) == 4
    entry = TimelineEntry("tle_1", "issued", MOMENT, {"number": "INV-1"})
    assert entry == TimelineEntry("tle_1", "issued", MOMENT, {"number": "INV-1"})
