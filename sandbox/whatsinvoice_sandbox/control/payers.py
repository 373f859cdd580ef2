"""Controls of the payers: at a checkout, by reference, from a bank."""

from typing import Any, Literal, Self

from fastapi import APIRouter, HTTPException
from pydantic import Field, model_validator

from whatsinvoice_sandbox.paystack.fees import with_fees
from whatsinvoice_sandbox.paystack.routes.checkout import return_url
from whatsinvoice_sandbox.paystack.transactions import AlreadyPaid, Transaction, Transfer
from whatsinvoice_sandbox.paystack.transfers import NotTaken
from whatsinvoice_sandbox.world import Here, World

from .strict import Strict

router = APIRouter()


class Act(Strict):
    """`amount_minor` is what the payer pays, when it is not what was asked; `card` is the number of a test card.

    With `payer_bears_fees` the amount is what was asked and the fees.
    """

    outcome: Literal[
        "success", "declined", "abandoned", "insufficient_funds",
        "ongoing", "pending", "processing", "queued", "reversed",
    ]  # fmt: skip
    channel: Literal["card", "bank_transfer", "ussd"] = "card"
    amount_minor: int | None = Field(default=None, ge=1)
    card: str = ""
    payer_bears_fees: bool = False

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if self.payer_bears_fees and self.amount_minor is not None:
            raise ValueError("give one of amount_minor and payer_bears_fees")
        return self


@router.post("/checkouts/{access_code}")
async def checkout(access_code: str, act: Act, world: Here) -> dict[str, Any]:
    """The payer acts; the last five outcomes are states that a real payment passes through."""
    return _act(world, world.transactions.by_access_code(access_code), act)


@router.post("/charges/{reference}")
async def charge(reference: str, act: Act, world: Here) -> dict[str, Any]:
    """As for a checkout, by reference: the payer of a charge, who has no page, dials or sends."""
    return _act(world, world.transactions.by_reference(reference), act)


def _act(world: World, transaction: Transaction | None, act: Act) -> dict[str, Any]:
    if transaction is None:
        raise HTTPException(404, "no such checkout")
    amount = act.amount_minor
    if act.payer_bears_fees:
        amount = with_fees(transaction.requested, transaction.currency, act.channel)
    try:
        world.payer_acts(transaction, act.outcome, act.channel, amount, act.card)
    except AlreadyPaid as error:
        raise HTTPException(409, f"{error} is {transaction.status} and cannot become {act.outcome}") from error
    return {"reference": transaction.reference, "status": transaction.status, "callback_url": return_url(transaction)}


class Sent(Strict):
    """A bank transfer from somebody; `rejected_as` is the state in which a wrong amount leaves the transaction."""

    account_number: str
    amount_minor: int = Field(ge=1)
    sender_name: str = Field(default=Transfer().name, min_length=1)
    sender_bank: str = Field(default=Transfer().bank, min_length=1)
    sender_account: str = Field(default=Transfer().account_number, pattern=r"^\d{10}$")
    narration: str = Transfer().narration
    rejected_as: Literal["declined", "abandoned", "ongoing", "pending", "processing", "queued", "reversed"] = "pending"


@router.post("/transfers", status_code=201)
async def transfer(sent: Sent, world: Here) -> dict[str, Any]:
    """Somebody sends money to an account number: `charged`, `rejected` for a wrong amount, 409 if nobody takes it."""
    sender = Transfer(sent.sender_name, sent.sender_bank, sent.sender_account, sent.narration)
    try:
        received = world.transfers.receive(sent.account_number, sent.amount_minor, sender, sent.rejected_as)
    except NotTaken as error:
        raise HTTPException(409, str(error)) from error
    outcome = "charged" if received.charged else "rejected"
    return {"outcome": outcome, "reference": received.transaction.reference}
