"""Everything the sandbox remembers while it runs, put together once."""

import re
from typing import Annotated

from fastapi import Depends, Request

from .clock import ScaledClock
from .delivery import Deliveries
from .faults import Faults
from .meta.media import MediaStore
from .meta.rates import Rates
from .meta.templates import Templates
from .meta.webhooks import MetaWebhooks
from .paystack.customers import Customer, Customers
from .paystack.dedicated import DedicatedAccounts, Provider
from .paystack.disputes import Disputes
from .paystack.refunds import Refunds
from .paystack.subaccounts import Subaccounts
from .paystack.transactions import Transaction, Transactions
from .paystack.transfers import Transfers
from .paystack.webhooks import PaystackWebhooks
from .phones import Phones
from .settings import Settings

_BVN = re.compile(r"[0-9]{11}")


class World:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = ScaledClock(settings.sandbox_time_scale)
        self.faults = Faults()
        self.deliveries = Deliveries(self.clock, self.faults)
        self.customers = Customers()
        self.transactions = Transactions(self.customers)
        self.paystack_webhooks = PaystackWebhooks(settings, self.deliveries, self.faults)
        self.refunds = Refunds(self.clock, settings.sandbox_refund_seconds, self.paystack_webhooks.refund_moved)
        self.disputes = Disputes(self.paystack_webhooks.dispute_moved)
        self.subaccounts = Subaccounts()
        self.accounts = DedicatedAccounts()
        charged, rejected = self.paystack_webhooks.charge_succeeded, self.paystack_webhooks.transfer_rejected
        self.transfers = Transfers(self.transactions, self.accounts, self.subaccounts, charged, rejected)
        self.phones = Phones()
        self.media = MediaStore(settings.public_url)
        self.templates = Templates()
        self.rates = Rates()
        self.meta_webhooks = MetaWebhooks(settings, self.deliveries)

    def payer_acts(
        self, transaction: Transaction, outcome: str, channel: str, amount: int | None = None, card_number: str = ""
    ) -> None:
        """The payer acts at the checkout; only a success is announced, as Paystack does. Raises AlreadyPaid."""
        transaction.act(outcome, channel, amount, card_number)
        if outcome == "success":
            self.paystack_webhooks.charge_succeeded(transaction)

    def assign_account(
        self, customer: Customer, bank: Provider, currency: str, subaccount: str | None, bvn: str
    ) -> None:
        """Gives a dedicated account and tells of it; with a bank verification number only if that has 11 digits."""
        if bvn and not _BVN.fullmatch(bvn):
            self.paystack_webhooks.customer_identified(customer, bvn, "Account number or BVN is incorrect")
            self.paystack_webhooks.account_assigned(customer, None)
            return
        if bvn:
            self.paystack_webhooks.customer_identified(customer, bvn)
        account = self.accounts.assign(customer, bank, currency, subaccount)
        self.paystack_webhooks.account_assigned(customer, account)

    def end_watches(self) -> None:
        """Ends the live feeds, which would otherwise keep a stopping server waiting."""
        for phone in self.phones:
            phone.end_watches()

    async def close(self) -> None:
        await self.refunds.close()
        await self.deliveries.close()


def the_world(request: Request) -> World:
    world: World = request.app.state.world
    return world


Here = Annotated[World, Depends(the_world)]
"""The world, as an endpoint asks for it."""
