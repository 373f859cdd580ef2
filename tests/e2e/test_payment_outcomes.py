"""How a payment can end, in a real Chromium: what the payer reads on the page, and what both read on their phones.

With SCREENSHOT=1 the pictures in docs/gallery/ are drawn again.
"""

import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from support.root import ROOT
from whatsinvoice_local.demo.story import JANE, Story
from whatsinvoice_local.stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
PATIENCE_MS = 25_000
STEP_SECONDS = 90.0
GALLERY = ROOT / "docs" / "gallery"
PAY = "Pay ₦75,000.00"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH (root: make browser)"),
]


@pytest.fixture
def story(stack: Stack) -> Iterator[Story]:
    """Register a merchant, and send Jane an invoice of ₦75,000.00."""
    env = stack.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], stack.state.folder)
    steps = (story.register, story.receive_code, story.log_in, story.write)
    for step in (*steps, story.receive_preview, story.tap_send, story.receive_invoice):
        story.deadline = time.monotonic() + STEP_SECONDS
        step()
    yield story
    story.sandbox.put("/_control/faults", json=[]).raise_for_status()
    story.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@dataclass
class Payer:
    """Jane's browser on the pay page of her invoice."""

    story: Story
    page: Page

    async def reads(self, text: str) -> None:
        """Wait until the page shows a text, reading it again as a payer would."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not await self.page.get_by_text(text).first.is_visible():
            assert time.monotonic() < deadline, f"{text!r} is not in {await self.page.inner_text('body')}"
            await self.page.wait_for_timeout(500)
            await self.page.reload()

    async def open_checkout(self) -> None:
        await self.page.get_by_role("button", name=PAY).click()
        await self.page.wait_for_url(re.compile("/paystack/checkout/"))

    async def pay_with_card(self, number: str = "") -> None:
        await self.open_checkout()
        if number:
            await self.page.locator(f'input[value="{number}"]').check()
        await self.page.get_by_role("button", name=PAY).click()

    async def draw(self, name: str) -> None:
        if os.environ.get("SCREENSHOT"):
            await self.page.screenshot(path=GALLERY / f"{name}-page.png", full_page=True)


@pytest.fixture
async def payer(story: Story, browser: Browser) -> Payer:
    page = await browser.new_page(viewport={"width": 420, "height": 800})
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(story.pay_url)
    return Payer(story, page)


@pytest.fixture
async def phones(story: Story, browser: Browser, stack: Stack) -> Page:
    """The page with the merchant's phone and Jane's phone side by side."""
    page = await browser.new_page(viewport={"width": 1280, "height": 860})
    numbers = httpx.QueryParams({"merchant": story.merchant.number, "customer": JANE})
    await page.goto(f"{stack.state.env['SANDBOX_URL']}/?{numbers}")
    return page


async def both_read(phones: Page, name: str, merchant: str, customer: str) -> None:
    """Wait until both phones show their text, a pattern."""
    for side, text in (("merchant", merchant), ("customer", customer)):
        shown = phones.get_by_test_id(f"{side}-messages").get_by_text(re.compile(text)).last
        await expect(shown).to_be_visible(timeout=PATIENCE_MS)
    if os.environ.get("SCREENSHOT"):
        await phones.screenshot(path=GALLERY / f"{name}-phones.png")


def control(story: Story, path: str, body: Any) -> None:
    story.sandbox.post(f"/_control/{path}", json=body).raise_for_status()


def api(story: Story, method: str, path: str, body: Any = None) -> Any:
    """Call the API as the merchant."""
    headers = {"Authorization": f"Bearer {story.token}", "Idempotency-Key": os.urandom(8).hex()}
    url = f"{story.gateway_url}{path}"
    answer = httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=20)
    assert answer.is_success, answer.text
    return answer.json()


async def test_f19_after_cancel_the_page_says_so_and_offers_to_pay(payer: Payer) -> None:
    await payer.open_checkout()
    await payer.page.get_by_role("button", name="Cancel").click()
    await payer.page.goto(f"{payer.story.pay_url}?reference={reference_of(payer.story)}")
    await payer.reads("The payment was not completed.")
    await expect(payer.page.get_by_role("button", name=PAY)).to_be_visible()
    await payer.draw("cancelled")


async def test_f19_after_a_declined_card_the_page_says_so_and_offers_to_pay(payer: Payer) -> None:
    await payer.pay_with_card("4084080000005408")
    await expect(payer.page.get_by_role("alert")).to_be_visible()
    await payer.page.goto(f"{payer.story.pay_url}?reference={reference_of(payer.story)}")
    await payer.reads("The payment did not go through")
    await expect(payer.page.get_by_role("button", name=PAY)).to_be_visible()
    await payer.draw("declined")


async def test_f37_a_transfer_of_a_wrong_amount_is_reported_with_both_amounts(payer: Payer, phones: Page) -> None:
    await payer.page.get_by_role("button", name="Pay by transfer").click()
    account = await payer.page.locator("dd strong").inner_text()
    control(payer.story, "transfers", {"account_number": account, "amount_minor": 7_400_000})
    await payer.page.get_by_role("link", name="I have sent it").click()
    await payer.reads("Your transfer was sent back to you")
    await payer.draw("transfer-returned")
    words = r"transfer of ₦74,000\.00 .*for invoice INV-\d+ was sent back.*₦75,000\.00"
    await both_read(phones, "transfer-returned", merchant=words, customer=words)


async def test_f37_paid_twice_is_credit_for_both(payer: Payer, phones: Page) -> None:
    await payer.page.get_by_role("button", name="Pay by transfer").click()
    account = await payer.page.locator("dd strong").inner_text()
    await payer.page.goto(payer.story.pay_url)
    await payer.pay_with_card()
    await payer.reads("Receipt RCP-")
    control(payer.story, "transfers", {"account_number": account, "amount_minor": 7_500_000})
    await payer.reads("₦75,000.00 was paid beyond what was due.")
    await payer.draw("paid-twice")
    await both_read(phones, "paid-twice", merchant="more than was due", customer="more than was due")


async def test_f37_quarantined_money_is_reported_and_nobody_is_asked_again(payer: Payer, phones: Page) -> None:
    fault = {"provider": "paystack", "call": "verify", "fault": "lie", "field": "currency"}
    payer.story.sandbox.put("/_control/faults", json=[fault]).raise_for_status()
    await payer.pay_with_card()
    await payer.reads("We have your payment, and it is being checked.")
    await expect(payer.page.get_by_role("button", name=re.compile("^Pay"))).to_have_count(0)
    await payer.draw("quarantined")
    await both_read(phones, "quarantined", merchant="does not match what was asked for", customer="being checked")


async def test_f38_a_refund_leaves_the_invoice_paid(payer: Payer, phones: Page) -> None:
    await payer.pay_with_card()
    await payer.reads("Receipt RCP-")
    [payment] = api(payer.story, "GET", f"/v1/invoices/{payer.story.invoice_id}/payments")["data"]
    proof = api(payer.story, "POST", "/v1/auth/confirm", {"password": payer.story.password})
    payer.story.token = proof["access_token"]
    api(payer.story, "POST", f"/v1/payments/{payment['id']}/refunds", {"amount_minor": 500_000, "reason": "late"})
    await payer.page.goto(payer.story.pay_url)
    await payer.reads("₦5,000.00 refunded")
    await expect(payer.page.get_by_role("button", name=re.compile("^Pay"))).to_have_count(0)
    await payer.draw("refunded")
    await both_read(phones, "refunded", merchant="₦5,000.00 .*is back", customer="given ₦5,000.00 back")


def reference_of(story: Story) -> str:
    """Return the reference of the newest attempt to pay the merchant's only invoice."""
    payments = api(story, "GET", f"/v1/invoices/{story.invoice_id}/payments")["data"]
    return str(payments[0]["reference"])
