"""The shapes of Paystack's answers about banks and accounts, as far as they are used."""

from typing import Annotated

from pydantic import Field

from whatsinvoice_payments.clients.paystack_shapes import Moment, Shape, Text


class ListedBank(Shape):
    """One of GET /bank."""

    code: Text
    name: Text
    active: bool = True


class Banks(Shape):
    """`data` of GET /bank, under a name."""

    banks: list[ListedBank]


class Resolved(Shape):
    """`data` of GET /bank/resolve."""

    account_number: Text
    account_name: Annotated[Text, Field(min_length=1)]


class Subaccount(Shape):
    """`data` of POST and PUT /subaccount."""

    subaccount_code: Annotated[Text, Field(min_length=1)]


class MadeCustomer(Shape):
    """`data` of POST /customer."""

    id: int
    customer_code: Annotated[Text, Field(min_length=1)]


class NamedBank(Shape):
    """A bank within something else."""

    name: Text


class Dedicated(Shape):
    """`data` of POST /dedicated_account, and one of GET."""

    bank: NamedBank
    account_name: Text
    account_number: Annotated[Text, Field(min_length=1)]


class DedicatedList(Shape):
    """`data` of GET /dedicated_account, under a name."""

    accounts: list[Dedicated]


class TransferCharge(Shape):
    """`data` of POST /charge with `bank_transfer`."""

    reference: Text
    status: Text
    bank: NamedBank
    account_name: Text
    account_number: Annotated[Text, Field(min_length=1)]
    account_expires_at: Moment = None
