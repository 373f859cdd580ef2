"""What tests of surprises do: enter and undo payments, ask for the ways to pay, look at the events that left."""

from typing import Any

from support.payments.stage import Stage
from whatsinvoice.payments.v1 import payments_pb2 as pb


async def record(stage: Stage, token: str, key: str = "", **given: Any) -> pb.Payment:
    invoice_id = given.pop("invoice_id", stage.invoices.by_token[token].invoice_id)
    request = pb.RecordPaymentRequest(invoice_id=invoice_id, **({"method": "cash"} | given))
    metadata = (*stage.as_merchant(token), ("idempotency-key", key)) if key else stage.as_merchant(token)
    payment: pb.Payment = (await stage.stub.RecordPayment(request, metadata=metadata)).payment
    return payment


async def undo(stage: Stage, token: str, payment_id: str, reason: str = "typed twice", key: str = "") -> pb.Payment:
    request = pb.UndoPaymentRequest(payment_id=payment_id, reason=reason)
    metadata = (*stage.as_merchant(token), ("idempotency-key", key)) if key else stage.as_merchant(token)
    payment: pb.Payment = (await stage.stub.UndoPayment(request, metadata=metadata)).payment
    return payment


async def options(stage: Stage, token: str, reference: str = "") -> pb.GetPaymentOptionsResponse:
    request = pb.GetPaymentOptionsRequest(token=token, reference=reference)
    return await stage.stub.GetPaymentOptions(request, metadata=stage.as_gateway)


async def start_transfer(stage: Stage, token: str) -> pb.StartTransferResponse:
    return await stage.stub.StartTransfer(pb.StartTransferRequest(token=token), metadata=stage.as_gateway)


async def events_of(stage: Stage, token: str, kind: type[Any]) -> list[Any]:
    return [event for event in await stage.told(token) if isinstance(event, kind)]
