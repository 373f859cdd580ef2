"""What callers hear when the provider does not answer, or says no."""

from whatsinvoice_kit.core.errors import Kind, ServiceError, precondition

RETRY_SECONDS = 5


def away(retry_after: int = 0) -> ServiceError:
    """UNAVAILABLE (PROVIDER_UNAVAILABLE), to be tried again after so many seconds, five where nobody said."""
    message = "the payment provider cannot be reached"
    return ServiceError(Kind.UNAVAILABLE, "PROVIDER_UNAVAILABLE", message, retry_after=retry_after or RETRY_SECONDS)


def not_taken() -> ServiceError:
    """FAILED_PRECONDITION (INVOICE_NOT_PAYABLE)."""
    return precondition("INVOICE_NOT_PAYABLE", "the payment provider does not take this payment")
