"""The time, in one place, always aware and in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment in UTC."""
    return datetime.now(UTC)
