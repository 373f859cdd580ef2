"""The pay pages in a real Chromium at the width of a small phone: nothing sticks out, nothing is cut off."""

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice_gateway.pages.render import Pages
from whatsinvoice_kit.core.clock import now

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH, HEIGHT = 320, 640
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH (root: make browser)"),
]

ACCOUNT = payments_pb2.BankAccount(
    bank_name="The Very Long Named Microfinance Bank of Lagos",
    account_number="01234567890123456789",
    account_name="ADAEZECHUKWUNONSOIFEOLUWA-OKONKWO DESIGNS AND EVENTS LIMITED",
)
PAGES = Pages("https://checkout.paystack.com")


def an_invoice(status: pb.InvoiceStatus.ValueType, **changes: int) -> str:
    amounts: dict[str, Any] = {"total_minor": 999_999_999_999, "amount_due_minor": 999_999_999_999}
    line = pb.Line(description="hand-made " * 12, quantity="1", unit_price_minor=7_500_000, amount_minor=7_500_000)
    invoice = pb.Invoice(number="INV-000001", status=status, currency_code="NGN", lines=[line], **(amounts | changes))
    invoice.customer.name = "Jane Okafor-Adeyemi of the Second Avenue"
    invoice.transfer_claim_time.GetCurrentTime()
    if status == pb.INVOICE_STATUS_OPEN:
        invoice.ClearField("transfer_claim_time")
    found = pb.GetPublicInvoiceResponse(business_name="Ada Designs and Events", invoice=invoice)
    details = payments_pb2.GetPaymentOptionsResponse(
        account=ACCOUNT, narration="INV-000001", pay_online=True, pay_with_transfer=True
    )
    return bytes(PAGES.invoice(found, "t0ken", details).body).decode()


def a_transfer() -> str:
    found = payments_pb2.StartTransferResponse(account=ACCOUNT, reference="01k8zyq5t0f0000000000000.1")
    found.amount.currency_code, found.amount.amount_minor = "NGN", 999_999_999_999
    found.expire_time.FromDatetime(now() + timedelta(hours=1))
    return bytes(PAGES.transfer(found, "t0ken").body).decode()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        (lambda: an_invoice(pb.INVOICE_STATUS_OPEN), "I have sent it"),
        (lambda: an_invoice(pb.INVOICE_STATUS_PARTIALLY_PAID, amount_paid_minor=1), "You said that you have sent"),
        (lambda: an_invoice(pb.INVOICE_STATUS_VOID), "has cancelled this invoice"),
        (lambda: an_invoice(pb.INVOICE_STATUS_PAID, amount_due_minor=0), "Paid"),
        (a_transfer, "Send exactly this amount"),
    ],
    ids=["open", "claimed", "void", "paid", "transfer"],
)
async def test_nothing_sticks_out(browser: Browser, html: Callable[[], str], seen: str) -> None:
    page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, java_script_enabled=True)
    await page.set_content(html())
    assert await page.get_by_text(seen).first.is_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    outside = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
    assert await page.evaluate(f"{outside}.map(e => e.outerHTML.slice(0, 80))") == []
    heights = await page.evaluate("[...document.querySelectorAll('button')].map(b => b.getBoundingClientRect().height)")
    assert all(height >= 44 for height in heights), "a thumb needs that much"
