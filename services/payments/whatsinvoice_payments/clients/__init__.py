"""Where payments reaches out: a payment provider and invoices, as the use cases see them."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Protocol

from whatsinvoice_payments.domain.charge import Charge
from whatsinvoice_payments.domain.payment import Payable


class ProviderError(Exception):
    """The provider is away, slow, over its limit, or answers what nobody can read.

    `retry_after` is in seconds, 0 when it gave none.
    """

    def __init__(self, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderRefusal(Exception):  # noqa: N818  (its answer, not its failure)
    """The provider understood and said no; the text is its own words."""


class ReferenceTaken(Exception):  # noqa: N818  (a fact about the reference)
    """The provider knows this reference already."""


class Provider(Protocol):
    """Opens checkouts and tells the truth about them."""

    async def initialize(
        self,
        *,
        reference: str,
        amount_minor: int,
        currency: str,
        email: str,
        callback_url: str,
        invoice_id: str,
        subaccount: str,
    ) -> tuple[str, str]:
        """Opens a checkout: its authorization_url and access code. The money goes to the subaccount, if one is named.

        Raises:
            ProviderError: nobody knows whether it was opened; ask `verify` before trying again.
            ProviderRefusal: it was not.
            ReferenceTaken: it was, some time before.
        """

    async def verify(self, reference: str) -> Charge | None:
        """What became of a reference; None when the provider has never heard of it. Raises ProviderError."""

    async def find(self, transaction_id: str) -> Charge | None:
        """As `verify`, by the provider's own id of the transaction."""


class Invoices(Protocol):
    """Knows what is due."""

    async def payable(self, token: str) -> Payable:
        """What may be collected for a public link; raises NOT_FOUND (LINK_NOT_FOUND), UNAVAILABLE."""

    async def payable_of_invoice(self, business_id: str, invoice_id: str) -> Payable:
        """What may be collected for an invoice of the business; raises NOT_FOUND (INVOICE_NOT_FOUND), UNAVAILABLE."""

    async def evidence(
        self, business_id: str, invoice_id: str, payment_id: str, facts: Mapping[str, str]
    ) -> tuple[bytes, str]:
        """What proves that an invoice was made, delivered and paid, beside these facts: a PDF and its file name.

        Raises as `payable_of_invoice`.
        """

    async def payable_of_customer(self, business_id: str, customer_id: str) -> Payable:
        """Of her oldest invoice that can be paid, else her latest one; raises as `payable_of_invoice`."""


class TransactionList(Protocol):
    """The provider's own list of transactions."""

    def transactions(self, since: datetime, until: datetime) -> AsyncIterator[Charge]:
        """Those that were begun from a moment on and before another. Raises ProviderError."""
