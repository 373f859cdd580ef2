"""Voids, transfers that are said to be sent, and what payments may ask for."""

from typing import Any

import grpc
import pytest
from sqlalchemy import text
from support.builders import a_payment_succeeded, an_invoice
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer, publish, reason_of
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice_kit.runtime import Process

STREAM = "whatsinvoice.payments.v1"


async def issued(invoices: InvoicesServiceStub, merchant: Any, **changes: Any) -> pb.Invoice:
    answer = await invoices.CreateInvoice(an_invoice(issue=True, **changes), metadata=merchant.metadata)
    invoice: pb.Invoice = answer.invoice
    return invoice


async def reread(invoices: InvoicesServiceStub, merchant: Any, invoice_id: str) -> pb.Invoice:
    answer = await invoices.GetInvoice(pb.GetInvoiceRequest(invoice_id=invoice_id), metadata=merchant.metadata)
    invoice: pb.Invoice = answer.invoice
    return invoice


def token_of(invoice: pb.Invoice) -> str:
    return invoice.public_url.rpartition("/")[2]


async def published(process: Process[Any], invoice_id: str) -> list[str]:
    """The types of what the outbox tells of one invoice."""
    query = text("SELECT event_type, payload FROM invoices.outbox ORDER BY sequence")
    async with process.unit_of_work.begin() as tx:
        return [row.event_type for row in await tx.execute(query) if invoice_id.encode() in row.payload]


async def test_a_void_invoice_takes_money_as_credit_and_nothing_else(
    invoices: InvoicesServiceStub, merchant: Any, process: Process[Any], redis_url: str
) -> None:
    invoice = await issued(invoices, merchant)
    request = pb.VoidInvoiceRequest(invoice_id=invoice.id)
    void = (await invoices.VoidInvoice(request, metadata=merchant.metadata)).invoice
    assert (void.status, void.number) == (pb.INVOICE_STATUS_VOID, invoice.number)
    with pytest.raises(grpc.aio.AioRpcError) as again:
        await invoices.VoidInvoice(request, metadata=merchant.metadata)
    assert reason_of(again.value) == "INVOICE_NOT_VOIDABLE"
    await publish(redis_url, STREAM, a_payment_succeeded(merchant.business_id, invoice.id, 7_500_000))

    async def kept() -> int:
        query = text("SELECT credit_minor FROM invoices.receipts WHERE invoice_id = :id")
        async with process.unit_of_work.begin() as tx:
            return (await tx.execute(query, {"id": invoice.id})).scalar_one_or_none() or 0

    await eventually(kept)
    assert await kept() == 7_500_000
    found = await reread(invoices, merchant, invoice.id)
    assert (found.status, found.amount_paid_minor) == (pb.INVOICE_STATUS_VOID, 0)
    assert await published(process, invoice.id) == ["InvoiceIssued", "InvoiceVoided", "InvoicePaymentRecorded"]


async def test_a_draft_is_deleted_and_not_voided(invoices: InvoicesServiceStub, merchant: Any) -> None:
    draft = (await invoices.CreateInvoice(an_invoice(), metadata=merchant.metadata)).invoice
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await invoices.VoidInvoice(pb.VoidInvoiceRequest(invoice_id=draft.id), metadata=merchant.metadata)
    assert reason_of(refused.value) == "INVOICE_NOT_VOIDABLE"


async def test_a_claim_is_told_once_rejected_and_ended_by_a_payment(
    invoices: InvoicesServiceStub, merchant: Any, process: Process[Any], redis_url: str, keyring: Keyring
) -> None:
    invoice = await issued(invoices, merchant)
    gateway = bearer(keyring.service_token("gateway", "invoices"))
    claim = pb.ClaimTransferRequest(token=token_of(invoice))
    reject = pb.RejectTransferRequest(invoice_id=invoice.id)
    with pytest.raises(grpc.aio.AioRpcError) as nothing:
        await invoices.RejectTransfer(reject, metadata=merchant.metadata)
    assert reason_of(nothing.value) == "TRANSFER_NOT_CLAIMED"
    first = (await invoices.ClaimTransfer(claim, metadata=gateway)).invoice
    assert first.HasField("transfer_claim_time")
    assert first.customer.phone == ""
    assert (await invoices.ClaimTransfer(claim, metadata=gateway)).invoice == first
    assert (await published(process, invoice.id)).count("TransferClaimed") == 1
    rejected = (await invoices.RejectTransfer(reject, metadata=merchant.metadata)).invoice
    assert not rejected.HasField("transfer_claim_time")
    await invoices.ClaimTransfer(claim, metadata=gateway)
    await publish(redis_url, STREAM, a_payment_succeeded(merchant.business_id, invoice.id, 7_500_000))

    async def paid() -> bool:
        return (await reread(invoices, merchant, invoice.id)).status == pb.INVOICE_STATUS_PAID

    await eventually(paid)
    assert not (await reread(invoices, merchant, invoice.id)).HasField("transfer_claim_time")
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await invoices.ClaimTransfer(claim, metadata=gateway)
    assert reason_of(late.value) == "INVOICE_NOT_PAYABLE"


async def test_payments_asks_for_an_invoice_or_a_customer_of_the_business_it_acts_for(
    invoices: InvoicesServiceStub, merchant: Any, other_merchant: Any, keyring: Keyring, redis_url: str
) -> None:
    acting = bearer(keyring.service_token("payments", "invoices", merchant.business_id))
    first = await issued(invoices, merchant)
    second = await issued(invoices, merchant)
    customer_id = first.customer.id
    payable = await invoices.GetPayable(pb.GetPayableRequest(invoice_id=second.id), metadata=acting)
    assert (payable.invoice_id, payable.customer_id, payable.customer_name, payable.business_name) == (
        second.id,
        customer_id,
        "Jane Okafor",
        "Ada Designs",
    )
    assert payable.country_code == "NG"
    request = pb.GetPayableRequest(customer_id=customer_id)
    assert (await invoices.GetPayable(request, metadata=acting)).invoice_id == first.id, "the oldest"
    await publish(redis_url, STREAM, a_payment_succeeded(merchant.business_id, first.id, 7_500_000))

    async def next_one() -> bool:
        return bool((await invoices.GetPayable(request, metadata=acting)).invoice_id == second.id)

    await eventually(next_one)
    await invoices.VoidInvoice(pb.VoidInvoiceRequest(invoice_id=second.id), metadata=merchant.metadata)
    assert (await invoices.GetPayable(request, metadata=acting)).status == pb.INVOICE_STATUS_VOID, "the latest issued"
    stranger = bearer(keyring.service_token("payments", "invoices", other_merchant.business_id))
    for asked in (request, pb.GetPayableRequest(invoice_id=first.id)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await invoices.GetPayable(asked, metadata=stranger)
        assert reason_of(refused.value) == "INVOICE_NOT_FOUND"
