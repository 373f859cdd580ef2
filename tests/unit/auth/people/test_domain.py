"""The rules of identity that need no database."""

from datetime import UTC, datetime, timedelta

import pytest
from whatsinvoice_auth import domain
from whatsinvoice_auth.domain import Business, Member, Role, User, verifications
from whatsinvoice_auth.passwords import COMMON
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.core.roles import KEY_SCOPES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "password",
    ["Password1", "P@ssw0rd123", "Qwerty2024!", "Welcome1", "Nigeria2025", "1Q2w3e4r", "!!Iloveyou99", "L3tme1n!"],
)
def test_common_passwords_are_refused_in_their_usual_dress(password: str) -> None:
    assert domain.common_forms(password, COMMON)


@pytest.mark.parametrize("password", ["Passw0rdly", "Tall3rThanTrees", "k7Rw9mQx2", "Blue-Kettle-42-Rain"])
def test_others_are_not(password: str) -> None:
    assert not domain.common_forms(password, COMMON)


def test_the_list_is_long_and_of_the_form_that_is_compared() -> None:
    assert len(COMMON) > 500
    assert all(word == word.lower() for word in COMMON)


@pytest.mark.parametrize(
    ("ages", "wait"),
    [
        ([], 0),
        ([1, 2, 3, 4, 5], 0),
        ([1, 2, 3, 4, 5, 6], 54),
        ([10, 20, 30, 40, 50, 60], 0),
        ([100 * n for n in range(1, 13)], 2400),
        ([100 * n for n in range(1, 12)], 0),
    ],
)
def test_six_codes_a_minute_and_twelve_an_hour(ages: list[int], wait: int) -> None:
    assert verifications.wait_for_message([NOW - timedelta(seconds=age) for age in ages], NOW) == wait


def _member(role: Role) -> Member:
    user = User("usr_1", "+2348030000001", "Ada", "", "", 1)
    return Member("mbr_1", user, Business("biz_1", "Ada", "NG", "NGN", "Africa/Lagos", 1), role, 1)


@pytest.mark.parametrize(
    ("actor", "member", "owners", "role", "reason"),
    [
        (Role.OWNER, _member(Role.OWNER), 1, None, "LAST_OWNER"),
        (Role.OWNER, _member(Role.OWNER), 1, Role.ADMIN, "LAST_OWNER"),
        (Role.OWNER, _member(Role.OWNER), 2, None, ""),
        (Role.OWNER, _member(Role.OWNER), 1, Role.OWNER, ""),
        (Role.ADMIN, _member(Role.OWNER), 2, None, "OWNER_REQUIRED"),
        (Role.ADMIN, _member(Role.ADMIN), 1, Role.OWNER, "OWNER_REQUIRED"),
        (Role.ADMIN, _member(Role.STAFF), 1, Role.ADMIN, ""),
        (Role.OWNER, _member(Role.STAFF), 1, Role.OWNER, ""),
    ],
)
def test_who_may_change_whose_place(actor: Role, member: Member, owners: int, role: Role | None, reason: str) -> None:
    found = ""
    try:
        domain.check_place(actor, member, owners, role)
    except ServiceError as error:
        found = error.reason
    assert found == reason


def test_an_api_key_has_160_bits_and_shows_its_kind() -> None:
    one, other = (domain.api_key_of(key_id, "s" * 32, "wi_test_") for key_id in ("key_1", "key_2"))
    assert one.startswith("wi_test_")
    assert len(one) == len("wi_test_") + 32
    assert one != other
    assert one != domain.api_key_of("key_1", "t" * 32, "wi_test_")


def test_no_api_key_reaches_people_or_keys() -> None:
    assert KEY_SCOPES.isdisjoint({"account:self", "members:read", "members:write", "keys:write"})
