"""`templates list|push` beside a sandbox of its own, and what a phone shows once the templates are registered."""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from integration.notifications.messages.test_messages import an_issued_invoice
from support.notifications.parts import PDF, SANDBOX, TOKEN
from support.notifications.stage import NO_TLS, Merchant, Stage
from support.sandbox import Entrance, sandbox_program
from whatsinvoice_notifications import templates_command
from whatsinvoice_notifications.wordings import all_wordings, wording

pytestmark = pytest.mark.asyncio(loop_scope="module")

BASE = "https://pay.example"
ACCOUNT = "2043"


@pytest.fixture(scope="module")
def sandbox_url(door: Entrance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One of its own: once templates are registered, a sandbox takes no others."""
    log = tmp_path_factory.mktemp("templates") / "log"
    with sandbox_program(log, WHATSAPP_WEBHOOK_URL=door.url, **SANDBOX) as url:
        yield url


def environment(sandbox_url: str) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "DATABASE_URL": "postgresql://not-asked",
        "REDIS_URL": "redis://not-asked",
        "INVOICES_GRPC": "not-asked",
        "AUTH_GRPC": "127.0.0.1:1",
        "WHATSAPP_APP_SECRET": "not-asked",
        "WHATSAPP_BASE_URL": f"{sandbox_url}/graph/v23.0",
        "WHATSAPP_ACCESS_TOKEN": TOKEN,
        "WHATSAPP_BUSINESS_ACCOUNT_ID": ACCOUNT,
        "PUBLIC_BASE_URL": BASE,
    }


async def command(sandbox_url: str, action: str, **changes: str) -> tuple[int, list[str], str]:
    """Exit code, lines and complaints of `templates`, run as a program."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "whatsinvoice_notifications", "templates", action),
        env=environment(sandbox_url) | changes,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await program.communicate()
    assert program.returncode is not None
    return program.returncode, out.decode().splitlines(), err.decode()


def graph(sandbox_url: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {TOKEN}"}
    return httpx.Client(
        base_url=f"{sandbox_url}/graph/v23.0/{ACCOUNT}", headers=headers, trust_env=False, verify=NO_TLS
    )


async def test_push_creates_what_is_missing_leaves_what_is_there_and_tells_what_differs(sandbox_url: str) -> None:
    names = [one.name for one in all_wordings()]
    body = wording("payment_notice", "en").definition("https://old.example")
    with graph(sandbox_url) as meta:
        assert meta.post("/message_templates", json=body).status_code == 200
        code, lines, _ = await command(sandbox_url, "list")
        told = dict(line.split(": ") for line in lines)
        assert (code, told.pop("payment_notice en UTILITY")) == (0, "differs in BUTTONS, APPROVED")
        assert set(told.values()) == {"missing"}
        code, first, _ = await command(sandbox_url, "push")
        assert (code, len(first)) == (0, len(names))
        assert sum(line.endswith(": created, APPROVED") for line in first) == len(names) - 1
        _, second, _ = await command(sandbox_url, "push")
        assert [line for line in second if not line.endswith(": as it should be, APPROVED")] == [
            "payment_notice en UTILITY: differs in BUTTONS, APPROVED"
        ]
        listed = meta.get("/message_templates").json()["data"]
    assert sorted(one["name"] for one in listed) == sorted(names)
    assert next(one for one in listed if one["name"] == "payment_notice")["components"] == body["components"]


async def test_once_registered_a_phone_shows_the_wording(stage: Stage, merchant: Merchant, sandbox_url: str) -> None:
    assert (await command(sandbox_url, "push"))[0] == 0
    invoice = an_issued_invoice(merchant)
    await stage.tell_issued(merchant, invoice)
    [issued] = await stage.heard(merchant.customer)
    assert issued["text"].startswith(
        "Hello Jane, here is invoice INV-000007 from Ada Designs for ₦75,000.00, due 24 Dec"
    )
    assert " pay safely here: https://pay.example/i/a-link\n" in issued["text"]
    assert issued["url_button"] == {"display_text": "Pay now", "url": "https://pay.example/i/a-link"}
    assert (await stage.sandbox.get(issued["document"]["url"])).content == PDF
    await stage.tell_paid(merchant, invoice, due_minor=2_500_000)
    receipt = (await stage.heard(merchant.customer, 2))[1]
    assert (
        "₦50,000.00 to Ada Designs has arrived. On invoice INV-000007 you still have ₦25,000.00 to pay."
        in receipt["text"]
    )
    assert receipt["url_button"] == {"display_text": "See receipt", "url": "https://pay.example/r/a-receipt"}
    await stage.request_code(merchant.phone)
    [notice, code] = await stage.heard(merchant.phone, 2)
    assert notice["text"].startswith("Good news! Jane paid you ₦50,000.00 for invoice INV-000007. There is still")
    assert code["text"] == "*482913* is your verification code. For your security, do not share this code."
    assert code["footer"] == "This code expires in 10 minutes."


async def test_one_that_meta_refuses_holds_up_no_other_and_fails_the_push(
    sandbox_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(sandbox_url).items():
        monkeypatch.setenv(name, value)
    good = wording("invoice_issued", "en")
    ours = [replace(good, name="Not Allowed"), replace(good, name="another")]
    monkeypatch.setattr(templates_command, "all_wordings", lambda: ours)
    assert await asyncio.to_thread(templates_command.main, ["push"]) == 1
    refused, created = capsys.readouterr().out.splitlines()
    assert refused.startswith("Not Allowed en UTILITY: refused: 131009 ")
    assert created == "another en UTILITY: created, APPROVED"


async def test_without_an_answer_nothing_is_pushed(sandbox_url: str) -> None:
    code, lines, complaint = await command(sandbox_url, "push", WHATSAPP_ACCESS_TOKEN="another")
    assert (code, lines) == (1, [])
    assert "cannot be listed: 190" in complaint
    code, lines, complaint = await command("http://127.0.0.1:9", "push")
    assert (code, lines, complaint) == (1, [], "the templates at WhatsApp cannot be listed: ConnectError\n")


async def test_what_push_needs_and_nobody_set_is_named(sandbox_url: str) -> None:
    code, _, complaint = await command(sandbox_url, "push", PUBLIC_BASE_URL="", WHATSAPP_BUSINESS_ACCOUNT_ID="")
    assert code == 78
    assert "WHATSAPP_BUSINESS_ACCOUNT_ID, PUBLIC_BASE_URL missing" in complaint
