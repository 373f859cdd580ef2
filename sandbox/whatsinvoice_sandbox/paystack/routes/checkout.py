"""The checkout page: what a payer sees after `authorization_url`, in plain HTML, and what each choice leads to.

Cards and their outcomes are Paystack's published test cards.
"""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from whatsinvoice_sandbox.pages import render
from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.refunds import ATTENTION_CARD, FAILING_CARD
from whatsinvoice_sandbox.paystack.transactions import DEFAULT_CARD, AlreadyPaid, Transaction
from whatsinvoice_sandbox.world import Here, World

router = APIRouter()
_SYMBOLS = {"NGN": "₦", "USD": "$", "GHS": "GH₵", "ZAR": "R", "KES": "KSh "}


@dataclass(frozen=True, slots=True)
class Card:
    number: str
    label: str
    outcome: str = "success"
    pin: str = ""
    otp: str = ""

    @property
    def spaced(self) -> str:
        return " ".join(self.number[start : start + 4] for start in range(0, len(self.number), 4))


CARDS = {
    card.number: card
    for card in (
        Card(DEFAULT_CARD, "succeeds"),
        Card("507850785078507812", "asks for a PIN, then succeeds", pin="1111"),
        Card("5060666666666666666", "asks for a PIN and a code, then succeeds", pin="1234", otp="123456"),
        Card("4084080000005408", "is declined", outcome="declined"),
        Card("4084080000670037", "has insufficient funds", outcome="insufficient_funds"),
        Card(FAILING_CARD, "succeeds; its refund fails"),
        Card(ATTENTION_CARD, "succeeds; its refund needs attention"),
    )
}


class Choice(BaseModel):
    """The form: a channel, and for cards a number, a PIN and a code."""

    channel: str = "card"
    card: str = ""
    pin: str = ""
    otp: str = ""


def return_url(transaction: Transaction) -> str:
    """The merchant's callback with `trxref` and `reference`, or nothing where none was given."""
    return _with_reference(transaction.callback_url, transaction.reference)


@router.get("/checkout/{access_code}", name="checkout")
async def show(access_code: str, world: Here) -> Response:
    transaction = _found(world, access_code)
    if transaction.paid_at:
        return _page(transaction, "paid", back=return_url(transaction))
    return _page(transaction, "choose", cards=list(CARDS.values()))


@router.post("/checkout/{access_code}")
async def pay(access_code: str, choice: Annotated[Choice, Form()], world: Here) -> Response:
    transaction = _found(world, access_code)
    if transaction.paid_at:
        return _leave(transaction)
    if choice.channel not in transaction.channels:
        raise PaystackError(400, f"{choice.channel} is not offered for this transaction")
    if choice.channel != "card":
        return _settle(world, transaction, "success", choice)
    card = CARDS.get(choice.card)
    if card is None:
        return _page(transaction, "choose", cards=list(CARDS.values()), problem="Choose one of the test cards.")
    if (card.pin and not choice.pin) or (card.otp and choice.pin == card.pin and not choice.otp):
        transaction.act("ongoing", "card")
        return _page(transaction, "authorize", card=card, pin=choice.pin)
    proven = choice.pin == card.pin and choice.otp == card.otp
    return _settle(world, transaction, card.outcome if proven else "declined", choice)


@router.post("/checkout/{access_code}/cancel")
async def cancel(access_code: str, world: Here) -> Response:
    transaction = _found(world, access_code)
    if not transaction.paid_at:
        transaction.act("abandoned", transaction.channel)
    target = _with_reference(transaction.cancel_url, transaction.reference)
    return RedirectResponse(target, 303) if target else _page(transaction, "cancelled")


def _settle(world: World, transaction: Transaction, outcome: str, choice: Choice) -> Response:
    try:
        world.payer_acts(transaction, outcome, choice.channel, card_number=choice.card)
    except AlreadyPaid:
        return _leave(transaction)
    if outcome == "success":
        return _leave(transaction)
    return _page(
        transaction, "choose", cards=list(CARDS.values()), problem=f"{transaction.gateway_response}. Try again."
    )


def _leave(transaction: Transaction) -> Response:
    target = return_url(transaction)
    return RedirectResponse(target, 303) if target else _page(transaction, "paid", back="")


def _with_reference(url: str, reference: str) -> str:
    if not url:
        return ""
    parts = urlsplit(url)
    added = urlencode({"trxref": reference, "reference": reference})
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _found(world: World, access_code: str) -> Transaction:
    transaction = world.transactions.by_access_code(access_code)
    if transaction is None:
        raise PaystackError(404, "Entity not found")
    return transaction


def _page(transaction: Transaction, step: str, **details: object) -> HTMLResponse:
    symbol = _SYMBOLS.get(transaction.currency, f"{transaction.currency} ")
    amount = f"{symbol}{transaction.requested // 100:,}.{transaction.requested % 100:02d}"
    return HTMLResponse(render("checkout.html", transaction=transaction, amount=amount, step=step, **details))
