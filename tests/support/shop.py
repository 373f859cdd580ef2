"""Invoices of one merchant on a whole stack, and their payers: everything through the gateway and the provider."""

import itertools
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg import sql
from whatsinvoice_local.demo.play import STEPS
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.stack import Stack
from whatsinvoice_payments.domain.webhook import signature_of

LINE = {"description": "logo design", "quantity": "1"}
SENDER = "x-paystack-signature"


@dataclass(frozen=True)
class Bill:
    """An issued invoice."""

    id: str
    page: str
    amount_minor: int


class Shop:
    """A merchant with a token, her invoices, and what her payers do. `webhooks` is where the provider sends them."""

    def __init__(self, stack: Stack, story: Story) -> None:
        env = stack.state.env
        self.env = env
        self.secret = stack.state.secrets()["PAYSTACK_SECRET_KEY"]
        self.webhooks = f"http://127.0.0.1:{stack.state.ports({})['gateway']}/webhooks/paystack"
        self._headers = {"Authorization": f"Bearer {story.token}"}
        self.web = httpx.Client(base_url=env["GATEWAY_URL"], timeout=20, trust_env=False)
        self.sandbox = httpx.Client(base_url=env["SANDBOX_URL"], timeout=20, trust_env=False)

    def bill(self, amount_minor: int = 7_500_000) -> Bill:
        """Issued to Jane."""
        body = {
            "customer": {"name": "Jane Okafor", "phone": "+2348012345678"},
            "lines": [LINE | {"unit_price_minor": amount_minor}],
            "issue": True,
        }
        headers = self._headers | {"Idempotency-Key": secrets.token_hex(8)}
        answer = self.web.post("/v1/invoices", json=body, headers=headers).raise_for_status().json()
        return Bill(answer["id"], answer["public_url"], amount_minor)

    def checkout(self, bill: Bill) -> str:
        """Opens it from the pay page; gives its access code."""
        answer = self.web.post(f"{bill.page}/pay")
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    def pay(self, bill: Bill) -> str:
        """The payer pays all of it at the checkout; gives the reference."""
        act = self.sandbox.post(f"/_control/checkouts/{self.checkout(bill)}", json={"outcome": "success"})
        reference: str = act.raise_for_status().json()["reference"]
        return reference

    def status(self, bill: Bill) -> str:
        answer = self.web.get(f"/v1/invoices/{bill.id}", headers=self._headers).raise_for_status()
        status: str = answer.json()["status"]
        return status

    def balances(self) -> dict[str, int]:
        """Of her accounts in the ledger, minor units."""
        answer = self.web.get("/v1/balance", headers=self._headers).raise_for_status().json()
        return {entry["account"]: entry["balance_minor"] for entry in answer["accounts"]}

    def faults(self, *faults: dict[str, Any]) -> None:
        """What the provider does wrong from now on; nothing without any."""
        armed = [{"provider": "paystack", **fault} for fault in faults]
        self.sandbox.put("/_control/faults", json=armed).raise_for_status()

    def charge_success(self, reference: str) -> bytes:
        """The webhook that tells the truth about a charge."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        found = self.sandbox.get(f"/paystack/transaction/verify/{reference}", headers=headers).raise_for_status()
        return json.dumps({"event": "charge.success", "data": found.json()["data"]}).encode()

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers that the provider sends with it."""
        return {SENDER: signature_of(self.secret, body), "content-type": "application/json"}

    def truth(self) -> dict[str, int]:
        """What the provider believes was paid, by reference."""
        charges = self.sandbox.get("/_control/ledger").raise_for_status().json()["charges"]
        return {charge["reference"]: charge["amount"] for charge in charges}

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Of the payments service's own tables."""
        with psycopg.connect(self.env["PAYMENTS_DATABASE_URL"]) as connection:
            connection.execute("SELECT set_config('app.business_id', '*', false)")
            return connection.execute(sql.SQL(statement), values).fetchall()

    def measured(self, name: str, **labels: str) -> float:
        """A figure of the payments service."""
        text = httpx.get(f"{self.env['PAYMENTS_OPS_URL']}/metrics", trust_env=False).text
        wanted = "".join(sorted(f'{key}="{value}"' for key, value in labels.items()))
        for line in text.splitlines():
            if line.startswith((f"{name} ", f"{name}{{")):
                told = line.partition("{")[2].partition("}")[0].replace(",", "")
                if told == wanted:
                    return float(line.rpartition(" ")[2])
        return 0

    def close(self) -> None:
        self.web.close()
        self.sandbox.close()


def open_shop(stack: Stack) -> Shop:
    """A merchant who has registered on a stack that is up."""
    env = stack.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], stack.state.folder / "demo")
    for step in itertools.takewhile(lambda step: step.act is not Story.open_pay_page, STEPS):
        story.deadline = time.monotonic() + 3 * step.seconds
        step.act(story)
    story.close()
    return Shop(stack, story)
