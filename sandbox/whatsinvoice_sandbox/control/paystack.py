"""Controls of the money: the payer acts, refunds and disputes move, the truth is read."""

from datetime import timedelta
from typing import Any, Literal, Self

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field, model_validator

from whatsinvoice_sandbox.paystack.disputes import RESOLVED, AlreadyResolved
from whatsinvoice_sandbox.paystack.fees import with_fees
from whatsinvoice_sandbox.paystack.ledger import ledger_view
from whatsinvoice_sandbox.paystack.refunds import CannotMove
from whatsinvoice_sandbox.paystack.routes.checkout import return_url
from whatsinvoice_sandbox.paystack.shapes.disputes import dispute_view
from whatsinvoice_sandbox.paystack.shapes.refunds import listed
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
    """A bank transfer from somebody."""

    account_number: str
    amount_minor: int = Field(ge=1)
    sender_name: str = Field(default=Transfer().name, min_length=1)
    sender_bank: str = Field(default=Transfer().bank, min_length=1)
    sender_account: str = Field(default=Transfer().account_number, pattern=r"^\d{10}$")
    narration: str = Transfer().narration


@router.post("/transfers", status_code=201)
async def transfer(sent: Sent, world: Here) -> dict[str, Any]:
    """Somebody sends money to an account number: `charged` or, for a wrong amount, `rejected`; 409 if nobody takes it."""
    sender = Transfer(sent.sender_name, sent.sender_bank, sent.sender_account, sent.narration)
    try:
        received = world.transfers.receive(sent.account_number, sent.amount_minor, sender)
    except NotTaken as error:
        raise HTTPException(409, str(error)) from error
    outcome = "charged" if received.charged else "rejected"
    return {"outcome": outcome, "reference": received.transaction.reference}


class Identification(Strict):
    """With a reason it failed."""

    customer: str
    bvn: str = "22222222222"
    reason: str = ""


@router.post("/identifications")
async def identify(identification: Identification, world: Here) -> dict[str, Any]:
    """Paystack has checked who a customer (code or e-mail address) is."""
    customer = world.customers.find(identification.customer)
    if customer is None:
        raise HTTPException(404, "no such customer")
    world.paystack_webhooks.customer_identified(customer, identification.bvn, identification.reason)
    return {"customer_code": customer.code}


@router.get("/ledger")
async def ledger(world: Here) -> dict[str, Any]:
    """All that this provider believes in, oldest first."""
    refunds, disputes = world.refunds.newest_first()[::-1], world.disputes.newest_first()[::-1]
    return ledger_view(world.transactions.paid(), refunds, disputes)


class Hold(Strict):
    hold: bool


@router.post("/refunds")
async def hold_refunds(hold: Hold, world: Here) -> dict[str, Any]:
    """Whether refunds stay where they are until somebody moves them."""
    world.refunds.hold(held=hold.hold)
    return {"hold": world.refunds.held}


class RefundMove(Strict):
    status: Literal["processing", "processed", "failed", "needs-attention"]


@router.post("/refunds/{refund_id}")
async def move_refund(refund_id: int, move: RefundMove, world: Here) -> dict[str, Any]:
    refund = world.refunds.find(refund_id)
    if refund is None:
        raise HTTPException(404, "no such refund")
    try:
        world.refunds.move(refund, move.status)
    except CannotMove as error:
        raise HTTPException(409, str(error)) from error
    return listed(refund)


class Complaint(Strict):
    """`amount_minor` is all that is left of the transaction unless given."""

    reference: str
    amount_minor: int | None = Field(default=None, ge=1)
    category: Literal["chargeback", "fraud"] = "chargeback"
    due_in_hours: float = Field(default=24.0, gt=0, le=24 * 365)


@router.post("/disputes", status_code=201)
async def open_dispute(complaint: Complaint, world: Here) -> dict[str, Any]:
    """The payer's bank disputes a charge; one at a time."""
    transaction = world.transactions.by_reference(complaint.reference)
    if transaction is None:
        raise HTTPException(404, "no such transaction")
    amount = transaction.left if complaint.amount_minor is None else complaint.amount_minor
    if transaction.status != "success" or not 0 < amount <= transaction.left:
        raise HTTPException(409, f"{transaction.reference} is {transaction.status}, {transaction.left} of it is left")
    before = world.disputes.of_transaction(transaction)
    if before and before.status != RESOLVED:
        raise HTTPException(409, f"{transaction.reference} is in dispute {before.id}")
    dispute = world.disputes.open(transaction, amount, complaint.category, timedelta(hours=complaint.due_in_hours))
    return dispute_view(dispute)


class DisputeMove(Strict):
    """Exactly one of the two: the bank decides, or Paystack reminds."""

    resolution: Literal["merchant-accepted", "declined", "auto-accepted"] | None = None
    remind: Literal[True] | None = None


@router.post("/disputes/{dispute_id}")
async def move_dispute(dispute_id: int, move: DisputeMove, world: Here) -> dict[str, Any]:
    """`auto-accepted` is what happens when the due date passes; `declined` leaves the money with the merchant."""
    dispute = world.disputes.find(dispute_id)
    if dispute is None:
        raise HTTPException(404, "no such dispute")
    if (move.resolution is None) == (move.remind is None):
        raise HTTPException(422, "give exactly one of resolution and remind")
    try:
        if move.resolution:
            world.disputes.decide(dispute, move.resolution)
        else:
            world.disputes.remind(dispute)
    except AlreadyResolved as error:
        raise HTTPException(409, str(error)) from error
    return dispute_view(dispute)


@router.get("/dispute-files/{name}")
async def dispute_file(name: str, world: Here) -> Response:
    """The bytes that the merchant uploaded as evidence."""
    if name not in world.disputes.files:
        raise HTTPException(404, "no such file")
    return Response(world.disputes.files[name], media_type="application/octet-stream")
