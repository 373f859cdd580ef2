"""A sample merchant and a sample customer on the two phones, made through the public interfaces once per stack.

A newcomer who opens the two phones can tap the offered line and Send at once. Both are named as samples.
"""

import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from whatsinvoice_client.api.auth import login, register, verify_phone
from whatsinvoice_client.api.customers import create_customer
from whatsinvoice_client.errors import UnexpectedStatus
from whatsinvoice_client.models import CustomerIn, LoginIn, RegisterIn, VerifyPhoneIn

from whatsinvoice_local.demo.api import body_of, signed_in, visitor
from whatsinvoice_local.demo.failures import MismatchError
from whatsinvoice_local.demo.phone import Phone
from whatsinvoice_local.demo.story import code_in, wording_of
from whatsinvoice_local.demo.web import client
from whatsinvoice_local.state import State

MERCHANT, CUSTOMER = "+2348031234567", "+2348012345678"
"""The numbers that the two-phone page shows at first."""
FILE = "sample.json"
_SECONDS = 30.0
_PAUSE = 0.1


def ensure_sample(state: State, say: Callable[[str], None]) -> Path | None:
    """Register both unless this stack has them. Return the file with the login; say why and return None on failure."""
    file = state.folder / FILE
    if file.exists():
        return file
    try:
        login_data = _register(state.env["GATEWAY_URL"], state.env["SANDBOX_URL"])
    except (MismatchError, httpx.HTTPError, UnexpectedStatus) as error:
        say(f"the sample merchant was not made: {error}")
        return None
    file.touch(mode=0o600)
    file.write_text(f"{json.dumps(login_data, indent=1)}\n")
    return file


def _register(gateway_url: str, sandbox_url: str) -> dict[str, str]:
    password = f"Aa1{secrets.token_urlsafe(12)}"
    given = RegisterIn(MERCHANT, "Ada Obi (sample)", password, business_name="Ada Designs (sample)")
    with visitor(gateway_url) as anyone, client(sandbox_url) as sandbox:
        phone = Phone("Ada (sample)", MERCHANT, sandbox)
        before = len(phone.messages(0))
        verification = body_of(register.sync(client=anyone, body=given)).verification
        code = _code(phone, before)
        body_of(verify_phone.sync(client=anyone, body=VerifyPhoneIn(verification.id, code)))
        token = body_of(login.sync(client=anyone, body=LoginIn(MERCHANT, password))).access_token
    with signed_in(gateway_url, token) as gateway:
        body_of(create_customer.sync(client=gateway, body=CustomerIn("Jane Okafor (sample)", phone=CUSTOMER)))
    return {"merchant_phone": MERCHANT, "password": password, "customer_phone": CUSTOMER}


def _code(phone: Phone, before: int) -> str:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        for message in phone.received(before):
            if code := code_in(wording_of(message)):
                return code
        time.sleep(_PAUSE)
    raise MismatchError("no one-time code arrived on the phone")
