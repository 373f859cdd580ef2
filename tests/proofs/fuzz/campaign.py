"""One campaign against a stack: hostile values in every place, then schemathesis; who signs in, and the outcome."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import httpx
from support.extremes import Tally, attack, operations
from support.root import ROOT
from whatsinvoice_client.api.customers import list_customers
from whatsinvoice_client.api.invoices import create_invoice
from whatsinvoice_client.api.messages import list_messages
from whatsinvoice_client.api.payments import list_payments
from whatsinvoice_client.models import CustomerIn, InvoiceIn, LineIn
from whatsinvoice_local.demo.api import body_of
from whatsinvoice_local.demo.phone import wording
from whatsinvoice_local.demo.play import STEPS
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.stack import Stack

CONFIG = Path(__file__).with_name("schemathesis.toml")
_LIMITS = ("REGISTER_LIMIT", "LOGIN_LIMIT", "REFRESH_LIMIT", "VERIFY_LIMIT", "CODE_LIMIT", "ACCOUNT_LIMIT")
_QUOTAS = ("READ_QUOTA", "WRITE_QUOTA")
WIDE_LIMITS = {f"GATEWAY_{name}": "1000000/minute" for name in (*_LIMITS, *_QUOTAS)}
"""Settings of the stack: 429 is documented, and would be the answer to nearly everything."""


@dataclass(frozen=True)
class Outcome:
    """`failures` has a line for each kind of failed check; `accepted` counts valid cases that had their effect."""

    cases: int
    accepted: int
    operations: int
    failures: list[str]
    seed: int
    extremes: int
    """Requests with NUL, a control character, half of a surrogate pair or an extreme in one place."""

    def __str__(self) -> str:
        told = ", ".join(self.failures) or "0 server errors, 0 undocumented answers, 0 other failures"
        return (
            f"{self.cases} cases of {self.operations} operations (seed {self.seed}), {self.accepted} accepted, "
            f"and {self.extremes} requests with NUL and extremes: {told}"
        )


def run_campaign(stack: Stack, arguments: Sequence[str], *, seconds: float) -> Outcome:
    """Fuzzes a stack that is up; the output goes to ours.

    Raises:
        subprocess.TimeoutExpired: it took longer than `seconds`.
    """
    world = _world(stack)
    tally = asyncio.run(_extremes(world))
    folder = stack.state.folder
    config, report = folder / "schemathesis.toml", folder / "fuzz.json"
    config.write_text(Template(CONFIG.read_text()).substitute(world))
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config)),
        *("run", f"{world['FUZZ_URL']}/openapi.json", "--report", "json", "--report-json-path", str(report)),
        *("--generation-database", "none", *arguments),
    ]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **world}, check=False, timeout=seconds)
    return _outcome(json.loads(report.read_text()), tally)


async def _extremes(world: Mapping[str, str]) -> Tally:
    """Send hostile values to every operation: as the owner, and to the account routes as another person."""
    ids = {
        "invoice_id": world["FUZZ_PAID"],
        "customer_id": world["FUZZ_CUSTOMER"],
        "payment_id": world["FUZZ_PAYMENT"],
        "message_id": world["FUZZ_MESSAGE"],
        "token": world["FUZZ_PAID_TOKEN"],
    }
    tally = Tally()
    async with httpx.AsyncClient(base_url=world["FUZZ_URL"], timeout=20) as client:
        for operation in operations():
            phone = world["FUZZ_GUESSER" if operation.path.startswith("/v1/auth/") else "FUZZ_OWNER"]
            body = {"phone": phone, "password": world["FUZZ_PASSWORD"]}
            login = await client.post("/v1/auth/login", json=body)
            token = login.json().get("access_token", "")  # wrong guesses may have closed the account for a while
            await attack(client, operation, {"Authorization": f"Bearer {token}"}, ids, tally)
    return tally


def _world(stack: Stack) -> dict[str, str]:
    """Return three owners, and of the first a business with all that ids can lead to, by name."""
    password = f"Aa1{secrets.token_urlsafe(12)}"
    owner, leaver = _told(stack, password, len(STEPS)), _told(stack, password, 3)
    guesser = _told(stack, password, 3)
    lines = InvoiceIn([LineIn("Logo design", 7_500_000)], customer=CustomerIn("Ngozi Eze"))
    draft = body_of(create_invoice.sync(client=owner.gateway, body=lines))
    lines.issue = True
    to_pay = body_of(create_invoice.sync(client=owner.gateway, body=lines, idempotency_key=secrets.token_hex(8)))
    found = {
        "FUZZ_URL": owner.gateway_url,
        "FUZZ_OWNER": owner.merchant.number,
        "FUZZ_LEAVER": leaver.merchant.number,
        "FUZZ_GUESSER": guesser.merchant.number,
        "FUZZ_PASSWORD": password,
        "FUZZ_CUSTOMER": body_of(list_customers.sync(client=owner.gateway)).data[0].id,
        "FUZZ_DRAFT": draft.id,
        "FUZZ_OPEN": to_pay.id,
        "FUZZ_PAID": owner.invoice_id,
        "FUZZ_PAYMENT": body_of(list_payments.sync(client=owner.gateway)).data[0].id,
        "FUZZ_MESSAGE": body_of(list_messages.sync(client=owner.gateway)).data[0].id,
        "FUZZ_PAY_TOKEN": str(to_pay.public_url).rpartition("/")[2],
        "FUZZ_PAID_TOKEN": owner.pay_url.rpartition("/")[2],
        "FUZZ_RECEIPT_TOKEN": wording(owner.receipt).partition("/r/")[2].partition('"')[0],
    }
    for story in (owner, leaver, guesser):
        story.close()
    env = stack.state.env
    secret = ("PAYSTACK_SECRET_KEY", "WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN")
    return found | {name: env[name] for name in secret}


def _told(stack: Stack, password: str, steps: int) -> Story:
    """The first steps of the demonstration's story."""
    env = stack.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], stack.state.folder)
    story.password = password
    for step in STEPS[:steps]:
        story.deadline = time.monotonic() + step.seconds
        step.act(story)
    return story


def _outcome(report: Mapping[str, Any], tally: Tally) -> Outcome:
    failures = [f"{group['count']} x {group['title']}" for group in (*report["failures"], *report["errors"])]
    if not report["complete"]:
        failures.append(f"stopped early: {report['stop_reason']}")
    failures += tally.failures
    rates = [rate for phases in report["valid_rates"].values() for rate in phases.values()]
    return Outcome(
        cases=report["test_cases"]["generated"],
        accepted=sum(rate["accepted"] for rate in rates),
        operations=report["operations"]["tested"],
        failures=failures,
        seed=report["seed"],
        extremes=tally.requests,
    )
