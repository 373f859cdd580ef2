"""The whole product as a newcomer sees it: two phones, the pay page and the checkout, in a real Chromium."""

import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from support.root import ROOT
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LINE = "Invoice Jane Okafor 08012345678 75000 for logo design due tomorrow"
JANE = "+2348012345678"
PATIENCE_MS = 20_000
REGISTERED_WITHIN = 90.0
"""Seconds: registrations are limited per minute, and others have just registered."""
PAY_LINK = 'a[href*="/i/"]'
SCREENSHOT = ROOT / "docs" / "two-phones.png"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH (root: make browser)"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
def merchant(stack: Stack) -> Iterator[str]:
    """The phone of a merchant who has registered and proven it."""
    env = stack.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], stack.state.folder)
    for step in (story.register, story.receive_code, story.log_in):
        story.deadline = time.monotonic() + REGISTERED_WITHIN
        step()
    yield story.merchant.number
    story.close()


async def _opened(browser: Browser, stack: Stack, merchant: str) -> Page:
    page = await browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(PATIENCE_MS)
    numbers = f"merchant={merchant.replace('+', '%2B')}&customer={JANE.replace('+', '%2B')}"
    await page.goto(f"{stack.state.env['SANDBOX_URL']}/?{numbers}")
    return page


async def _previewed(page: Page) -> Locator:
    """The Send button under the preview, once the line is written and answered; by then the page has loaded whole."""
    await page.get_by_test_id("merchant-input").fill(LINE)
    await page.get_by_test_id("merchant-send").click()
    send = page.get_by_test_id("merchant-messages").get_by_role("button", name="Send", exact=True)
    await expect(send).to_be_visible(timeout=PATIENCE_MS)
    return send


async def test_a_line_a_tap_a_payment_and_a_receipt(stack: Stack, merchant: str, browser: Browser) -> None:
    page = await _opened(browser, stack, merchant)
    chat, jane = page.get_by_test_id("merchant-messages"), page.get_by_test_id("customer-messages")
    documents = jane.get_by_role("link", name=re.compile(r"INV-\d+\.pdf"))
    receipts = jane.get_by_role("link", name=re.compile(r"RCP-\d+\.pdf"))
    send = await _previewed(page)
    invoices_before, receipts_before = await documents.count(), await receipts.count()
    await send.click()

    await expect(documents).to_have_count(invoices_before + 1, timeout=PATIENCE_MS)
    pay_link = jane.locator(PAY_LINK).last
    async with page.context.expect_page() as opening:
        await pay_link.click()
    pay = await opening.value
    await pay.get_by_role("button", name="Pay ₦75,000.00").click()
    await pay.wait_for_url(re.compile("/paystack/checkout/"))
    await pay.get_by_role("button", name="Pay ₦75,000.00").click()
    await expect(pay.get_by_text("Paid", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    await pay.get_by_role("link", name=re.compile("Receipt RCP-")).click()
    await expect(pay.get_by_text("₦75,000.00").first).to_be_visible()

    await expect(receipts).to_have_count(receipts_before + 1, timeout=PATIENCE_MS)
    await expect(chat.get_by_text(re.compile("paid ₦75,000.00"))).to_be_visible(timeout=PATIENCE_MS)
    if os.environ.get("SCREENSHOT"):
        await page.screenshot(path=SCREENSHOT)


async def test_the_pay_page_fits_a_small_phone(stack: Stack, merchant: str, browser: Browser) -> None:
    page = await _opened(browser, stack, merchant)
    links = page.get_by_test_id("customer-messages").locator(PAY_LINK)
    send = await _previewed(page)
    before = await links.count()
    await send.click()
    await expect(links).not_to_have_count(before, timeout=PATIENCE_MS)
    address = await links.last.get_attribute("href")
    small = await browser.new_page(viewport={"width": 360, "height": 740})
    problems: list[str] = []
    small.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await small.goto(str(address))
    await expect(small.get_by_role("button", name="Pay ₦75,000.00")).to_be_visible()
    assert await small.evaluate("document.documentElement.scrollWidth") <= 360
    assert problems == []
