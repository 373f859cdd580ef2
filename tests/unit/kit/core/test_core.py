"""Ids and errors: the part of the kit that a domain stands on."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whatsinvoice_kit.core.errors import FieldViolation, Kind, invalid, not_found, precondition, unauthenticated
from whatsinvoice_kit.core.ids import is_id, new_id, uuid7


def test_an_id_is_its_prefix_and_a_uuid_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    value = uuid7()
    assert value.version == 7
    assert before <= value.int >> 80 <= time.time_ns() // 1_000_000
    made = new_id("inv")
    assert made.startswith("inv_")
    assert len(made) == 30
    assert is_id("inv", made)


def test_ten_thousand_ids_are_unique() -> None:
    assert len({new_id("pay") for _ in range(10_000)}) == 10_000


def test_later_ids_sort_after_earlier_ones() -> None:
    made = []
    for _ in range(20):
        made.append(new_id("inv"))
        time.sleep(0.0011)
    assert made == sorted(made)


def test_ids_of_one_millisecond_sort_in_the_order_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_780_000_000_000_000_000)
    made = [new_id("tle") for _ in range(1_000)]
    assert made == sorted(set(made))


@pytest.mark.parametrize(
    "spoil", [str.upper, lambda i: i + "\n", lambda i: i[:-1], lambda i: i + "0", lambda i: " " + i]
)
def test_anything_else_is_no_id(spoil: object) -> None:
    assert callable(spoil)
    assert not is_id("inv", spoil(new_id("inv")))


@pytest.mark.parametrize(
    "text", ["", "inv_", "pay_01k00000000000000000000000", "inv_81k00000000000000000000000", "inv_" + "u" * 26]
)
def test_a_wrong_prefix_letter_or_size_is_no_id(text: str) -> None:
    assert not is_id("inv", text)


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    assert is_id("inv", text) in (True, False)


def test_errors_carry_kind_reason_and_fields() -> None:
    error = invalid("lines[0].quantity", "QUANTITY_INVALID", "above 0")
    assert (error.kind, error.reason, str(error)) == (Kind.INVALID_ARGUMENT, "QUANTITY_INVALID", "above 0")
    assert error.violations == (FieldViolation("lines[0].quantity", "QUANTITY_INVALID", "above 0"),)
    assert not_found("X", "x").kind is Kind.NOT_FOUND
    assert precondition("X", "x").kind is Kind.FAILED_PRECONDITION
    assert unauthenticated("X", "x").kind is Kind.UNAUTHENTICATED
    assert not_found("X", "x").retry_after == 0
