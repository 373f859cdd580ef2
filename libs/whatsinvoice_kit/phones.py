"""The one reader of phone numbers: the API and the chat read the same text as the same number."""

import re
from functools import lru_cache

import phonenumbers

from whatsinvoice_kit.core.errors import invalid

_LONGEST = 40  # characters; E.164 has 15 digits
_LEAD = re.compile(r"(?:https?://)?(?:wa\.me/|api\.whatsapp\.com/send\?phone=)|(?:tel|whatsapp):\s*", re.IGNORECASE)
_TRUNK = re.compile(r"\(0\)")
_NOT_DIGITS = re.compile(r"[\s.\-()/\u2010-\u2015]+")


def to_e164(text: str, country: str, field: str = "phone") -> str:
    """Return `+2348012345678` for `0801 234 5678` in NG. Raise INVALID_ARGUMENT (PHONE_INVALID) for any other text."""
    number = read_phone(text, country)
    if number is None:
        raise invalid(field, "PHONE_INVALID", "this is not a valid phone number")
    return number


@lru_cache(maxsize=4096)
def read_phone(text: str, country: str) -> str | None:
    """Return the E.164 form of a valid number, else None. Nothing is completed or guessed.

    `00` in front is the international prefix, whatever the country dials itself. `+` and `wa.me/` mean an international
    number, so leading zeros that belong to it (Côte d'Ivoire, Benin, Congo, Italy) stay.
    """
    if len(text) > _LONGEST:
        return None
    lead = _LEAD.match(text.strip())
    body = text.strip()[lead.end() :] if lead else text.strip()
    body = _NOT_DIGITS.sub("", _TRUNK.sub("", body))
    plus = body.startswith("+") or bool(lead and "wa" in lead[0].lower() and lead[0][-1] in "/=")
    digits = body.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        return None
    if not plus and digits.startswith("00"):
        plus, digits = True, digits[2:]
    try:
        number = phonenumbers.parse(f"+{digits}" if plus else digits, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
