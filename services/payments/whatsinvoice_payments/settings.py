"""Settings of the payments service."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from whatsinvoice_kit.config.settings import ServiceSettings

from whatsinvoice_payments.domain.webhook import Network

DAY_SECONDS = 86_400


class Settings(ServiceSettings):
    """Environment prefix PAYMENTS_."""

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_")
    service: ClassVar[str] = "payments"

    invoices_grpc: str
    """host:port of the invoices service."""
    paystack_base_url: str = "https://api.paystack.co"
    paystack_secret_key: SecretStr = Field(min_length=1)
    """Opens Paystack's API and signs its webhooks; which mode it is in, the key says. Never empty: an empty key would
    believe anybody's signature."""
    paystack_test_mode: bool = False
    """Where no money is to move (staging): true takes a test key (sk_test_) alone; false, in production, none."""
    paystack_source_addresses: str = ""
    """Addresses and networks (CIDR) from where Paystack's webhooks come, comma-separated; not checked when empty."""
    customer_email_domain: str = "customers.whatsinvoice.invalid"
    """Of the addresses made for customers without one, since Paystack insists; receives no mail."""
    provider_failures: int = Field(default=5, ge=1)
    """So many calls of the provider in a row without an answer, and it is left alone for a while."""
    provider_pause_seconds: float = Field(default=10.0, gt=0)
    """How long that is, before one call tries again."""
    webhook_retry_seconds: float = Field(default=5.0, gt=0)
    """Before the first retry of a webhook that could not be settled; doubles up to an hour."""
    webhook_concurrency: int = Field(default=8, gt=0)
    """How many webhooks one process settles at a time."""
    webhook_body_days: float = Field(default=90.0, gt=0)
    """How long the body of a webhook is kept after it came; what it is recognised by is kept for ever."""
    reconcile_seconds: float = Field(default=30.0, gt=0)
    """How often attempts that are due for a check are looked for."""
    reconcile_scale: float = Field(default=1.0, gt=0)
    """Below 1 the schedule of checks runs faster, for tests and demonstrations."""

    walk_seconds: float = Field(default=60.0, gt=0)
    """How often days that are due are looked for, of which the provider's list is compared with our books."""
    walk_scale: float = Field(default=1.0, gt=0)
    """Below 1 days are walked sooner after their beginning and sooner again, for tests."""

    payment_notices_per_day: int = Field(default=2_000, ge=1)
    """Payments of one business a day that it records, undoes, releases or refunds: each writes to a customer."""
    payout_hold_seconds: float = Field(default=DAY_SECONDS, gt=0)
    """How long a change of a payout account waits before money goes there."""
    payout_seconds: float = Field(default=30.0, gt=0)
    """How long after a failure the provider is asked again to make a payout account active."""
    payout_concurrency: int = Field(default=4, gt=0)
    """How many payout accounts one process makes active at a time."""

    invariants_seconds: float = Field(default=60.0, gt=0)
    """How often the books are checked against their rules."""
    anchor_seconds: float = Field(default=3_600.0, gt=0)
    """How often the heads of the ledger's chains are anchored."""

    @field_validator("paystack_source_addresses")
    @classmethod
    def _networks(cls, text: str) -> str:
        _networks_of(text)
        return text

    @property
    def paystack_sources(self) -> list[Network]:
        """From where webhooks may come; from anywhere when it is empty."""
        return _networks_of(self.paystack_source_addresses)

    def unusable(self) -> Iterator[str]:
        """Also: a key that charges people where it was said that none is charged."""
        yield from super().unusable()
        if self.paystack_test_mode and not self._has_test_key():
            yield "PAYSTACK_SECRET_KEY is no test key, and PAYSTACK_TEST_MODE takes no other"

    def _has_test_key(self) -> bool:
        return self.paystack_secret_key.get_secret_value().startswith("sk_test_")

    def unsafe(self) -> Iterator[str]:
        yield from super().unsafe()
        if self._has_test_key() and not self.paystack_test_mode:
            yield "PAYSTACK_SECRET_KEY is a test key, and PAYSTACK_TEST_MODE is not set"
        if not self.paystack_base_url.startswith("https://"):
            yield "PAYSTACK_BASE_URL is not https"
        if self.payout_hold_seconds < DAY_SECONDS:
            yield "PAYMENTS_PAYOUT_HOLD_SECONDS is under a day"
        if self.reconcile_scale != 1:
            yield "PAYMENTS_RECONCILE_SCALE is not 1"
        if self.walk_scale != 1:
            yield "PAYMENTS_WALK_SCALE is not 1"


def _networks_of(text: str) -> list[Network]:
    return [ip_network(item) for item in re.split(r"[\s,]+", text.strip(" ,")) if item]
