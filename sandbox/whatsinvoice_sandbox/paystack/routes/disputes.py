"""Disputes: list, fetch, update, evidence, answer; and the storage that takes the merchant's files."""

from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from whatsinvoice_sandbox.paystack.disputes import Dispute
from whatsinvoice_sandbox.paystack.errors import PaystackError
from whatsinvoice_sandbox.paystack.paging import DatedQuery, page_of
from whatsinvoice_sandbox.paystack.requests import positive_amount, read_fields, required
from whatsinvoice_sandbox.paystack.shapes.disputes import dispute_view, evidence_view, of_transaction, resolved
from whatsinvoice_sandbox.world import Here

from . import keyed_router

router = keyed_router()
storage = APIRouter()
_EVIDENCE = ("customer_email", "customer_name", "customer_phone", "service_details")
_MOST_BYTES = 10 * 1024 * 1024


class DisputeQuery(DatedQuery):
    status: str = ""
    transaction: str = ""

    def selects(self, dispute: Dispute) -> bool:
        of = dispute.transaction
        return all(
            (
                not self.status or self.status == dispute.status,
                not self.transaction or self.transaction in {str(of.id), of.reference},
                self.covers(dispute.created_at),
            )
        )


def _found(dispute_id: int, world: Here) -> Dispute:
    dispute = world.disputes.find(dispute_id)
    if dispute is None:
        raise PaystackError(404, "Dispute not found", "not_found", "Use the id of a dispute of this integration")
    return dispute


TheDispute = Annotated[Dispute, Depends(_found)]


@router.get("/dispute", name="dispute_list")
async def list_disputes(query: Annotated[DisputeQuery, Query()], world: Here) -> dict[str, Any]:
    page, meta = page_of([dispute for dispute in world.disputes.newest_first() if query.selects(dispute)], query)
    data = [dispute_view(dispute) for dispute in page]
    return {"status": True, "message": "Disputes retrieved", "data": data, "meta": meta}


@router.get("/dispute/{dispute_id}", name="dispute_fetch")
async def fetch(dispute: TheDispute) -> dict[str, Any]:
    return {"status": True, "message": "Dispute retrieved", "data": dispute_view(dispute)}


@router.get("/dispute/transaction/{transaction_id}", name="dispute_of_transaction")
async def fetch_by_transaction(transaction_id: int, world: Here) -> dict[str, Any]:
    transaction = world.transactions.by_id(transaction_id)
    dispute = world.disputes.of_transaction(transaction) if transaction else None
    if dispute is None:
        raise PaystackError(404, "Dispute not found", "not_found", "Use the id of a disputed transaction")
    return {"status": True, "message": "Dispute retrieved successfully", "data": of_transaction(dispute)}


@router.put("/dispute/{dispute_id}", name="dispute_update")
async def update(dispute: TheDispute, request: Request, world: Here) -> dict[str, Any]:
    fields = await read_fields(request)
    required(fields, "refund_amount")
    _still_open(dispute)
    amount, name = _offered(dispute, fields["refund_amount"]), fields.get("uploaded_filename")
    if name is not None:
        dispute.uploaded_filename = _uploaded(name, world.disputes.files)
    dispute.refund_amount = amount
    return {"status": True, "message": "Dispute updated successfully", "data": dispute_view(dispute)}


@router.get("/dispute/{dispute_id}/upload_url", name="dispute_upload_url")
async def upload_url(dispute: TheDispute, world: Here, upload_filename: str = "") -> dict[str, Any]:
    name, token = world.disputes.await_file(dispute, PurePosixPath(upload_filename).suffix)
    signed = f"{world.settings.public_url}/paystack/storage/{name}?signature={token}"
    return {"status": True, "message": "Upload url generated", "data": {"signedUrl": signed, "fileName": name}}


@router.post("/dispute/{dispute_id}/evidence", name="dispute_evidence")
async def add_evidence(dispute: TheDispute, request: Request, world: Here) -> dict[str, Any]:
    fields = await read_fields(request)
    required(fields, *_EVIDENCE)
    kept = {name: fields.get(name) for name in (*_EVIDENCE, "delivery_address", "delivery_date")}
    _still_open(dispute)
    evidence = world.disputes.add_evidence(dispute, kept)
    return {"status": True, "message": "Evidence created", "data": evidence_view(dispute, evidence)}


@router.put("/dispute/{dispute_id}/resolve", name="dispute_resolve")
async def resolve(dispute: TheDispute, request: Request, world: Here) -> dict[str, Any]:
    fields = await read_fields(request)
    required(fields, "resolution", "message", "refund_amount")
    _still_open(dispute)
    if fields["resolution"] == "merchant-accepted":
        amount = _offered(dispute, fields["refund_amount"])
        said = world.disputes.accept(dispute, amount, str(fields["message"]))
    elif fields["resolution"] == "declined":
        required(fields, "uploaded_filename")
        evidence = fields.get("evidence")
        if evidence is not None and (dispute.evidence is None or str(dispute.evidence.id) != str(evidence)):
            raise PaystackError(400, "Evidence not found", "invalid_params", "Send the id of the dispute's evidence")
        name = _uploaded(fields["uploaded_filename"], world.disputes.files)
        said = world.disputes.decline(dispute, str(fields["message"]), name)
    else:
        next_step = "Use merchant-accepted or declined"
        raise PaystackError(400, "Invalid resolution", "invalid_params", next_step)
    return {"status": True, "message": "Dispute successfully resolved", "data": resolved(dispute, said)}


@storage.put("/storage/{name}")
async def put_file(name: str, request: Request, world: Here, signature: str = "") -> Response:
    """Stands for Paystack's storage: no key, the signature in the address is the permission."""
    content = await request.body()
    if len(content) > _MOST_BYTES:
        return Response("EntityTooLarge", 400)
    return Response(status_code=200 if world.disputes.put_file(name, signature, content) else 403)


def _still_open(dispute: Dispute) -> None:
    if dispute.resolved_at:
        raise PaystackError(400, "Dispute has been resolved", "dispute_resolved", "A resolved dispute cannot change")


def _offered(dispute: Dispute, given: object) -> int:
    amount = positive_amount(given)
    if amount > min(dispute.amount, dispute.transaction.left):
        message = "Refund amount cannot be more than the disputed amount that is left"
        raise PaystackError(400, message, "invalid_refund_amount", f"The dispute is about {dispute.amount}")
    return amount


def _uploaded(name: object, files: dict[str, bytes]) -> str:
    if name not in files:
        next_step = "Get an upload url, put the file there, and send its fileName"
        raise PaystackError(400, "Uploaded file not found", "invalid_params", next_step)
    return str(name)
