"""The first minutes of a newcomer: `make up`, the two phones, one click and Send (F36)."""

import os
import re
import shutil

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect
from support.root import ROOT
from whatsinvoice_local.stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
PATIENCE_MS = 25_000
GALLERY = ROOT / "docs" / "gallery"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH (root: make browser)")
async def test_f36_one_click_and_send_show_an_invoice_on_the_other_phone(stack: Stack) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 860})
        await page.goto(stack.state.env["SANDBOX_URL"])
        merchant, customer = page.locator("#merchant"), page.locator("#customer")
        await merchant.get_by_role("button", name=re.compile("^Invoice Jane")).click()
        await merchant.get_by_test_id("merchant-send").click()
        send = merchant.get_by_role("button", name="Send", exact=True)
        await expect(send).to_be_visible(timeout=PATIENCE_MS)
        await expect(merchant.get_by_text("Ada Designs (sample)").last).to_be_visible()
        documents = customer.get_by_role("link", name=re.compile(r"INV-\d+\.pdf"))
        before = await documents.count()
        await send.click()
        await expect(documents).to_have_count(before + 1, timeout=PATIENCE_MS)
        if os.environ.get("SCREENSHOT"):
            GALLERY.mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=GALLERY / "first-click.png")
            await _edited(merchant, page)
            await page.screenshot(path=GALLERY / "edited-message.png")
        await browser.close()


async def _edited(merchant: Locator, page: Page) -> None:
    """Write a line, edit it, and wait for the new card."""
    phone = await merchant.get_by_test_id("merchant-number").input_value()
    address = f"{page.url.rstrip('/')}/_control/phones/{phone}/messages"
    written = await page.request.post(address, data={"text": "Invoice Jane Okafor 08012345678 75000 for shoes"})
    await expect(merchant.get_by_text("₦75,000.00").last).to_be_visible(timeout=PATIENCE_MS)
    edit = {"id": (await written.json())["id"], "text": "Invoice Jane Okafor 08012345678 7500 for shoes"}
    await page.request.post(address, data={"edit": edit})
    await expect(merchant.get_by_text("₦7,500.00").last).to_be_visible(timeout=PATIENCE_MS)
