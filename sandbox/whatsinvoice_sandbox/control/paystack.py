"""Controls of the money: the payer acts, refunds and disputes move, the truth is read."""

from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from whatsinvoice_sandbox.paystack.disputes import RESOLVED, AlreadyResolved
from whatsinvoice_sandbox.paystack.ledger import ledger_view
from whatsinvoice_sandbox.paystack.refunds import CannotMove
from whatsinvoice_sandbox.paystack.routes.checkout import return_url
from whatsinvoice_sandbox.paystack.shapes.disputes import dispute_view
from whatsinvoice_sandbox.paystack.shapes.refunds import listed
from whatsinvoice_sandbox.paystack.transactions import AlreadyPaid
from whatsinvoice_sandbox.world import Here

from .strict import Strict

router = APIRouter()


class Act(Strict):
    """`amount_minor` is what the payer pays, when it is not what was asked; `card` is the number of a test card."""

    outcome: Literal[
        "success", "declined", "abandoned", "insufficient_funds",
        "ongoing", "pending", "processing", "queued", "reversed",
    ]  # fmt: skip
    channel: Literal["card", "bank_transfer", "ussd"] = "card"
    amount_minor: int | None = Field(default=None, ge=1)
    card: str = ""


@router.post("/checkouts/{access_code}")
async def checkout(access_code: str, act: Act, world: Here) -> dict[str, Any]:
    """The payer acts; the last five outcomes are states that a real payment passes through."""
    transaction = world.transactions.by_access_code(access_code)
    if transaction is None:
        raise HTTPException(404, "no such checkout")
    try:
        world.payer_acts(transaction, act.outcome, act.channel, act.amount_minor, act.card)
    except AlreadyPaid as error:
        raise HTTPException(409, f"{error} is {transaction.status} and cannot become {act.outcome}") from error
    return {"reference": transaction.reference, "status": transaction.status, "callback_url": return_url(transaction)}


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
