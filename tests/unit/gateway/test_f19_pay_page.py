"""F19: the pay page says what became of an attempt, offers the next way to pay, and stops looking again."""

import re
from typing import Any

import pytest
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice_gateway.pages.render import Pages
from whatsinvoice_gateway.pages.states import LOOKS, Return

PAGES = Pages("https://checkout.paystack.com")
REFERENCE = "01k8zyq5t0f0000000000000.1"
OPEN, PART, PAID = pb.INVOICE_STATUS_OPEN, pb.INVOICE_STATUS_PARTIALLY_PAID, pb.INVOICE_STATUS_PAID
ACCOUNT = payments_pb2.BankAccount(bank_name="Wema Bank", account_number="9912345678", account_name="PAYSTACK CHECKOUT")
Ways = payments_pb2.GetPaymentOptionsResponse


def options(outcome: str, **changes: Any) -> Ways:
    value = payments_pb2.AttemptOutcome.Value(f"ATTEMPT_OUTCOME_{outcome}")
    values: dict[str, Any] = {"pay_online": True, "pay_with_transfer": True, "outcome": value}
    return Ways(**(values | changes))


def page(ways: Ways | None, status: int = OPEN, back: Return | None = None, **changes: Any) -> tuple[str, str | None]:
    """Return the page's text and its Refresh header."""
    amounts: dict[str, Any] = {
        "total_minor": 7_500_000,
        "amount_due_minor": 7_500_000,
        "currency_code": "NGN",
        "number": "INV-000001",
    }
    receipts = changes.pop("receipts", ())
    invoice = pb.Invoice(**(amounts | {"status": status} | changes))
    found = pb.GetPublicInvoiceResponse(business_name="Ada Designs", invoice=invoice, receipts=receipts)
    answer = PAGES.invoice(found, "t0ken", ways, back or Return(REFERENCE))
    return bytes(answer.body).decode().partition("</style>")[2], answer.headers.get("refresh")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("FAILED", "The payment did not go through: Declined."),
        ("ABANDONED", "The payment was not completed."),
        ("RETURNED", "Your transfer was sent back to you: Declined."),
        ("REFUNDED", "That payment was given back."),
    ],
)
def test_f19_an_attempt_that_ended_is_named_and_the_next_way_is_offered(outcome: str, words: str) -> None:
    text, refresh = page(options(outcome, outcome_reason="Declined"))
    assert words in text
    assert 'action="/i/t0ken/pay"' in text
    assert refresh is None


def test_f19_a_reference_of_another_invoice_says_nothing() -> None:
    text, refresh = page(options("UNSPECIFIED"), back=Return("somebody-elses.1"))
    assert "role=" not in text
    assert 'action="/i/t0ken/pay"' in text
    assert refresh is None


def test_f19_a_part_payment_says_what_is_left() -> None:
    receipt = pb.Receipt(reference=REFERENCE, amount=common_pb2.Money(currency_code="NGN", amount_minor=60))
    text, refresh = page(options("SUCCEEDED"), PART, amount_due_minor=40, amount_paid_minor=60, receipts=[receipt])
    assert "Your payment has arrived.</strong> ₦0.40 is still to be paid." in text
    assert 'action="/i/t0ken/pay"' in text
    assert refresh is None


@pytest.mark.parametrize(
    ("outcome", "words"), [("CONFIRMING", "confirming your payment"), ("SUCCEEDED", "has arrived")]
)
def test_f19_a_page_that_waits_offers_nothing_to_pay_and_ends(outcome: str, words: str) -> None:
    looks, seen = "", 0
    text, refresh = page(options(outcome), back=Return.of(REFERENCE, looks))
    while refresh is not None:
        assert words in text
        assert "<button" not in text
        seconds, _, address = refresh.partition("; url=")
        assert seconds == "3"
        [looks] = re.findall(r"&look=(\d+)$", address)
        seen += 1
        assert seen <= LOOKS
        text, refresh = page(options(outcome), back=Return.of(REFERENCE, looks))
    assert seen == LOOKS
    assert ("<button" in text) == (outcome == "CONFIRMING"), "what has arrived is not paid a second time"
    assert ("Look again" in text) == (outcome == "CONFIRMING")


@pytest.mark.parametrize("looks", ["-1", "x", "9" * 500, "\u0663", "11"])
def test_f19_any_count_in_the_address_ends(looks: str) -> None:
    _, refresh = page(options("CONFIRMING"), back=Return.of(REFERENCE, looks))
    assert refresh is None or refresh.endswith("&look=1")


def test_f19_payments_that_is_away_is_waited_for_no_longer() -> None:
    assert page(None)[1] is not None
    assert page(None, back=Return(REFERENCE, LOOKS))[1] is None
    assert page(None, back=Return())[1] is None


def test_f34_a_long_reference_is_a_page_like_any_other() -> None:
    text, refresh = page(options("UNSPECIFIED"), back=Return.of("x" * 5_000, ""))
    assert 'action="/i/t0ken/pay"' in text
    assert "x" * 200 not in text
    assert refresh is None


@pytest.mark.parametrize("status", [OPEN, PART, PAID])
def test_f37_money_in_quarantine_is_never_asked_for_again(status: int) -> None:
    text, refresh = page(options("UNDER_REVIEW", under_review=True), status)
    assert "We have your payment, and it is being checked." in text
    assert "<button" not in text
    assert refresh is None


@pytest.mark.parametrize("status", [PAID, pb.INVOICE_STATUS_VOID])
def test_f37_credit_is_said_with_the_next_step(status: int) -> None:
    text, _ = page(options("UNSPECIFIED"), status, Return(), amount_due_minor=0, credit_minor=100_000)
    assert "₦1,000.00 was paid beyond what was due." in text
    assert "ask Ada Designs to give it back" in text


def test_f38_a_refunded_invoice_is_paid_and_says_so() -> None:
    text, _ = page(options("UNSPECIFIED"), PAID, Return(), amount_due_minor=0, refunded_minor=500_000)
    assert "Paid</span>" in text
    assert "₦5,000.00 refunded" in text
    assert "<button" not in text


@pytest.mark.parametrize(
    ("status", "words"), [(OPEN, "Pay in one way only"), (PAID, "Please send nothing more to Wema Bank")]
)
def test_f37_an_account_that_still_takes_money_is_warned_about(status: int, words: str) -> None:
    ways = options("UNSPECIFIED")
    transfer = ways.open_transfers.add(account=ACCOUNT, reference=REFERENCE)
    transfer.amount.currency_code, transfer.amount.amount_minor = "NGN", 7_500_000
    transfer.expire_time.GetCurrentTime()
    text, _ = page(ways, status, Return())
    assert words in text
    assert "9912345678" in text


def test_f22_an_amount_below_the_minimum_offers_the_ways_that_remain() -> None:
    least = common_pb2.Money(currency_code="NGN", amount_minor=5_000)
    ways = Ways(account=ACCOUNT, narration="INV-000001", minimum=least)
    text, _ = page(ways, OPEN, Return(), amount_due_minor=2_000)
    assert "Online payment starts at ₦50.00." in text
    assert 'action="/i/t0ken/pay"' not in text
    assert 'action="/i/t0ken/transfer"' not in text
    assert "9912345678" in text
