"""Merchants of a stack and their customers, who are sent invoices and pay them as people do."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from whatsinvoice_kit.data.provision import DATABASE
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.parts import SERVICES
from whatsinvoice_local.stack import Stack

PRICE = 150_000
PATIENCE, PAUSE_SECONDS = 60, 0.5
EACH = 40
"""Invoices of one merchant: WhatsApp takes 45 notices to one phone at once, and then one in six seconds."""
UNLIMITED = {f"GATEWAY_{kind}_QUOTA": "1000000/minute" for kind in ("READ", "WRITE")} | {
    f"GATEWAY_{kind}_LIMIT": "1000/minute" for kind in ("REGISTER", "VERIFY", "LOGIN")
}


@dataclass(frozen=True, slots=True)
class Opened:
    """An invoice with its checkout, which nobody has paid yet."""

    number: int
    invoice_id: str
    access_code: str

    @property
    def reference(self) -> str:
        """Of the first attempt."""
        return f"{self.invoice_id.partition('_')[2]}.1"


class Payers:
    """Customers, who are sent an invoice and pay it through the provider's checkout.

    Each has a phone, to which WhatsApp brings the invoice and the receipt, unless they are to have none.
    """

    def __init__(self, stack: Stack, count: int, *, each: int = EACH, phones: bool = True) -> None:
        env = stack.state.env
        self.env = env
        self.count = count
        self.each = each
        self.with_phones = phones
        self._numbers: dict[str, int] = {}
        self.repeated: list[str] = []
        self.database = env["DATABASE_URL"].rpartition("/")[0] + "/" + DATABASE
        """All services' tables, as the superuser, whom no row security holds."""
        first = secrets.randbelow(9 * 10**6)
        self.phones = [f"+234803{first + number:07d}" for number in range(count)]
        self.sandbox = httpx.Client(base_url=env["SANDBOX_URL"], trust_env=False, timeout=20)
        folder = stack.state.folder
        self.merchants = [Story(env["GATEWAY_URL"], env["SANDBOX_URL"], folder) for _ in range(0, count, each)]
        for story in self.merchants:
            for step in (story.register, story.receive_code, story.log_in):
                story.deadline = time.monotonic() + 30
                step()
        self.gateway = httpx.Client(base_url=env["GATEWAY_URL"], trust_env=False, timeout=20)

    def as_merchant(self, number: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.merchants[number].token}"}

    def merchant_of(self, number: int) -> dict[str, str]:
        """Headers of whose invoice it is."""
        return self.as_merchant(number // self.each)

    def confirmed(self, number: int) -> dict[str, str]:
        """Headers of fresh proof of an invoice's merchant."""
        headers, password = self.merchant_of(number), self.merchants[number // self.each].password
        answer = self.gateway.post("/v1/auth/confirm", headers=headers, json={"password": password})
        return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}

    def number_of(self, business_id: str) -> int:
        """The first invoice of a business."""
        if not self._numbers:
            for number in range(0, self.count, self.each):
                business = self.gateway.get("/v1/business", headers=self.merchant_of(number)).raise_for_status().json()
                self._numbers[business["id"]] = number
        return self._numbers[business_id]

    def open(self, number: int, price: int = PRICE) -> Opened:
        """As a program does it: what a busy machine did not answer in time is asked again, with the same key."""
        line = {"description": "logo design", "quantity": "1", "unit_price_minor": price}
        customer = {"name": "Jane"} | ({"phone": self.phones[number]} if self.with_phones else {})
        body = {"customer": customer, "lines": [line], "issue": True}
        created = self.ask("/v1/invoices", number, json=body)
        assert created.status_code == 201, created.text
        checkout = self.ask(created.json()["public_url"] + "/pay", number)
        assert checkout.status_code == 303, checkout.text
        return Opened(number, created.json()["id"], checkout.headers["Location"].rpartition("/")[2])

    def pay(self, number: int, price: int = PRICE) -> Opened:
        """Opens a checkout and pays there."""
        opened = self.open(number, price)
        body = {"outcome": "success", "channel": "card"}
        paid = self.sandbox.post(f"/_control/checkouts/{opened.access_code}", json=body)
        assert paid.is_success, paid.text
        return opened

    def ask(self, path: str, number: int, *, fresh: bool = False, **options: Any) -> httpx.Response:
        """POST as the merchant of an invoice, with one key however often it is asked; `fresh` confirms first."""
        proof = self.confirmed(number) if fresh else self.merchant_of(number)
        headers = proof | {"Idempotency-Key": secrets.token_hex(16)}
        for _ in range(PATIENCE):
            answer = self.gateway.post(path, headers=headers, **options)
            if answer.status_code not in {503, 504}:
                break
            self.repeated.append(answer.text)
            time.sleep(PAUSE_SECONDS)
        return answer

    def paid(self) -> int:
        with psycopg.connect(self.database) as connection:
            [count] = connection.execute("SELECT count(*) FROM invoices.invoices WHERE status = 'paid'").fetchone() or [
                0
            ]
        return int(count)

    def receipts(self, phones: Iterable[str]) -> Counter[str]:
        """Phone -> receipts on it."""
        found: Counter[str] = Counter()
        for phone in phones:
            messages = self.sandbox.get(f"/_control/phones/{phone}/messages", params={"after": 0}).json()["messages"]
            # not in the id, whose base64 may spell anything
            found[phone] = sum("/r/" in json.dumps(message | {"id": ""}) for message in messages)
        return found

    def await_receipts(self) -> Counter[str]:
        """All of them, and those that came twice; fails when no more come."""
        without, growth = list(self.phones), time.monotonic()
        while without:
            time.sleep(1)
            found = self.receipts(without)
            if any(found.values()):
                growth = time.monotonic()
            without = [phone for phone in without if not found[phone]]
            assert time.monotonic() - growth < 90, f"{len(without)} of {self.count} have no receipt, and no more come"
        time.sleep(2)  # for one that comes twice
        return self.receipts(self.phones)

    def twice(self, receipts: Counter[str]) -> list[Any]:
        """What phones have that got more than one receipt, and what notifications knows of the messages to them."""
        told: list[Any] = []
        for phone in (phone for phone, count in receipts.items() if count > 1):
            messages = self.sandbox.get(f"/_control/phones/{phone}/messages", params={"after": 0}).json()["messages"]
            with psycopg.connect(self.database) as connection:
                rows = connection.execute(
                    "SELECT m.id, purpose, dedupe_key, status, attempts, provider_id, error_code, error_title,"
                    " queued_at, sent_at, delivered_at FROM notifications.messages m JOIN notifications.contacts c"
                    " ON c.id = m.contact_id WHERE c.phone = %s ORDER BY m.id",
                    [phone],
                ).fetchall()
            told.append((phone, messages, rows))
        return told

    def republished(self) -> int:
        """Events that relays have published again."""
        pages = [httpx.get(f"{self.env[f'{name.upper()}_OPS_URL']}/metrics", trust_env=False).text for name in SERVICES]
        lines = [line for page in pages for line in page.splitlines()]
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith("outbox_republished_total{"))

    def charges(self) -> list[int]:
        return [charge["amount"] for charge in self.sandbox.get("/_control/ledger").json()["charges"]]

    def books(self) -> Counter[str]:
        """Account -> balance over all merchants."""
        found: Counter[str] = Counter()
        for number in range(len(self.merchants)):
            accounts = self.gateway.get("/v1/balance", headers=self.as_merchant(number)).json()["accounts"]
            found.update({account["account"]: account["balance_minor"] for account in accounts})
        return found

    def close(self) -> None:
        for close in (self.gateway.close, self.sandbox.close, *(story.close for story in self.merchants)):
            close()
