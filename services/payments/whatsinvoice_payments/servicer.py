"""gRPC <-> use cases, and who may call them."""

from datetime import UTC
from typing import Any

from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.identity import AccessTable, allow

from whatsinvoice_payments.domain.ledger import Balance, Entry, Span
from whatsinvoice_payments.events import STATUSES, money, payment_message, timestamp
from whatsinvoice_payments.service import books
from whatsinvoice_payments.service.checkout import CheckoutService
from whatsinvoice_payments.service.webhooks import WebhookService
from whatsinvoice_payments.servicer_banking import BANK_ACCESS, BankParts
from whatsinvoice_payments.servicer_refunds import REFUND_ACCESS, RefundParts, RefundServicer

READ = allow(scope="payments:read")
ACCESS: AccessTable = {
    **BANK_ACCESS,
    **REFUND_ACCESS,
    "StartCheckout": allow("gateway"),
    "ReceivePaystackWebhook": allow("gateway"),
    "GetPayment": READ,
    "ListPayments": READ,
    "GetBalance": READ,
    "ListLedgerEntries": READ,
    "GetStatement": READ,
}


class PaymentsServicer(RefundServicer):
    """whatsinvoice.payments.v1.PaymentsService."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        checkouts: CheckoutService,
        webhooks: WebhookService,
        banking: BankParts,
        refunding: RefundParts,
    ) -> None:
        super().__init__(unit_of_work, banking, refunding)
        self._unit_of_work = unit_of_work
        self._checkouts = checkouts
        self._webhooks = webhooks

    async def StartCheckout(self, request: pb.StartCheckoutRequest, context: Any) -> pb.StartCheckoutResponse:
        attempt = await self._checkouts.start_checkout(request.token)
        return pb.StartCheckoutResponse(authorization_url=attempt.authorization_url, reference=attempt.reference)

    async def ReceivePaystackWebhook(
        self, request: pb.ReceivePaystackWebhookRequest, context: Any
    ) -> pb.ReceivePaystackWebhookResponse:
        received = self._webhooks.read(request.body, request.signature, request.source_address)
        async with self._unit_of_work.begin() as tx:
            await self._webhooks.store(tx, received)
        return pb.ReceivePaystackWebhookResponse()

    async def GetPayment(self, request: pb.GetPaymentRequest, context: Any) -> pb.GetPaymentResponse:
        async with self._unit_of_work.read() as tx:
            payment = await books.get_payment(tx, current_call().business_id, request.payment_id)
        return pb.GetPaymentResponse(payment=payment_message(payment))

    async def ListPayments(self, request: pb.ListPaymentsRequest, context: Any) -> pb.ListPaymentsResponse:
        page = request.page
        wanted = next((status for status, value in STATUSES.items() if value == request.status), None)
        async with self._unit_of_work.read() as tx:
            payments, cursor = await books.list_payments(
                tx, current_call().business_id, request.invoice_id, wanted, page.cursor, page.limit
            )
        return pb.ListPaymentsResponse(
            payments=map(payment_message, payments), page=common_pb2.PageResponse(next_cursor=cursor)
        )

    async def GetBalance(self, request: pb.GetBalanceRequest, context: Any) -> pb.GetBalanceResponse:
        async with self._unit_of_work.read() as tx:
            balances = await books.get_balance(tx, current_call().business_id)
        return pb.GetBalanceResponse(balances=map(_balance_message, balances))

    async def ListLedgerEntries(
        self, request: pb.ListLedgerEntriesRequest, context: Any
    ) -> pb.ListLedgerEntriesResponse:
        page = request.page
        async with self._unit_of_work.read() as tx:
            entries, cursor = await books.list_ledger_entries(tx, current_call().business_id, page.cursor, page.limit)
        return pb.ListLedgerEntriesResponse(
            entries=map(_entry_message, entries), page=common_pb2.PageResponse(next_cursor=cursor)
        )

    async def GetStatement(self, request: pb.GetStatementRequest, context: Any) -> pb.GetStatementResponse:
        page = request.page
        span = Span(
            request.account,
            request.currency_code,
            request.from_time.ToDatetime(UTC) if request.HasField("from_time") else None,
            request.to_time.ToDatetime(UTC) if request.HasField("to_time") else None,
        )
        async with self._unit_of_work.snapshot() as tx:
            found, cursor = await books.get_statement(tx, current_call().business_id, span, page.cursor, page.limit)
        return pb.GetStatementResponse(
            opening=map(_balance_message, found.opening),
            closing=map(_balance_message, found.closing),
            entries=map(_entry_message, found.entries),
            page=common_pb2.PageResponse(next_cursor=cursor),
        )


def _balance_message(balance: Balance) -> pb.AccountBalance:
    return pb.AccountBalance(account=balance.account.value, balance=money(balance.currency, balance.amount_minor))


def _entry_message(entry: Entry) -> pb.LedgerEntry:
    return pb.LedgerEntry(
        id=entry.id,
        entry_set_id=entry.entry_set_id,
        account=entry.account.value,
        amount=money(entry.currency, entry.amount_minor),
        payment_id=entry.payment_id,
        invoice_id=entry.invoice_id,
        create_time=timestamp(entry.created_at),
    )
