"""The story: what each step does and what must be true after it. Amounts are in kobo."""

import re
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
from whatsinvoice_client import AuthenticatedClient
from whatsinvoice_client.api.auth import login, me, register, verify_phone
from whatsinvoice_client.api.invoices import get_invoice, list_invoices
from whatsinvoice_client.api.payments import get_balance, list_payments
from whatsinvoice_client.models import InvoiceOut, LoginIn, RegisterIn, VerifyPhoneIn
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_local.demo.api import body_of, signed_in, visitor
from whatsinvoice_local.demo.failures import MismatchError, expect
from whatsinvoice_local.demo.phone import Message, Phone, button, wording
from whatsinvoice_local.demo.web import answer, client, form_to, json_of

LINE = "Invoice Jane Okafor 08012345678 75000 for logo design due tomorrow"
JANE = "+2348012345678"
AMOUNT_MINOR = 7_500_000
AMOUNT = "75,000.00"
_CARD = "4084084084084081"
_COPIES = 2
_CODE = re.compile(r"\b\d{6}\b")
_NUMBER = re.compile(r"\bINV-\d+\b")
_PAUSE = 0.05
_TYPING_SECONDS = 1.0
"""Nobody types faster, and the bot learns by an event, not at once, that the phone is now a merchant's."""
_MIN_PDF = 2_000
_ARRIVED = ("delivered", "read")

Found = TypeVar("Found")


class Story:
    """Two people, two phones, one invoice. Everything is asked of the gateway or seen on a phone, as they would.

    `gateway` is Ada's once she has logged in, `visitor` anybody's. `deadline` is set by whoever plays the steps: the
    monotonic time by which the present one must be true.
    """

    gateway: AuthenticatedClient
    invoice: InvoiceOut

    def __init__(self, gateway_url: str, sandbox_url: str, folder: Path) -> None:
        self.deadline = 0.0
        self.folder = folder
        self.gateway_url = gateway_url
        self._open = ExitStack()
        self.visitor = self._open.enter_context(visitor(gateway_url))
        self.sandbox = self._open.enter_context(client(sandbox_url))
        self.merchant = Phone("Ada", fresh_phone(), self.sandbox)
        self.jane = Phone("Jane", JANE, self.sandbox)
        self.jane_before = 0
        self.password = f"Aa1{secrets.token_urlsafe(12)}"
        self.verification_id = ""
        self.code = self.token = self.send_button = self.number = self.invoice_id = self.pay_url = self.reference = ""
        self.pay_page: httpx.Response | None = None
        self.receipt: Message = {}

    def close(self) -> None:
        self._open.close()

    def register(self) -> None:
        self.jane.seen = self.jane_before = len(self.jane.messages(0))
        ada = RegisterIn(self.merchant.number, "Ada Obi", self.password, business_name="Ada Designs")
        answer = register.sync_detailed(client=self.visitor, body=ada)
        while answer.status_code == HTTPStatus.TOO_MANY_REQUESTS and time.monotonic() < self.deadline:
            # Runs in quick succession come from one address, and so few may register a minute.
            time.sleep(float(answer.headers["Retry-After"]))
            answer = register.sync_detailed(client=self.visitor, body=ada)
        self.verification_id = body_of(answer.parsed).verification.id

    def receive_code(self) -> None:
        def code() -> str | None:
            codes = (code_in(wording_of(message)) for message in self.merchant.received(0))
            return next((code for code in codes if code), None)

        self.code = self._until(code, "no six-digit code has arrived")

    def log_in(self) -> None:
        code = VerifyPhoneIn(self.verification_id, self.code)
        user = body_of(verify_phone.sync(client=self.visitor, body=code)).user
        expect(user.phone == self.merchant.number, f"another phone was verified: {user}")
        tokens = body_of(login.sync(client=self.visitor, body=LoginIn(self.merchant.number, self.password)))
        self.token = tokens.access_token
        self.gateway = self._open.enter_context(signed_in(self.gateway_url, self.token))
        business = body_of(me.sync(client=self.gateway)).business
        expect(business.name == "Ada Designs", f"the token is of another business: {business}")

    def write(self) -> None:
        time.sleep(_TYPING_SECONDS)
        self.merchant.write(LINE)

    def receive_preview(self) -> None:
        preview = self._until(
            lambda: next((m for m in self.merchant.received(0) if button(m, "Send")), None), "no preview has arrived"
        )
        for part in ("Jane Okafor", "logo design", AMOUNT):
            expect(part in preview["text"], f"the preview does not say {part!r}: {preview['text']}")
        self.send_button = button(preview, "Send") or ""

    def tap_send(self) -> None:
        before = self.merchant.messages(0)[-1]["seq"]
        self.merchant.tap(self.send_button)

        def number() -> str | None:
            numbers = (_NUMBER.search(wording(message)) for message in self.merchant.received(before))
            return next((found[0] for found in numbers if found), None)

        self.number = self._until(number, "no answer with an invoice number has arrived")
        invoices = body_of(list_invoices.sync(client=self.gateway)).data
        mine = [invoice for invoice in invoices if invoice.number == self.number]
        expect(len(mine) == 1, f"{len(mine)} invoices have the number {self.number}")
        self.invoice_id = mine[0].id

    def receive_invoice(self) -> None:
        message = self._jane_receives("/i/")
        document = message.get("document") or {}
        expect("url" in document, f"no document is attached: {message}")
        content = answer(self.sandbox.get(document["url"]), 200).content
        expect(content.startswith(b"%PDF-") and len(content) > _MIN_PDF, f"{document['filename']} is not a PDF")
        self.pdf.parent.mkdir(parents=True, exist_ok=True)
        self.pdf.write_bytes(content)
        link = re.search(re.escape(self.gateway_url) + r"/i/[\w-]+", wording(message))
        self.pay_url = link[0] if link else ""

    def open_pay_page(self) -> None:
        self.pay_page = answer(self._as_a_payer("GET", self.pay_url), 200)
        for part in (self.number, f"₦{AMOUNT}"):
            expect(part in self.pay_page.text, f"the pay page does not say {part!r}")

    def pay(self) -> None:
        fault = {"provider": "paystack", "call": "webhook", "fault": "duplicate", "count": 1, "copies": _COPIES}
        json_of(self.sandbox.put("/_control/faults", json=[fault]))
        form = form_to(cast(httpx.Response, self.pay_page), "/pay")
        checkout_url = answer(self._as_a_payer("POST", form.action, form.fields), 303).headers["Location"]
        checkout = answer(self._as_a_payer("GET", checkout_url), 200)
        card = form_to(checkout, checkout_url.rpartition("/")[2])
        paid = answer(self._as_a_payer("POST", card.action, card.fields | {"card": _CARD}), 303)
        back = httpx.URL(paid.headers["Location"])
        expect(str(back).startswith(self.gateway_url), f"the checkout leads to {back}")
        self.reference = back.params["reference"]
        answer(self._as_a_payer("GET", str(back)), 200)

    def receive_webhook_twice(self) -> None:
        def deliveries() -> list[Any]:
            attempts = json_of(self.sandbox.get("/_control/webhooks"))["webhooks"]
            ours = [a for a in attempts if a["provider"] == "paystack" and a["key"] == self.reference]
            return [attempt for attempt in ours if attempt["status_code"] == httpx.codes.OK]

        self._until(lambda: len(deliveries()) >= _COPIES, "the webhook was not accepted twice")
        json_of(self.sandbox.put("/_control/faults", json=[]))

    def see_it_paid(self) -> None:
        def paid() -> InvoiceOut | None:
            invoice = body_of(get_invoice.sync(self.invoice_id, client=self.gateway))
            return invoice if invoice.status == "paid" else None

        self.invoice = found = self._until(paid, "the invoice is not paid")
        money = (found.total_minor, found.amount_paid_minor, found.amount_due_minor)
        expect(money == (AMOUNT_MINOR, AMOUNT_MINOR, 0), f"total, paid and due are wrong: {money}")

    def receive_receipt(self) -> None:
        def arrived() -> Message | None:
            receipt = self._jane_receives("/r/")
            return receipt if receipt["status"] in _ARRIVED else None

        self.receipt = self._until(arrived, "the receipt was sent and not delivered")
        link = re.search(re.escape(self.gateway_url) + r"/r/[\w-]+", wording(self.receipt))
        page = answer(self._as_a_payer("GET", link[0] if link else ""), 200)
        for part in (self.number, f"₦{AMOUNT}"):
            expect(part in page.text, f"the receipt does not say {part!r}")

    def receive_notice(self) -> None:
        self._until(
            lambda: any("/r/" in wording(m) and self.number in wording(m) for m in self.merchant.received(0)),
            "no notice of the payment has arrived",
        )

    def see_the_books_balance(self) -> None:
        accounts = body_of(get_balance.sync(client=self.gateway)).accounts
        total = sum(account.balance_minor for account in accounts)
        expect(accounts and total == 0, f"the ledger sums to {total}: {accounts}")

    def compare_with_the_provider(self) -> None:
        ours = [
            (payment.reference, payment.amount_minor, payment.fees_minor, payment.currency)
            for payment in body_of(list_payments.sync(client=self.gateway)).data
            if payment.status == "succeeded"
        ]
        theirs = [
            (charge["reference"], charge["amount"], charge["fees"], charge["currency"])
            for charge in json_of(self.sandbox.get("/_control/ledger"))["charges"]
            if charge["reference"].startswith(self.invoice_id.removeprefix("inv_"))
        ]
        expect(len(ours) == 1, f"two webhooks made {len(ours)} payments")
        expect(ours == theirs, f"we say {ours}, the provider says {theirs}")

    @property
    def pdf(self) -> Path:
        return self.folder / f"{self.number}.pdf"

    def _jane_receives(self, link: str) -> Message:
        def found() -> Message | None:
            texts = ((message, wording(message)) for message in self.jane.received(self.jane_before))
            return next((m for m, text in texts if self.gateway_url + link in text and self.number in text), None)

        return self._until(found, f"no message with a link to {link}… has arrived")

    def _as_a_payer(self, method: str, url: str, fields: dict[str, str] | None = None) -> httpx.Response:
        """With a browser of her own, which has no token."""
        with client() as browser:
            return browser.request(method, url, data=fields)

    def _until(self, found: Callable[[], Found | None], otherwise: str) -> Found:
        """Asks again until the answer is something true; raises MismatchError at the step's deadline."""
        while not (answer := found()):
            if time.monotonic() > self.deadline:
                raise MismatchError(otherwise)
            time.sleep(_PAUSE)
        return answer


def code_in(text: str) -> str:
    """Return the one-time code in a text; empty without one."""
    found = _CODE.search(text)
    return found[0] if found else ""


def wording_of(message: Message) -> str:
    """What is written on it, without ids and times, in which six digits may stand as well."""
    return " ".join([str(message.get("text", "")), *message.get("template", {}).get("parameters", [])])


def fresh_phone() -> str:
    """A mobile number that no run before had, in all likelihood."""
    return to_e164(f"0803{secrets.randbelow(10**7):07d}", "NG")
