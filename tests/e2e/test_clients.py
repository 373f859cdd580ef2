"""The public API by its generated clients: from registering to the receipt in Python, and the TypeScript example."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from support.root import ROOT
from whatsinvoice_client.api.customers import create_customer
from whatsinvoice_client.api.invoices import create_invoice, get_invoice, get_invoice_pdf, issue_invoice
from whatsinvoice_client.api.payments import list_payments
from whatsinvoice_client.api.public import get_receipt_pdf, pay_page, receipt_page
from whatsinvoice_client.models import CustomerIn, InvoiceIn, InvoiceOut, LineIn, Problem
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_local.demo.api import body_of
from whatsinvoice_local.demo.story import AMOUNT_MINOR, Story, fresh_phone
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

EXAMPLE = ROOT / "clients" / "typescript" / "dist" / "example" / "issue-invoice.js"
REGISTERED_WITHIN = 90.0
"""Seconds: registrations are limited per minute, and others have just registered."""
PAID_WITHIN = 20.0


@pytest.fixture(scope="module")
def ada(stack: Stack) -> Iterator[Story]:
    """A merchant who has registered, proven her phone and logged in: by the client, as all that a story does."""
    env = stack.state.env
    story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], stack.state.folder)
    for step in (story.register, story.receive_code, story.log_in):
        story.deadline = time.monotonic() + REGISTERED_WITHIN
        step()
    yield story
    story.close()


@pytest.fixture(scope="module")
def draft(ada: Story) -> InvoiceOut:
    """For a Jane of her own: what other tests' Jane receives late must not be this."""
    jane = body_of(create_customer.sync(client=ada.gateway, body=CustomerIn("Jane Okafor", phone=fresh_phone())))
    lines = [LineIn("Logo design", 5_000_000), LineIn("Hosting, a month", 1_250_000, quantity="2")]
    return body_of(create_invoice.sync(client=ada.gateway, body=InvoiceIn(lines, customer_id=jane.id, terms_days=7)))


def test_an_invoice_walks_from_draft_to_receipt(ada: Story, draft: InvoiceOut) -> None:
    assert (draft.status, draft.number, draft.total_minor) == ("draft", None, AMOUNT_MINOR)
    key = new_id("key")
    issued = body_of(issue_invoice.sync(draft.id, client=ada.gateway, idempotency_key=key))
    again = body_of(issue_invoice.sync(draft.id, client=ada.gateway, idempotency_key=key))
    assert (issued.status, again) == ("open", issued)
    assert body_of(get_invoice_pdf.sync(draft.id, client=ada.gateway)).payload.read(5) == b"%PDF-"

    ada.invoice_id, ada.number, ada.pay_url = issued.id, str(issued.number), str(issued.public_url)
    ada.deadline = time.monotonic() + PAID_WITHIN
    for step in (ada.open_pay_page, ada.pay, ada.see_it_paid):
        step()
    (payment,) = body_of(list_payments.sync(client=ada.gateway)).data
    assert (payment.invoice_id, payment.amount_minor, payment.status) == (issued.id, AMOUNT_MINOR, "succeeded")

    link = re.search(r"/r/([\w-]+)", str(pay_page.sync(_token(ada.pay_url), client=ada.visitor)))
    assert link, "the pay page of a paid invoice leads to its receipt"
    assert ada.number in str(receipt_page.sync(link[1], client=ada.visitor))
    assert body_of(get_receipt_pdf.sync(link[1], client=ada.visitor)).payload.read(5) == b"%PDF-"


def test_what_is_not_there_is_a_problem(ada: Story) -> None:
    answer = get_invoice.sync_detailed(new_id("inv"), client=ada.gateway)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert isinstance(answer.parsed, Problem)
    assert (answer.parsed.status, answer.parsed.code) == (404, "INVOICE_NOT_FOUND")
    assert answer.parsed.request_id == answer.headers["x-request-id"]


def test_a_wrong_field_is_a_problem_that_names_it(ada: Story) -> None:
    wrong = InvoiceIn([LineIn("Logo design", 100), LineIn("Hosting", -1)], customer=CustomerIn("Jane Okafor"))
    problem = create_invoice.sync(client=ada.gateway, body=wrong)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (422, "REQUEST_INVALID")
    assert [error.field for error in problem.errors] == ["lines[1].unit_price_minor"]


def test_the_typescript_example_issues_an_invoice(ada: Story, stack: Stack) -> None:
    assert EXAMPLE.is_file(), "run `make clients`"
    environment = {
        "WHATSINVOICE_URL": stack.state.env["GATEWAY_URL"],
        "WHATSINVOICE_PHONE": ada.merchant.number,
        "WHATSINVOICE_PASSWORD": ada.password,
    }
    node = Path(sys.executable).with_name("node")
    done = subprocess.run([node, EXAMPLE], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    issued, problem = done.stdout.splitlines()
    number, total, currency, pay_link = issued.split()
    assert (total, currency) == ("8062500", "NGN")
    assert number in httpx.get(pay_link, trust_env=False).text
    assert problem.split()[:2] == ["404", "INVOICE_NOT_FOUND"]


def _token(url: str) -> str:
    return url.rpartition("/")[2]
