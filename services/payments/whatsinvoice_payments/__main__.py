"""Composition root of payments."""

from datetime import timedelta

from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.payments.v1 import payments_pb2, payments_pb2_grpc
from whatsinvoice_kit.command import main
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.runtime import Kit, Parts, ServiceSpec

from whatsinvoice_payments import consumers
from whatsinvoice_payments.clients.banks import PaystackBanking
from whatsinvoice_payments.clients.invoices import InvoicesOverGrpc
from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.clients.paystack_disputes import PaystackDisputes
from whatsinvoice_payments.clients.paystack_refunds import PaystackRefunds
from whatsinvoice_payments.commands.audit import AUDIT
from whatsinvoice_payments.commands.quarantine import QUARANTINE
from whatsinvoice_payments.commands.walk import WALK
from whatsinvoice_payments.commands.webhooks import WEBHOOKS
from whatsinvoice_payments.domain.webhook import CHARGE_SUCCESS, DISPUTE, REFUND, TRANSFER_REJECTED
from whatsinvoice_payments.models import DAILY_COUNTS, KIT_TABLES
from whatsinvoice_payments.service.banks import BanksService
from whatsinvoice_payments.service.chain import ChainService
from whatsinvoice_payments.service.charge_webhooks import ChargeWebhooks
from whatsinvoice_payments.service.checkout import CheckoutService
from whatsinvoice_payments.service.disputes import DisputeService
from whatsinvoice_payments.service.invariants import InvariantsService
from whatsinvoice_payments.service.kept_webhooks import KeptWebhooks
from whatsinvoice_payments.service.money_back import MoneyBack
from whatsinvoice_payments.service.money_back_gauges import MoneyBackGauges
from whatsinvoice_payments.service.money_back_walk import MoneyBackWalk
from whatsinvoice_payments.service.money_back_webhooks import MoneyBackWebhooks
from whatsinvoice_payments.service.options import PaymentOptionsService
from whatsinvoice_payments.service.payouts import PayoutService
from whatsinvoice_payments.service.quarantine import QuarantineService
from whatsinvoice_payments.service.reconciliation import ReconciliationService
from whatsinvoice_payments.service.refunds import RefundService
from whatsinvoice_payments.service.transfers import TransferService
from whatsinvoice_payments.service.virtual_accounts import VirtualAccountService
from whatsinvoice_payments.service.walk import WalkService
from whatsinvoice_payments.service.webhooks import WebhookService
from whatsinvoice_payments.servicer import ACCESS, PaymentsServicer
from whatsinvoice_payments.servicer_banking import BankParts
from whatsinvoice_payments.servicer_refunds import RefundParts
from whatsinvoice_payments.settings import Settings


def build(kit: Kit[Settings]) -> Parts:
    settings, unit_of_work = kit.settings, kit.unit_of_work
    secret = settings.paystack_secret_key.get_secret_value()
    paystack = Paystack(
        settings.paystack_base_url,
        secret,
        failures=settings.provider_failures,
        open_seconds=settings.provider_pause_seconds,
    )
    channel = kit.client(settings.invoices_grpc, invoices_pb2.DESCRIPTOR.services_by_name["InvoicesService"])
    invoices = InvoicesOverGrpc(channel, kit.identity)
    checkouts = CheckoutService(
        unit_of_work,
        paystack,
        invoices,
        email_domain=settings.customer_email_domain,
        reconcile_scale=settings.reconcile_scale,
    )
    banking = _bank_parts(kit, paystack, invoices)
    kept = KeptWebhooks(unit_of_work, settings.webhook_body_days)
    quarantine = QuarantineService(unit_of_work, paystack)
    disputes, refunds = PaystackDisputes(paystack), PaystackRefunds(paystack)
    money_back = MoneyBack(unit_of_work, paystack, refunds, disputes, settings.reconcile_scale)
    walk = WalkService(unit_of_work, paystack, banking.virtual_accounts, money_back, settings.walk_scale)
    refunding = RefundParts(
        RefundService(unit_of_work, refunds, money_back, settings.reconcile_scale),
        DisputeService(unit_of_work, disputes, invoices, money_back, settings.reconcile_scale),
        quarantine,
    )
    charges = ChargeWebhooks(unit_of_work, paystack, banking.virtual_accounts, money_back)
    went_back = MoneyBackWebhooks(unit_of_work, paystack, disputes, money_back)
    effects = {
        CHARGE_SUCCESS: charges.apply,
        REFUND: went_back.refund_moved,
        DISPUTE: went_back.dispute_moved,
        TRANSFER_REJECTED: went_back.transfer_rejected,
    }
    webhooks = WebhookService(unit_of_work, secret, settings.webhook_retry_seconds, effects, settings.paystack_sources)
    reconciliation = ReconciliationService(unit_of_work, paystack, money_back, settings.reconcile_scale)
    return Parts(
        register=payments_pb2_grpc.add_PaymentsServiceServicer_to_server,
        servicer=PaymentsServicer(unit_of_work, checkouts, webhooks, banking, refunding),
        descriptor=payments_pb2.DESCRIPTOR.services_by_name["PaymentsService"],
        access=ACCESS,
        jobs=(
            *consumers.jobs(
                reconciliation,
                quarantine,
                reconcile_seconds=settings.reconcile_seconds,
            ),
            *consumers.money_back_jobs(
                refunding.refunds,
                refunding.disputes,
                MoneyBackWalk(unit_of_work, refunds, disputes, money_back, settings.reconcile_scale),
                MoneyBackGauges(unit_of_work),
                pause=settings.reconcile_seconds,
            ),
            *consumers.book_jobs(
                ChainService(unit_of_work),
                InvariantsService(unit_of_work),
                invariants_seconds=settings.invariants_seconds,
                anchor_seconds=settings.anchor_seconds,
            ),
            *consumers.daily_jobs(kept, walk, settings.walk_seconds),
        ),
        queues=(webhooks.queue(settings.webhook_concurrency), banking.payouts.queue(settings.payout_concurrency)),
        subscriptions=consumers.subscriptions(),
        closing=(channel.close, paystack.close, disputes.close),
    )


def _bank_parts(kit: Kit[Settings], paystack: Paystack, invoices: InvoicesOverGrpc) -> BankParts:
    settings, unit_of_work = kit.settings, kit.unit_of_work
    banking = PaystackBanking(paystack)
    banks = BanksService(banking)
    hold = timedelta(seconds=settings.payout_hold_seconds)
    domain, scale = settings.customer_email_domain, settings.reconcile_scale
    return BankParts(
        idempotency=kit.idempotency,
        daily=DailyLimit(
            DAILY_COUNTS, settings.payment_notices_per_day, "payments recorded, undone, released or refunded"
        ),
        invoices=invoices,
        options=PaymentOptionsService(unit_of_work, paystack, invoices),
        transfers=TransferService(unit_of_work, banking, invoices, email_domain=domain, reconcile_scale=scale),
        virtual_accounts=VirtualAccountService(
            unit_of_work, banking, invoices, email_domain=domain, reconcile_scale=scale
        ),
        banks=banks,
        payouts=PayoutService(unit_of_work, banking, banks, hold, settings.payout_seconds),
    )


COMMANDS = {"audit": AUDIT, "quarantine": QUARANTINE, "walk": WALK, "webhooks": WEBHOOKS}
SPEC = ServiceSpec("payments", Settings, KIT_TABLES, build, COMMANDS)

if __name__ == "__main__":
    main(SPEC)
