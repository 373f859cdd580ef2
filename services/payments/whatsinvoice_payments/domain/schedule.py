"""When the provider is asked about an attempt that is not over, and when a webhook that failed is tried again."""

from datetime import datetime, timedelta

CHECKS = (
    timedelta(minutes=5),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=2),
    timedelta(days=3),
    timedelta(days=4),
    timedelta(days=5),
)
"""After the attempt was made."""
MAX_RETRY_SECONDS = 3600.0


def next_check(created_at: datetime, moment: datetime, scale: float) -> datetime | None:
    """The next check after this moment, None when there is none left; `scale` below 1 makes the schedule faster."""
    return next((at for offset in CHECKS if (at := created_at + offset * scale) > moment), None)


def retry_after(attempts: int, first_seconds: float) -> timedelta:
    """How long to wait after so many tries: doubling, at most an hour."""
    return timedelta(seconds=min(first_seconds * 2 ** min(attempts - 1, 20), MAX_RETRY_SECONDS))
