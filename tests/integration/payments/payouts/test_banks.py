"""The list of banks over time: fresh, asked again, and an old one while the provider is away."""

from collections.abc import Sequence

import pytest
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.domain.bank_account import Bank, BankAccount
from whatsinvoice_payments.service.banks import BanksService


class Scripted:
    """A provider that answers or is away."""

    def __init__(self) -> None:
        self.away = False
        self.asked = 0

    async def list_banks(self, currency: str) -> Sequence[Bank]:
        self.asked += 1
        if self.away:
            raise ProviderError("away", retry_after=7)
        return [Bank("2", f"zeta {currency}"), Bank("1", "Alpha")]


async def test_a_fresh_list_is_not_asked_for_again() -> None:
    provider = Scripted()
    banks = BanksService(provider)  # type: ignore[arg-type]  # one of its calls
    assert [bank.name for bank in await banks.list_banks("NGN")] == ["Alpha", "zeta NGN"]
    await banks.list_banks("NGN")
    await banks.list_banks("GHS")
    assert provider.asked == 2


async def test_an_old_list_is_better_than_none() -> None:
    provider = Scripted()
    banks = BanksService(provider, kept_seconds=0)  # type: ignore[arg-type]  # one of its calls
    before = await banks.list_banks("NGN")
    provider.away = True
    assert await banks.list_banks("NGN") == before
    assert provider.asked == 2


async def test_without_any_the_caller_is_told_when_to_come_again() -> None:
    provider = Scripted()
    provider.away = True
    with pytest.raises(ServiceError) as refused:
        await BanksService(provider).list_banks("NGN")  # type: ignore[arg-type]  # one of its calls
    assert (refused.value.reason, refused.value.retry_after) == ("PROVIDER_UNAVAILABLE", 7)


def test_a_masked_account_keeps_four_digits() -> None:
    assert BankAccount("058", "GTB", "0123456789", "ADA").masked().account_number == "6789"
