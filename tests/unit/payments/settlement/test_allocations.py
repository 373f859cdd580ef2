"""What became of a payment, in the books: credit is moved out of what was received, and moved back by its cause."""

from dataclasses import replace

import pytest
from whatsinvoice_payments.domain.allocation import Allocation
from whatsinvoice_payments.domain.ledger import Account, Posting

PAID = Allocation(
    payment_id="pay_1",
    cause_id="",
    business_id="biz_1",
    invoice_id="inv_1",
    applied_minor=7_500_000,
    credit_minor=250_000,
    reopened=True,
    currency="NGN",
    invoice_total_minor=7_500_000,
    invoice_paid_minor=7_500_000,
    invoice_status="paid",
    invoice_version=3,
)


def test_credit_of_a_payment_is_owed_to_the_customer() -> None:
    assert PAID.purpose == "credit"
    assert PAID.postings == (Posting(Account.RECEIVABLE, 250_000), Posting(Account.CUSTOMER_CREDIT, -250_000))


@pytest.mark.parametrize(("reopened", "account"), [(True, Account.RECEIVABLE), (False, Account.REFUNDS)])
def test_credit_that_went_back_is_owed_no_more(account: Account, *, reopened: bool) -> None:
    """It leaves the account that its refund is in: the receivable where the invoice is due again."""
    returned = replace(PAID, cause_id="rfd_1", reopened=reopened)

    assert returned.purpose == "credit returned:rfd_1"
    assert returned.postings == (Posting(account, -250_000), Posting(Account.CUSTOMER_CREDIT, 250_000))


@pytest.mark.parametrize("cause_id", ["", "rfd_1"])
def test_without_credit_nothing_is_posted(cause_id: str) -> None:
    assert replace(PAID, cause_id=cause_id, credit_minor=0).postings == ()


def test_an_allocation_is_never_changed_and_equals_its_copy() -> None:
    assert replace(PAID) == PAID
    assert len({PAID, replace(PAID)}) == 1
