"""Typed errors with a reason, raised by any layer and mapped to gRPC and HTTP in one place each."""

from dataclasses import dataclass
from enum import Enum

DAILY_LIMIT_REACHED = "DAILY_LIMIT_REACHED"
"""The reason of a RESOURCE_EXHAUSTED that only the next day ends: a worker does not try again."""


class Kind(Enum):
    """What went wrong, in the words of gRPC's canonical codes."""

    INVALID_ARGUMENT = "invalid_argument"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    FAILED_PRECONDITION = "failed_precondition"
    ABORTED = "aborted"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One wrong field: its path (`lines[0].quantity`), a code (UPPER_SNAKE) and a sentence for people."""

    field: str
    code: str
    message: str


class ServiceError(Exception):
    """An error that a caller may see: kind, reason (UPPER_SNAKE) and a sentence without secrets.

    Anything else that is raised reaches the caller as INTERNAL "internal error" and nothing more.
    """

    def __init__(
        self, kind: Kind, reason: str, message: str, violations: tuple[FieldViolation, ...] = (), retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.message = message
        self.violations = violations
        self.retry_after = retry_after
        """Seconds after which a retry may help; 0 when unknown."""


def invalid(field: str, code: str, message: str) -> ServiceError:
    """One wrong field."""
    return ServiceError(Kind.INVALID_ARGUMENT, code, message, (FieldViolation(field, code, message),))


def not_found(reason: str, message: str) -> ServiceError:
    """Absent, or another tenant's: the two must not be told apart."""
    return ServiceError(Kind.NOT_FOUND, reason, message)


def precondition(reason: str, message: str) -> ServiceError:
    """The state does not allow it."""
    return ServiceError(Kind.FAILED_PRECONDITION, reason, message)


def unauthenticated(reason: str, message: str) -> ServiceError:
    """No proof, or a wrong one, of who is calling."""
    return ServiceError(Kind.UNAUTHENTICATED, reason, message)
