"""The banks of each currency, kept in memory for a day, and longer while the provider is away."""

import time
from collections.abc import Sequence

import structlog
from whatsinvoice_kit.core.errors import invalid
from whatsinvoice_kit.core.money import SYMBOLS

from whatsinvoice_payments.clients import ProviderError, ProviderRefusal
from whatsinvoice_payments.clients.banks import PaystackBanking
from whatsinvoice_payments.domain.bank_account import Bank
from whatsinvoice_payments.service.answers import away

log = structlog.get_logger(__name__)

KEPT_SECONDS = 24 * 3600.0


class BanksService:
    """`kept_seconds`: after that the provider is asked again."""

    def __init__(self, banking: PaystackBanking, kept_seconds: float = KEPT_SECONDS) -> None:
        self._banking = banking
        self._kept_seconds = kept_seconds
        self._known: dict[str, tuple[float, Sequence[Bank]]] = {}

    async def list_banks(self, currency: str) -> Sequence[Bank]:
        """By name.

        Raises:
            ServiceError: INVALID_ARGUMENT (CURRENCY_UNKNOWN), UNAVAILABLE (PROVIDER_UNAVAILABLE) when the provider is
                away and was never asked before.
        """
        if currency not in SYMBOLS:
            raise invalid("currency", "CURRENCY_UNKNOWN", f"use one of {', '.join(SYMBOLS)}")
        asked_at, banks = self._known.get(currency, (float("-inf"), ()))
        if time.monotonic() - asked_at < self._kept_seconds:
            return banks
        try:
            found = await self._banking.list_banks(currency)
        except ProviderRefusal:
            found = ()  # a currency in which the provider has no banks
        except ProviderError as error:
            if not banks:
                raise away(error.retry_after) from error
            log.warning("the list of banks is an old one", currency=currency, error=str(error))
            return banks
        banks = sorted(found, key=lambda bank: bank.name.casefold())
        self._known[currency] = (time.monotonic(), banks)
        return banks

    async def get_bank(self, currency: str, code: str) -> Bank:
        """Raises INVALID_ARGUMENT (BANK_UNKNOWN), and as `list_banks`."""
        for bank in await self.list_banks(currency):
            if bank.code == code:
                return bank
        raise invalid("bank_code", "BANK_UNKNOWN", f"there is no such bank for {currency}")
