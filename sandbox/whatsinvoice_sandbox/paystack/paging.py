"""Pages by number, as every list of Paystack has them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import AliasChoices, BaseModel, Field, field_validator

T = TypeVar("T")


class PageQuery(BaseModel):
    """The documentation says `perPage`, the specification sometimes `per_page`: both are taken."""

    per_page: int = Field(default=50, ge=1, le=100, validation_alias=AliasChoices("perPage", "per_page"))
    page: int = Field(default=1, ge=1)


class DatedQuery(PageQuery):
    since: datetime | None = Field(default=None, validation_alias="from")
    until: datetime | None = Field(default=None, validation_alias="to")

    @field_validator("since", "until")
    @classmethod
    def _aware(cls, moment: datetime | None) -> datetime | None:
        return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment

    def covers(self, moment: datetime) -> bool:
        return (self.since is None or moment >= self.since) and (self.until is None or moment <= self.until)


def page_of(chosen: Sequence[T], query: PageQuery) -> tuple[Sequence[T], dict[str, Any]]:
    """The page, and `meta` about it."""
    skipped = (query.page - 1) * query.per_page
    meta = {
        "total": len(chosen),
        "skipped": skipped,
        "perPage": query.per_page,
        "page": query.page,
        "pageCount": -(-len(chosen) // query.per_page),
    }
    return chosen[skipped : skipped + query.per_page], meta
