"""The one reader of phone numbers."""

import pytest
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.phones import read_phone, to_e164


@pytest.mark.parametrize(
    ("written", "country", "e164"),
    [
        ("0801 234 5678", "NG", "+2348012345678"),
        ("+2340801 234 5678", "NG", "+2348012345678"),
        ("00234 801 234 5678", "NG", "+2348012345678"),
        ("0707123456", "CI", "+2250707123456"),
        ("+225 07 07 12 34 56", "NG", "+2250707123456"),
        ("00225 0707123456", "NG", "+2250707123456"),
        ("+229 01 97 12 34 56", "NG", "+2290197123456"),
        ("+242 06 612 34 56", "NG", "+242066123456"),
        ("+39 06 6982 1234", "NG", "+390669821234"),
        ("00447911123456", "NG", "+447911123456"),
        ("https://wa.me/2348012345678", "KE", "+2348012345678"),
        ("tel:+254712345678", "NG", "+254712345678"),
    ],
)
def test_f32_a_number_is_read_with_its_own_leading_zeros(written: str, country: str, e164: str) -> None:
    assert to_e164(written, country) == e164


@pytest.mark.parametrize(
    "written",
    ["", "12", "0801234567", "080123456789", "+", "+234", "0801 234 5678 ext 9", "٠٨٠١٢٣٤٥٦٧٨", "9" * 5000, "a\0b"],
)
def test_f32_any_other_text_is_no_number(written: str) -> None:
    assert read_phone(written, "NG") is None
    with pytest.raises(ServiceError) as caught:
        to_e164(written, "NG")
    assert caught.value.reason == "PHONE_INVALID"
