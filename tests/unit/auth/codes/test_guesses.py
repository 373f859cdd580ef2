"""Pauses after wrong guesses, and what an address counts on."""

from datetime import UTC, datetime

import pytest
from whatsinvoice_auth.domain.guesses import NETWORK, PHONE, WINDOW, Origin, Tally

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_f06_pauses_double_and_the_day_ends_them() -> None:
    tally, pauses = Tally(0, NOW, None), []
    for _ in range(PHONE.a_day):
        tally = tally.after_failure(NOW, PHONE)
        pauses.append(tally.wait(NOW))
    assert pauses[:10] == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32]
    assert pauses[-1] == WINDOW.total_seconds()
    assert tally.after_failure(NOW + WINDOW, PHONE).failures == 1


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8:1:2::5", "2001:db8:1:2:9::1", 2),
        ("2001:db8:1:2::5", "2001:db8:1:3::5", 1),
        ("2001:db8:1:2::5", "2001:db8:2:2::5", 0),
        ("203.0.113.5", "::ffff:203.0.113.5", 1),
        ("203.0.113.5", "203.0.113.6", 0),
    ],
)
def test_f06_ipv6_counts_per_64_and_per_48(one: str, other: str, shared: int) -> None:
    assert len(set(Origin(one).places()) & set(Origin(other).places())) == shared
    assert ("network:2001:db8:1::/48", NETWORK) in Origin("2001:db8:1:2::5").places()
