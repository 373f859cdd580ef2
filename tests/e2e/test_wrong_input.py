"""Wrong input through the front door, on the whole stack: refused aloud, and nothing happens."""

import hashlib
import hmac
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from psycopg import sql
from whatsinvoice_local.demo.phone import button
from whatsinvoice_local.demo.story import LINE, Story
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

BODY = b'{"event":"charge.success","data":{"id":302961,"reference":"01h.1","amount":10000,"currency":"NGN"}}'
PATIENCE = 20.0
REGISTERED_WITHIN = 90.0
"""Seconds: registrations are limited per minute, and others have just registered."""


@pytest.fixture(scope="module")
def story(stack: Stack) -> Iterator[Story]:
    """A merchant who has registered, proven her phone and logged in."""
    env = stack.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], stack.state.folder)
    for step in (story.register, story.receive_code, story.log_in):
        story.deadline = time.monotonic() + REGISTERED_WITHIN
        step()
    yield story
    story.close()


def _texts(story: Story, after: int) -> list[str]:
    return [str(message.get("text", "")) for message in story.merchant.received(after)]


def _answer_to(story: Story, text: str) -> list[str]:
    """What the bot says to a line."""
    before = len(story.merchant.messages(0))
    story.merchant.write(text)
    return _hears(story, before)


def _hears(story: Story, after: int, count: int = 1) -> list[str]:
    deadline = time.monotonic() + PATIENCE
    while len(found := _texts(story, after)) < count:
        assert time.monotonic() < deadline, f"the bot is silent: {found}"
        time.sleep(0.05)
    return found


def _rows(stack: Stack, service: str, table: str) -> int:
    with psycopg.connect(stack.state.env[f"{service.upper()}_DATABASE_URL"]) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(service, table))
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize(
    ("path", "header", "secret", "algorithm", "service", "table"),
    [
        ("paystack", "x-paystack-signature", "PAYSTACK_SECRET_KEY", "sha512", "payments", "webhookevent"),
        ("whatsapp", "x-hub-signature-256", "WHATSAPP_APP_SECRET", "sha256", "notifications", "inbound_messages"),
    ],
)
def test_a_webhook_that_is_not_signed_for_these_bytes_is_401_and_leaves_no_row(
    stack: Stack, path: str, header: str, secret: str, algorithm: str, service: str, table: str
) -> None:
    env = stack.state.env
    right = hmac.new(env[secret].encode(), BODY, algorithm).hexdigest()
    prefix = "sha256=" if path == "whatsapp" else ""
    flipped = BODY.replace(b"10000", b"10001")
    before = _rows(stack, service, table)
    with httpx.Client(base_url=env["GATEWAY_URL"], trust_env=False) as client:
        for body, signature in (
            (BODY, None),
            (BODY, ""),
            (BODY, prefix + hashlib.new(algorithm, BODY).hexdigest()),
            (flipped, prefix + right),
            (BODY + b" ", prefix + right),
        ):
            headers = {} if signature is None else {header: signature}
            answer = client.post(f"/webhooks/{path}", content=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "SIGNATURE_INVALID")
    assert _rows(stack, service, table) == before


def test_a_line_that_is_not_understood_gets_help(story: Story) -> None:
    answer = _answer_to(story, "the weather is nice in Lagos today")
    assert "Invoice Jane" in answer[0]


def test_a_second_send_issues_nothing_twice(story: Story) -> None:
    before = len(story.merchant.messages(0))
    story.merchant.write(LINE)
    _hears(story, before)
    send = next(found for message in story.merchant.received(before) if (found := button(message, "Send")))
    tapped = len(story.merchant.messages(0))
    story.merchant.tap(send)
    _hears(story, tapped)
    again = len(story.merchant.messages(0))
    story.merchant.tap(send)
    answers = _hears(story, again)
    assert "already" in answers[0]
    listed = story.gateway.get("/v1/invoices").json()["data"]
    assert [invoice["number"] for invoice in listed] == ["INV-000001"]
