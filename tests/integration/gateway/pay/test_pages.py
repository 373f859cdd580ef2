"""The public pages: small, without script, honest about what they cannot find."""

import re
from datetime import timedelta
from typing import Any

import httpx
from support.builders import a_payment_succeeded
from support.http import keyed
from support.sample import eventually
from support.services import publish
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.payments.v1 import payments_pb2
from whatsinvoice_gateway.pages.render import Pages
from whatsinvoice_kit.core.clock import now

MAX_PAGE = 14_000


async def _issued(gateway: httpx.AsyncClient, owner: dict[str, str], **changes: Any) -> dict[str, Any]:
    body = {
        "customer": {"name": "Jane <b>Okafor</b>", "phone": "08012345678", "email": "jane@example.com"},
        "lines": [{"description": "logo & <script>alert(1)</script>", "unit_price_minor": 7_500_000}],
        "issue": True,
    }
    answer = await gateway.post("/v1/invoices", json={**body, **changes}, headers=keyed(owner))
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
    assert waiting.headers["refresh"] == f"3; url={path}?reference=x&look=1"
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


async def test_a_claimed_transfer_is_told_until_the_merchant_rejects_it(
    gateway: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    invoice = await _issued(gateway, owner)
    path = _path(invoice["public_url"])
    sent = await gateway.post(f"{path}/transfer-sent")
    assert (sent.status_code, sent.headers["location"]) == (303, path)
    assert "You said that you have sent a transfer." in (await gateway.get(path)).text
    read = await gateway.get(f"/v1/invoices/{invoice['id']}", headers=owner)
    assert read.json()["transfer_claimed_at"]
    rejected = await gateway.post(f"/v1/invoices/{invoice['id']}/reject-transfer", headers=keyed(owner))
    assert (rejected.status_code, rejected.json()["transfer_claimed_at"]) == (200, None)
    assert "You said" not in (await gateway.get(path)).text
    again = await gateway.post(f"/v1/invoices/{invoice['id']}/reject-transfer", headers=keyed(owner))
    assert (again.status_code, again.json()["code"]) == (409, "TRANSFER_NOT_CLAIMED")


async def test_a_void_invoice_asks_for_nothing(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    invoice = await _issued(gateway, owner)
    path = _path(invoice["public_url"])
    void = await gateway.post(f"/v1/invoices/{invoice['id']}/void", headers=keyed(owner))
    assert (void.status_code, void.json()["status"]) == (200, "void")
    assert void.headers["etag"] == f'"{void.json()["version"]}"'
    page = await gateway.get(path)
    assert "has cancelled this invoice" in page.text
    assert "<button" not in page.text
    claim = await gateway.post(f"{path}/transfer-sent")
    assert claim.status_code == 409
    assert "cannot be paid now" in claim.text
    again = await gateway.post(f"/v1/invoices/{invoice['id']}/void", headers=keyed(owner))
    assert (again.status_code, again.json()["code"]) == (409, "INVOICE_NOT_VOIDABLE")


async def test_what_is_paid_and_what_is_left_are_told(
    gateway: httpx.AsyncClient, owner: dict[str, str], business_id: str, redis_url: str
) -> None:
    invoice = await _issued(gateway, owner)
    path = _path(invoice["public_url"])
    payment = a_payment_succeeded(business_id, invoice["id"], 2_500_000)
    await publish(redis_url, "whatsinvoice.payments.v1", payment)

    async def part_paid() -> bool:
        return "₦25,000.00 of ₦75,000.00 is paid." in (await gateway.get(path)).text

    await eventually(part_paid)
    assert "Pay ₦50,000.00" in (await gateway.get(path)).text


def _bank_account() -> payments_pb2.BankAccount:
    return payments_pb2.BankAccount(bank_name="A & B Bank", account_number="0123456789", account_name="ADA DESIGNS")


def _view(**changes: Any) -> pb.GetPublicInvoiceResponse:
    invoice: dict[str, Any] = {"number": "INV-000001", "status": pb.INVOICE_STATUS_OPEN, "currency_code": "NGN"}
    amounts = {"total_minor": 7_500_000, "amount_due_minor": 7_500_000}
    return pb.GetPublicInvoiceResponse(business_name="Ada Designs", invoice=pb.Invoice(**(invoice | amounts | changes)))


def test_the_merchants_account_and_a_reference_are_shown_where_she_has_one() -> None:
    details = payments_pb2.GetPaymentOptionsResponse(
        account=_bank_account(), narration="INV-000001", pay_online=True, pay_with_transfer=True
    )
    pages = Pages("https://checkout.paystack.com")
    page = bytes(pages.invoice(_view(), "t0ken", details).body).decode()
    for expected in ("A &amp; B Bank", "0123456789", "ADA DESIGNS", "<strong>INV-000001</strong> in the narration"):
        assert expected in page
    assert 'action="/i/t0ken/transfer-sent"' in page
    assert 'action="/i/t0ken/transfer"' in page
    assert len(page.encode()) < MAX_PAGE
    none = bytes(pages.invoice(_view(), "t0ken", None).body).decode()
    assert "transfer" not in none.partition("</style>")[2].replace("Card, bank transfer or USSD", "")
    paid = _view(status=pb.INVOICE_STATUS_PAID, amount_due_minor=0)
    assert "0123456789" not in bytes(pages.invoice(paid, "t0ken", details).body).decode()


def test_the_one_time_account_tells_amount_and_expiry() -> None:
    found = payments_pb2.StartTransferResponse(account=_bank_account(), reference="01k.1")
    found.amount.currency_code, found.amount.amount_minor = "NGN", 7_500_000
    found.expire_time.FromDatetime(now() + timedelta(minutes=30, seconds=10))
    answer = Pages("https://checkout.paystack.com").transfer(found, "t0ken")
    page = bytes(answer.body).decode()
    for expected in ("₦75,000.00", "within 30 minutes", "0123456789", 'href="/i/t0ken?reference=01k.1"'):
        assert expected in page
    assert "<script" not in page
    assert "default-src 'none'" in answer.headers["content-security-policy"]


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
