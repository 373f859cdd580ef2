"""Accounts of customers' own: opened once, and what comes into one pays the customer's oldest invoice."""

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError, precondition
from whatsinvoice_kit.data.unit_of_work import UnitOfWork

from whatsinvoice_payments.clients import Invoices, ProviderError, ProviderRefusal
from whatsinvoice_payments.clients.banks import PaystackBanking
from whatsinvoice_payments.domain.bank_account import TRANSFER_CURRENCIES, VirtualAccount
from whatsinvoice_payments.domain.payment import ACCOUNT, DEPOSIT, Payment
from whatsinvoice_payments.domain.schedule import next_check
from whatsinvoice_payments.repository import payments as payment_rows
from whatsinvoice_payments.repository import virtual_accounts as rows
from whatsinvoice_payments.service.answers import away
from whatsinvoice_payments.service.payouts import active_subaccount, get_business


class VirtualAccountService:
    """`email_domain`: of the address by which the provider keeps each of our customers apart."""

    def __init__(
        self,
        unit_of_work: UnitOfWork,
        banking: PaystackBanking,
        invoices: Invoices,
        *,
        email_domain: str,
        reconcile_scale: float,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._banking = banking
        self._invoices = invoices
        self._email_domain = email_domain
        self._scale = reconcile_scale

    async def create_virtual_account(self, business_id: str, customer_id: str) -> VirtualAccount:
        """The customer's account, made by the first call; its currency is the business's own.

        Raises:
            ServiceError: NOT_FOUND (INVOICE_NOT_FOUND) for a customer without an issued invoice, FAILED_PRECONDITION
                (VIRTUAL_ACCOUNT_UNAVAILABLE), UNAVAILABLE (PROVIDER_UNAVAILABLE, BUSINESS_NOT_READY).
        """
        async with self._unit_of_work.read() as tx:
            known = await rows.virtual_account_of(tx, business_id, customer_id)
            if known is not None:
                return known
            business = await get_business(tx, business_id)
            subaccount = await active_subaccount(tx, business_id, business.currency)
        if business.currency not in TRANSFER_CURRENCIES:
            raise _unavailable("there are none in this country")
        payable = await self._invoices.payable_of_customer(business_id, customer_id)
        try:
            code, account = await self._banking.virtual_account(
                email=f"{customer_id}@{self._email_domain}",  # hers alone: two merchants may share a real one
                name=payable.customer_name,
                currency=business.currency,
                subaccount=subaccount,
            )
        except ProviderRefusal as refusal:
            raise _unavailable(f"the provider gives none: {refusal}") from refusal
        except ProviderError as error:
            raise away(error.retry_after) from error
        made = VirtualAccount.of(
            business_id, customer_id, code, account, business.currency, now(), subaccount_code=subaccount
        )
        async with self._unit_of_work.begin() as tx:
            await rows.add_virtual_account(tx, made)
            return await rows.virtual_account_of(tx, business_id, customer_id) or made

    async def adopt_transfer(
        self, reference: str, amount_minor: int, currency: str, *, account_number: str = "", customer_code: str = ""
    ) -> bool:
        """Makes the payment for money that came into a customer's account; True when it is there to be settled.

        False where it is nobody's: no such account, no invoice to put it to, or another currency. `reference` is the
        provider's own, and the amount is what the provider says came.
        """
        async with self._unit_of_work.read() as tx:
            if await payment_rows.payment_by_reference(tx, reference) is not None:
                return True
            owner = await rows.find_virtual_account(tx, account_number=account_number, customer_code=customer_code)
        if owner is None or owner.currency != currency:
            return False
        try:
            payable = await self._invoices.payable_of_customer(owner.business_id, owner.customer_id)
        except ServiceError as error:
            if error.kind is Kind.NOT_FOUND:
                return False
            raise
        if payable.currency != currency:
            return False
        async with self._unit_of_work.begin() as tx:
            await payment_rows.lock_invoice(tx, payable.invoice_id)
            if await payment_rows.payment_by_reference(tx, reference) is None:
                number = await payment_rows.next_number(tx, payable.business_id, payable.invoice_id)
                moment = now()
                payment = Payment.attempt(payable, number, moment, next_check(moment, moment, self._scale), DEPOSIT)
                payment.reference, payment.asked_minor, payment.channel = reference, amount_minor, DEPOSIT
                if owner.subaccount_code:
                    payment.split_subaccount, payment.split_bearer = owner.subaccount_code, ACCOUNT
                payment.offer("", "")
                await payment_rows.add_payment(tx, payment)
        return True


def _unavailable(why: str) -> ServiceError:
    return precondition("VIRTUAL_ACCOUNT_UNAVAILABLE", f"no account can be opened for this customer: {why}")
