"""The two-phone page and the checkout in a real Chromium, wide and at phone width."""

import re
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect
from support.sandbox_stage import JANE, MERCHANT, NUMBER_ID, Stage, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LINE = "Invoice Jane Okafor 08012345678 75000 for logo design due tomorrow"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine's PATH"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


async def opened(browser: Browser, url: str, width: int) -> tuple[Page, list[str]]:
    """The page, and what went wrong in it."""
    page = await browser.new_page(viewport={"width": width, "height": 740})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    await page.goto(url)
    return page, problems


def preview() -> dict[str, object]:
    replies = [{"type": "reply", "reply": {"id": title.lower(), "title": title}} for title in ("Send", "Cancel")]
    body = {"text": "*Total ₦75,000.00*\n<b>Jane</b>"}
    return {"type": "interactive", "interactive": {"type": "button", "body": body, "action": {"buttons": replies}}}


async def test_a_line_a_tap_a_document_and_a_pay_link(stage: Stage, browser: Browser) -> None:
    page, problems = await opened(browser, stage.server.address, 1280)
    await page.get_by_test_id("merchant-input").fill(LINE)
    await page.get_by_test_id("merchant-send").click()
    merchant = page.get_by_test_id("merchant-messages")
    await expect(merchant.get_by_text(LINE)).to_be_visible()
    await until(stage.inbound)

    await stage.send(to=MERCHANT, **preview())
    await expect(merchant.get_by_text("<b>Jane</b>")).to_be_visible()
    await merchant.get_by_role("button", name="Send", exact=True).click()
    await until(lambda: len(stage.inbound()) == 2)
    assert stage.inbound()[1]["interactive"]["button_reply"]["id"] == "send"

    form = {"data": {"messaging_product": "whatsapp"}, "files": {"file": ("a.pdf", b"%PDF-1.7", "application/pdf")}}
    media_id = (await stage.graph("POST", f"/{NUMBER_ID}/media", **form)).json()["id"]
    await stage.write(JANE)
    await stage.send(type="document", document={"id": media_id, "filename": "INV-000001.pdf"})
    pay_url = (await stage.initialize())["authorization_url"]
    action = {"name": "cta_url", "parameters": {"display_text": "Pay now", "url": pay_url}}
    link = {"type": "cta_url", "body": {"text": "₦75,000.00"}, "action": action}
    await stage.send(type="interactive", interactive=link)
    customer = page.get_by_test_id("customer-messages")
    document = await customer.get_by_role("link", name=re.compile("INV-000001")).get_attribute("href")
    assert (await stage.http.get(str(document))).content == b"%PDF-1.7"

    async with page.context.expect_page() as opening:
        await customer.get_by_role("link", name="Pay now").click()
    checkout = await opening.value
    await checkout.get_by_role("button", name="Pay ₦75,000.00").click()
    await expect(checkout.get_by_text("Payment received")).to_be_visible()
    assert (await stage.verify())["status"] == "success"
    assert problems == []


async def test_what_a_visible_phone_shows_is_read(stage: Stage, browser: Browser) -> None:
    await stage.write(MERCHANT)
    await opened(browser, stage.server.address, 1280)
    await stage.send(to=MERCHANT)
    await until(lambda: [status["status"] for status in stage.statuses()] == ["sent", "delivered", "read"])


async def test_at_phone_width_one_phone_is_shown_at_a_time(stage: Stage, browser: Browser) -> None:
    await stage.write(JANE)
    page, problems = await opened(browser, stage.server.address, 360)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await expect(page.get_by_test_id("merchant-input")).to_be_visible()
    await expect(page.get_by_test_id("customer-input")).to_be_hidden()
    await stage.send(type="text", text={"body": "x" * 400})
    tab = page.get_by_role("tab", name="Customer")
    await expect(tab).to_contain_text("1")
    await tab.click()
    await expect(page.get_by_test_id("customer-messages").get_by_text("x" * 400)).to_be_visible()
    await expect(page.get_by_test_id("merchant-input")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert problems == []


async def test_a_number_can_be_changed_and_a_wrong_one_is_said_to_be_wrong(stage: Stage, browser: Browser) -> None:
    await stage.write("2348099999999", text="from another phone")
    page, _ = await opened(browser, stage.server.address, 1280)
    number = page.get_by_test_id("merchant-number")
    await number.fill("0801")
    await number.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("international form")
    await number.fill("+234 809 999 9999")
    await number.press("Enter")
    await expect(page.get_by_test_id("merchant-messages").get_by_text("from another phone")).to_be_visible()


async def test_the_address_may_name_the_phones(stage: Stage, browser: Browser) -> None:
    await stage.write("2348099999999", text="from another phone")
    page, _ = await opened(browser, f"{stage.server.address}/?customer=+2348099999999", 1280)
    await expect(page.get_by_test_id("customer-messages").get_by_text("from another phone")).to_be_visible()


async def test_the_checkout_fits_a_phone_and_needs_no_script(stage: Stage, browser: Browser) -> None:
    url = (await stage.initialize())["authorization_url"]
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = await context.new_page()
    await page.goto(url)
    await page.get_by_label("asks for a PIN, then succeeds").check()
    await page.get_by_role("button", name="Pay ₦75,000.00").click()
    await page.get_by_label("Card PIN").fill("1111")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_text("Payment received")).to_be_visible()
    box = await page.get_by_role("main").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 360
