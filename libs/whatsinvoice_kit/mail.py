"""E-mail addresses, checked by email-validator; no DNS is asked."""

from email_validator import EmailNotValidError, validate_email

from whatsinvoice_kit.core.errors import invalid

MAX_EMAIL = 254


def email_of(text: str) -> str | None:
    """Return the address in lower case, its domain in ASCII; None for a text that is not one address."""
    if len(text) > MAX_EMAIL:
        return None
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        return None
    return (found.ascii_email or found.normalized).lower()


def checked_email(field: str, text: str) -> str:
    """Return the address as it is kept, empty for none; INVALID_ARGUMENT (EMAIL_INVALID) for any other text."""
    if not text.strip():
        return ""
    if (found := email_of(text)) is None:
        raise invalid(field, "EMAIL_INVALID", "this is not an e-mail address")
    return found
