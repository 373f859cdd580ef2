"""Customers: create, get, list."""

from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError, invalid, not_found
from whatsinvoice_kit.core.ids import is_id, new_id
from whatsinvoice_kit.data.unit_of_work import Transaction
from whatsinvoice_kit.phones import to_e164

from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.customer import Customer, CustomerInput
from whatsinvoice_invoices.repository import businesses as business_rows
from whatsinvoice_invoices.repository import customers as rows


async def get_business(tx: Transaction, business_id: str) -> Business:
    """The business; UNAVAILABLE for the moments until auth's event has come."""
    business = await business_rows.business(tx, business_id)
    if business is None:
        raise ServiceError(Kind.UNAVAILABLE, "BUSINESS_NOT_READY", "the business is being set up", retry_after=1)
    return business


def checked(given: CustomerInput, country: str) -> CustomerInput:
    """With its phone in E.164, read in the business's country."""
    phone = to_e164(given.phone, country, "customer.phone") if given.phone else ""
    return CustomerInput(given.name, phone, given.email).checked()


def _made(business_id: str, given: CustomerInput) -> Customer:
    return Customer(new_id("cus"), business_id, given.name, given.phone, given.email, now())


async def create_customer(tx: Transaction, business_id: str, given: CustomerInput) -> Customer:
    """A new customer; ALREADY_EXISTS (CUSTOMER_EXISTS) when the phone is another's."""
    business = await get_business(tx, business_id)
    customer = _made(business_id, checked(given, business.country))
    if not await rows.add_customer(tx, customer):
        raise ServiceError(Kind.ALREADY_EXISTS, "CUSTOMER_EXISTS", "another customer has this phone")
    return customer


async def find_or_create(tx: Transaction, business: Business, given: CustomerInput) -> Customer:
    """The customer with this phone, else a new one; as she was typed now, whatever her record says."""
    wanted = checked(given, business.country)
    customer = _made(business.id, wanted)
    if await rows.add_customer(tx, customer):
        return customer
    known = await rows.customer_by_phone(tx, business.id, wanted.phone)
    if known is None:
        raise not_found("CUSTOMER_NOT_FOUND", "there is no such customer")
    email = wanted.email or known.email
    return Customer(known.id, business.id, wanted.name, known.phone, email, known.created_at, known.version)


async def get_customer(tx: Transaction, business_id: str, customer_id: str) -> Customer:
    """One of the business's own; NOT_FOUND otherwise."""
    customer = await rows.customer(tx, business_id, customer_id)
    if customer is None:
        raise not_found("CUSTOMER_NOT_FOUND", "there is no such customer")
    return customer


async def list_customers(tx: Transaction, business_id: str, cursor: str, limit: int) -> list[Customer]:
    """The newest first; up to `limit` and one more, which tells that there is a next page."""
    return await rows.customers(tx, business_id, check_cursor("cus", cursor), limit + 1)


def check_cursor(prefix: str, cursor: str) -> str:
    """INVALID_ARGUMENT for what is no cursor of such a list."""
    if cursor and not is_id(prefix, cursor):
        raise invalid("cursor", "CURSOR_INVALID", "this is no cursor of this list")
    return cursor
