"""The public pages: small, without script, honest about what they cannot find."""

import re
from typing import Any

import httpx
from support.builders import a_payment_succeeded
from support.sample import eventually
from support.services import publish

MAX_PAGE = 14_000


async def _issued(gateway: httpx.AsyncClient, owner: dict[str, str], **changes: Any) -> dict[str, Any]:
    body = {
        "customer": {"name": "Jane <b>Okafor</b>", "phone": "08012345678", "email": "jane@example.com"},
        "lines": [{"description": "logo & <script>alert(1)</script>", "unit_price_minor": 7_500_000}],
        "issue": True,
    }
    answer = await gateway.post("/v1/invoices", json={**body, **changes}, headers=owner)
    invoice: dict[str, Any] = answer.json()
    return invoice


def _path(url: str) -> str:
    return url.removeprefix("http://pay.test")


async def test_the_pay_page_shows_the_amount_and_one_button(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    invoice = await _issued(gateway, owner)
    page = await gateway.get(_path(invoice["public_url"]))
    assert page.status_code == 200
    assert "₦75,000.00" in page.text
    assert page.text.count("<button") == 1
    assert len(page.content) < MAX_PAGE
    assert "<script" not in page.text
    assert "Jane &lt;b&gt;Okafor" in page.text
    assert "08012345678" not in page.text
    assert "jane@example.com" not in page.text


async def test_a_page_of_many_lines_stays_under_14_kb_for_usual_invoices(
    gateway: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    lines = [{"description": f"item number {n}", "quantity": "3", "unit_price_minor": 150_000} for n in range(25)]
    invoice = await _issued(gateway, owner, lines=lines)
    assert len((await gateway.get(_path(invoice["public_url"]))).content) < MAX_PAGE


async def test_its_policy_lets_only_its_own_style_in(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    invoice = await _issued(gateway, owner)
    policy = (await gateway.get(_path(invoice["public_url"]))).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert re.search(r"style-src 'sha256-[\w+/=]+';", policy)
    assert "form-action 'self' https://checkout.paystack.com" in policy


async def test_the_pdf_of_a_link(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    invoice = await _issued(gateway, owner)
    pdf = await gateway.get(_path(invoice["pdf_url"]))
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.headers["content-disposition"].startswith('inline; filename="INV-')


async def test_after_the_payment_the_page_says_paid_and_leads_to_the_receipt(
    gateway: httpx.AsyncClient, owner: dict[str, str], business_id: str, redis_url: str
) -> None:
    invoice = await _issued(gateway, owner)
    path = _path(invoice["public_url"])
    waiting = await gateway.get(f"{path}?trxref=x&reference=x")
    assert "confirming your payment" in waiting.text
    assert waiting.headers["refresh"] == "3"
    payment = a_payment_succeeded(business_id, invoice["id"], 7_500_000)
    await publish(redis_url, "whatsinvoice.payments.v1", payment)

    async def paid() -> bool:
        return 'class="badge paid">Paid' in (await gateway.get(path)).text

    await eventually(paid)
    page = await gateway.get(f"{path}?reference=x")
    assert "<button" not in page.text
    assert "refresh" not in page.headers
    link = re.search(r'href="(http://pay.test/r/[^"]+)"', page.text)
    assert link
    receipt = await gateway.get(_path(link[1]))
    assert "₦75,000.00" in receipt.text
    assert "RCP-000001" in receipt.text
    assert len(receipt.content) < MAX_PAGE
    pdf = await gateway.get(f"{_path(link[1])}/pdf")
    assert pdf.content.startswith(b"%PDF-")


async def test_a_link_that_leads_nowhere_says_so(gateway: httpx.AsyncClient) -> None:
    for path in ("/i/nothing", "/r/nothing"):
        page = await gateway.get(path)
        assert page.status_code == 404
        assert "Nothing here" in page.text


async def test_paying_while_payments_is_away_says_that_nothing_was_charged(
    gateway: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    invoice = await _issued(gateway, owner)
    page = await gateway.post(f"{_path(invoice['public_url'])}/pay")
    assert page.status_code == 503
    assert "Nothing was charged" in page.text
    assert int(page.headers["retry-after"]) >= 1
