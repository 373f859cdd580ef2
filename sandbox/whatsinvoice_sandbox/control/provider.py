"""Controls of the provider: refunds and disputes move, customers are identified."""

from datetime import timedelta
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from whatsinvoice_sandbox.paystack.disputes import RESOLVED, AlreadyResolved
from whatsinvoice_sandbox.paystack.refunds import CannotMove
from whatsinvoice_sandbox.paystack.shapes.disputes import dispute_view
from whatsinvoice_sandbox.paystack.shapes.refunds import listed
from whatsinvoice_sandbox.world import Here

from .strict import Strict

router = APIRouter()


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
