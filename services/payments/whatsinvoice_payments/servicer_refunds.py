"""gRPC <-> use cases of refunds, disputes and money that is held back; a part of the one servicer."""

from dataclasses import dataclass
from typing import Any

from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.identity import AccessTable, allow

from whatsinvoice_payments.domain.refund import KeyLimit
from whatsinvoice_payments.events import dispute_message, payment_message, refund_message
from whatsinvoice_payments.service import disputes, refunds
from whatsinvoice_payments.service.disputes import DisputeService
from whatsinvoice_payments.service.quarantine import QuarantineService
from whatsinvoice_payments.service.refunds import RefundService
from whatsinvoice_payments.servicer_banking import BankParts, BankServicer

READ, WRITE = allow(scope="payments:read"), allow(scope="payments:write")
REFUND_ACCESS: AccessTable = {
    "CreateRefund": allow(scope="refunds:write", fresh=True, keys=True),
    "GetRefund": READ,
    "ListRefunds": READ,
    "RetryRefund": allow(scope="refunds:write", fresh=True),
    "ListDisputes": READ,
    "GetDispute": READ,
    "AcceptDispute": WRITE,
    "ContestDispute": WRITE,
    "GetDisputeEvidence": READ,
    "ReleasePayment": WRITE,
}


@dataclass(frozen=True, slots=True)
class RefundParts:
    """The use cases of this part."""

    refunds: RefundService
    disputes: DisputeService
    quarantine: QuarantineService


class RefundServicer(BankServicer):
    """What PaymentsServicer inherits."""

    def __init__(self, unit_of_work: UnitOfWork, banking: BankParts, parts: RefundParts) -> None:
        super().__init__(unit_of_work, banking)
        self._refunds = parts.refunds
        self._disputes = parts.disputes
        self._quarantine = parts.quarantine

    async def CreateRefund(self, request: pb.CreateRefundRequest, context: Any) -> pb.CreateRefundResponse:
        business_id = current_call().business_id

        async def work(tx: Transaction) -> pb.CreateRefundResponse:
            await self._daily.take(tx, business_id)
            wanted = request.payment_id, request.amount_minor, request.reason
            made = await refunds.create_refund(tx, business_id, *wanted, reopen=request.reopen, by=_key_limit())
            return pb.CreateRefundResponse(refund=refund_message(made))

        return await self._idempotency.once(request, pb.CreateRefundResponse, work)

    async def GetRefund(self, request: pb.GetRefundRequest, context: Any) -> pb.GetRefundResponse:
        async with self._rows.read() as tx:
            found = await refunds.get_refund(tx, current_call().business_id, request.refund_id)
        return pb.GetRefundResponse(refund=refund_message(found))

    async def ListRefunds(self, request: pb.ListRefundsRequest, context: Any) -> pb.ListRefundsResponse:
        page = request.page
        async with self._rows.read() as tx:
            found, cursor = await refunds.list_refunds(
                tx, current_call().business_id, request.payment_id, page.cursor, page.limit
            )
        return pb.ListRefundsResponse(
            refunds=map(refund_message, found), page=common_pb2.PageResponse(next_cursor=cursor)
        )

    async def RetryRefund(self, request: pb.RetryRefundRequest, context: Any) -> pb.RetryRefundResponse:
        business_id = current_call().business_id

        async def act() -> pb.RetryRefundResponse:
            retried = await self._refunds.retry_refund(
                business_id, request.refund_id, request.bank_code, request.account_number
            )
            return pb.RetryRefundResponse(refund=refund_message(retried))

        return await self._idempotency.around(request, pb.RetryRefundResponse, act)

    async def ListDisputes(self, request: pb.ListDisputesRequest, context: Any) -> pb.ListDisputesResponse:
        page = request.page
        async with self._rows.read() as tx:
            found, cursor = await disputes.list_disputes(tx, current_call().business_id, page.cursor, page.limit)
        return pb.ListDisputesResponse(
            disputes=map(dispute_message, found), page=common_pb2.PageResponse(next_cursor=cursor)
        )

    async def GetDispute(self, request: pb.GetDisputeRequest, context: Any) -> pb.GetDisputeResponse:
        async with self._rows.read() as tx:
            found = await disputes.get_dispute(tx, current_call().business_id, request.dispute_id)
        return pb.GetDisputeResponse(dispute=dispute_message(found))

    async def AcceptDispute(self, request: pb.AcceptDisputeRequest, context: Any) -> pb.AcceptDisputeResponse:
        business_id = current_call().business_id

        async def act() -> pb.AcceptDisputeResponse:
            found = await self._disputes.accept_dispute(business_id, request.dispute_id)
            return pb.AcceptDisputeResponse(dispute=dispute_message(found))

        return await self._idempotency.around(request, pb.AcceptDisputeResponse, act)

    async def ContestDispute(self, request: pb.ContestDisputeRequest, context: Any) -> pb.ContestDisputeResponse:
        business_id = current_call().business_id

        async def act() -> pb.ContestDisputeResponse:
            found = await self._disputes.contest_dispute(business_id, request.dispute_id, request.message)
            return pb.ContestDisputeResponse(dispute=dispute_message(found))

        return await self._idempotency.around(request, pb.ContestDisputeResponse, act)

    async def GetDisputeEvidence(
        self, request: pb.GetDisputeEvidenceRequest, context: Any
    ) -> pb.GetDisputeEvidenceResponse:
        business_id = current_call().business_id
        content, file_name = await self._disputes.get_dispute_evidence(business_id, request.dispute_id)
        return pb.GetDisputeEvidenceResponse(content=content, file_name=file_name)

    async def ReleasePayment(self, request: pb.ReleasePaymentRequest, context: Any) -> pb.ReleasePaymentResponse:
        business_id = current_call().business_id

        async def act() -> pb.ReleasePaymentResponse:
            async with self._rows.begin() as tx:
                await self._daily.take(tx, business_id)
            payment = await self._quarantine.release_payment(business_id, request.payment_id)
            return pb.ReleasePaymentResponse(payment=payment_message(payment))

        return await self._idempotency.around(request, pb.ReleasePaymentResponse, act)


def _key_limit() -> KeyLimit | None:
    """Return the limit of the calling API key; None for a person."""
    identity = current_call().identity
    if identity is None or not identity.by_api_key:
        return None
    return KeyLimit(identity.session_id, identity.daily_refund_minor)
