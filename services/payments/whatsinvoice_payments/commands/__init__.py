"""Commands of payments, `python -m whatsinvoice_payments <command>`, each in a file of its name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.clients.paystack import Paystack
from whatsinvoice_payments.clients.paystack_disputes import PaystackDisputes
from whatsinvoice_payments.clients.paystack_refunds import PaystackRefunds
from whatsinvoice_payments.models import KIT_TABLES
from whatsinvoice_payments.service.money_back import MoneyBack
from whatsinvoice_payments.settings import Settings


@dataclass(frozen=True, slots=True)
class Tools:
    """What a command works with."""

    unit_of_work: UnitOfWork
    paystack: Paystack
    money_back: MoneyBack


@asynccontextmanager
async def tools(settings: Settings) -> AsyncIterator[Tools]:
    """Opens them, and closes them at the end of the block."""
    url = settings.database_url.get_secret_value()
    # two connections: the walk holds its lock by one while it works with the other
    engine = make_engine(url, pool_size=2, application="whatsinvoice_payments_command")
    paystack = Paystack(settings.paystack_base_url, settings.paystack_secret_key.get_secret_value())
    disputes = PaystackDisputes(paystack)
    unit_of_work = UnitOfWork(engine, KIT_TABLES.outbox)
    money_back = MoneyBack(unit_of_work, paystack, PaystackRefunds(paystack), disputes, settings.reconcile_scale)
    try:
        yield Tools(unit_of_work, paystack, money_back)
    finally:
        await disputes.close()
        await paystack.close()
        await engine.dispose()
