"""gRPC <-> use cases of manual money, transfers, banks and payout accounts; a part of the one servicer."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from whatsinvoice.payments.v1 import payments_pb2 as pb
from whatsinvoice.payments.v1 import payments_pb2_grpc
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.data.idempotency import Idempotency
from whatsinvoice_kit.data.unit_of_work import Transaction, UnitOfWork
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.identity import AccessTable, allow

from whatsinvoice_payments.clients import Invoices
from whatsinvoice_payments.domain.manual import MoneyTaken
from whatsinvoice_payments.domain.payout import Payout
from whatsinvoice_payments.events import bank_account_message, money, options_message, payment_message, timestamp
from whatsinvoice_payments.service import manual_payments, payouts
from whatsinvoice_payments.service.banks import BanksService
from whatsinvoice_payments.service.options import PaymentOptionsService
from whatsinvoice_payments.service.payouts import PayoutService
from whatsinvoice_payments.service.transfers import TransferService
from whatsinvoice_payments.service.virtual_accounts import VirtualAccountService

BANK_ACCESS: AccessTable = {
    "RecordPayment": allow(scope="payments:write"),
    "UndoPayment": allow(scope="payments:write"),
    "GetPaymentOptions": allow("gateway"),
    "StartTransfer": allow("gateway"),
    "CreateVirtualAccount": allow(scope="payments:write"),
    "ListBanks": allow(scope="business:read"),
    "GetPayoutAccount": allow(scope="business:read"),
    "SetPayoutAccount": allow(scope="payout:write", fresh=True),
}


@dataclass(frozen=True, slots=True)
class BankParts:
    """The use cases of this part."""

    idempotency: Idempotency
    daily: DailyLimit
    """On what writes to the phone of a customer."""
    invoices: Invoices
    options: PaymentOptionsService
    transfers: TransferService
    virtual_accounts: VirtualAccountService
    banks: BanksService
    payouts: PayoutService


class BankServicer(payments_pb2_grpc.PaymentsServiceServicer):
    """What RefundServicer, and so PaymentsServicer, inherits."""

    def __init__(self, unit_of_work: UnitOfWork, parts: BankParts) -> None:
        self._rows = unit_of_work
        self._idempotency = parts.idempotency
        self._daily = parts.daily
        self._invoices = parts.invoices
        self._options = parts.options
        self._transfers = parts.transfers
        self._virtual_accounts = parts.virtual_accounts
        self._banks = parts.banks
        self._payouts = parts.payouts

    async def RecordPayment(self, request: pb.RecordPaymentRequest, context: Any) -> pb.RecordPaymentResponse:
        known = await self._idempotency.known(request, pb.RecordPaymentResponse)
        if known is not None:  # a repeat is answered although invoices may be away
            return known
        payable = await self._invoices.payable_of_invoice(current_call().business_id, request.invoice_id)
        paid_at = request.paid_time.ToDatetime(UTC) if request.HasField("paid_time") else None
        given = MoneyTaken(request.amount_minor, request.method, paid_at, request.note, request.as_credit)

        async def work(tx: Transaction) -> pb.RecordPaymentResponse:
            await self._daily.take(tx, payable.business_id)
            payment = await manual_payments.record_payment(tx, payable, given)
            return pb.RecordPaymentResponse(payment=payment_message(payment))

        return await self._idempotency.once(request, pb.RecordPaymentResponse, work)

    async def UndoPayment(self, request: pb.UndoPaymentRequest, context: Any) -> pb.UndoPaymentResponse:
        business_id = current_call().business_id

        async def work(tx: Transaction) -> pb.UndoPaymentResponse:
            await self._daily.take(tx, business_id)
            undone = await manual_payments.undo_payment(tx, business_id, request.payment_id, request.reason)
            return pb.UndoPaymentResponse(payment=payment_message(undone))

        return await self._idempotency.once(request, pb.UndoPaymentResponse, work)

    async def GetPaymentOptions(
        self, request: pb.GetPaymentOptionsRequest, context: Any
    ) -> pb.GetPaymentOptionsResponse:
        return options_message(await self._options.get_payment_options(request.token, request.reference))

    async def StartTransfer(self, request: pb.StartTransferRequest, context: Any) -> pb.StartTransferResponse:
        transfer = await self._transfers.start_transfer(request.token)
        return pb.StartTransferResponse(
            account=bank_account_message(transfer.account),
            amount=money(transfer.currency, transfer.amount_minor),
            expire_time=timestamp(transfer.expires_at),
            reference=transfer.reference,
        )

    async def CreateVirtualAccount(
        self, request: pb.CreateVirtualAccountRequest, context: Any
    ) -> pb.CreateVirtualAccountResponse:
        business_id = current_call().business_id

        async def act() -> pb.CreateVirtualAccountResponse:
            made = await self._virtual_accounts.create_virtual_account(business_id, request.customer_id)
            return pb.CreateVirtualAccountResponse(account=bank_account_message(made.account))

        return await self._idempotency.around(request, pb.CreateVirtualAccountResponse, act)

    async def ListBanks(self, request: pb.ListBanksRequest, context: Any) -> pb.ListBanksResponse:
        currency = request.currency_code
        if not currency:
            async with self._rows.read() as tx:
                currency = (await payouts.get_business(tx, current_call().business_id)).currency
        banks = await self._banks.list_banks(currency)
        return pb.ListBanksResponse(banks=[pb.Bank(code=bank.code, name=bank.name) for bank in banks])

    async def GetPayoutAccount(self, request: pb.GetPayoutAccountRequest, context: Any) -> pb.GetPayoutAccountResponse:
        async with self._rows.read() as tx:
            found = await payouts.get_payout(tx, current_call().business_id)
        return pb.GetPayoutAccountResponse(**_payout(found))

    async def SetPayoutAccount(self, request: pb.SetPayoutAccountRequest, context: Any) -> pb.SetPayoutAccountResponse:
        business_id = current_call().business_id
        found = await self._payouts.set_payout_account(business_id, request.bank_code, request.account_number)
        return pb.SetPayoutAccountResponse(**_payout(found))


def _payout(found: Payout) -> dict[str, Any]:
    """The merchant's own view: numbers masked."""
    shown: dict[str, Any] = {}
    if found.active:
        shown["active"] = bank_account_message(found.active.account.masked())
    if found.coming:
        shown["pending"] = bank_account_message(found.coming.account.masked())
        shown["pending_from_time"] = timestamp(found.coming.active_from)
    return shown
