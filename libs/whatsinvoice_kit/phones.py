"""Phone numbers as people write them, made E.164 by phonenumbers."""

import phonenumbers

from whatsinvoice_kit.core.errors import invalid


def to_e164(text: str, country: str, field: str = "phone") -> str:
    """`0801 234 5678` in NG is `+2348012345678`; INVALID_ARGUMENT (PHONE_INVALID) for what is no valid number."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise invalid(field, "PHONE_INVALID", "this is not a valid phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
