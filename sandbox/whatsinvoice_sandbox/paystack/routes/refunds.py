"""Refunds. None has a reference of the merchant's: the same call twice refunds twice, if so much is left."""

from typing import Annotated, Any

from fastapi import Query, Request

from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.paging import DatedQuery, page_of
from whatsinvoice_sandbox.paystack.refunds import Refund
from whatsinvoice_sandbox.paystack.requests import positive_amount, read_fields, required
from whatsinvoice_sandbox.paystack.shapes.refunds import listed, queued, retried
from whatsinvoice_sandbox.paystack.transactions import Transaction
from whatsinvoice_sandbox.world import Here, World

from . import keyed_router

router = keyed_router()


class RefundQuery(DatedQuery):
    transaction: str = ""
    currency: str = ""

    def selects(self, refund: Refund) -> bool:
        return all(
            (
                not self.transaction or self.transaction in {str(refund.transaction.id), refund.transaction.reference},
                not self.currency or self.currency == refund.currency,
                self.covers(refund.created_at),
            )
        )


@router.post("/refund", name="refund_create")
async def create(request: Request, world: Here) -> dict[str, Any]:
    fields = await read_fields(request)
    required(fields, "transaction")
    transaction = _refundable(world, str(fields["transaction"]))
    amount = transaction.left if fields.get("amount") in (None, "") else positive_amount(fields["amount"])
    if amount > transaction.left:
        next_step = f"Refund at most {transaction.left}, which is what is left of the transaction"
        message = "Refund amount cannot be more than the transaction amount that is left"
        raise PaystackError(400, message, "invalid_refund_amount", next_step)
    if fields.get("currency") not in (None, "", transaction.currency):
        next_step = f"Refund in {transaction.currency}, the currency of the transaction"
        raise PaystackError(400, "Currency does not match the transaction", "invalid_params", next_step)
    default_note = f"Refund for transaction {transaction.reference}"
    customer_note, merchant_note = (
        default_note if fields.get(name) is None else str(fields[name]) for name in ("customer_note", "merchant_note")
    )
    refund = world.refunds.add(transaction, amount, customer_note, merchant_note)
    return {"status": True, "message": "Refund has been queued for processing", "data": queued(refund)}


@router.get("/refund", name="refund_list")
async def list_refunds(query: Annotated[RefundQuery, Query()], world: Here) -> dict[str, Any]:
    chosen = [refund for refund in world.refunds.newest_first() if query.selects(refund)]
    page, meta = page_of(chosen, query)
    failed = sum(refund.status == "failed" for refund in chosen)
    return {
        "status": True,
        "message": "Refunds retrieved",
        "data": [listed(refund) for refund in page],
        "meta": meta | {"perPage": str(query.per_page), "failedRefundCount": failed},
    }


@router.get("/refund/{refund_id}", name="refund_fetch")
async def fetch(refund_id: int, world: Here) -> dict[str, Any]:
    return {"status": True, "message": "Refund retrieved", "data": listed(_found(world, refund_id))}


@router.post("/refund/retry_with_customer_details/{refund_id}", name="refund_retry")
async def retry(refund_id: int, request: Request, world: Here) -> dict[str, Any]:
    refund = _found(world, refund_id)
    account = (await read_fields(request)).get("refund_account_details")
    required(account if isinstance(account, dict) else {}, "currency", "account_number", "bank_id")
    if refund.status != "needs-attention":
        next_step = "Retry only refunds whose status is needs-attention"
        raise PaystackError(400, f"Refund is {refund.status} and cannot be retried", "invalid_params", next_step)
    refund.has_account = True
    world.refunds.move(refund, "processing")
    message = "Refund retried and has been queued for processing"
    return {"status": True, "message": message, "data": retried(refund)}


def _refundable(world: World, reference_or_id: str) -> Transaction:
    transaction = world.transactions.find(reference_or_id)
    if transaction is None:
        next_step = "Send the reference or the id of a transaction that exists on this integration"
        raise PaystackError(404, "Transaction not found", "transaction_not_found", next_step)
    if transaction.status == "reversed" or (transaction.status == "success" and transaction.left <= 0):
        raise PaystackError(
            400, "Transaction has been fully reversed", "transaction_reversed", "There is nothing left to refund"
        )
    if transaction.status != "success":
        raise PaystackError(
            400, "Transaction has not been paid", "transaction_not_successful", "Refund only paid transactions"
        )
    return transaction


def _found(world: World, refund_id: int) -> Refund:
    refund = world.refunds.find(refund_id)
    if refund is None:
        raise PaystackError(404, "Refund not found", "not_found", "Use the id of a refund of this integration")
    return refund
