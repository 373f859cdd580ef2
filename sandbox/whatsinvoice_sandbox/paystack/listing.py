"""GET /transaction: filters, and both ways of paging (page numbers, cursors), newest first."""

from datetime import UTC, datetime
from typing import Any

from pydantic import AliasChoices, BaseModel, Field, ValidationInfo, field_validator

from .errors import PaystackError
from .shapes import transaction_view
from .transactions import Transaction

_ONLY_IN_VERIFY = ("receipt_number", "fees_breakdown", "transaction_date", "plan_object")


class ListQuery(BaseModel):
    """The documentation says `perPage`, the specification `per_page`: both are taken."""

    per_page: int = Field(default=50, ge=1, le=100, validation_alias=AliasChoices("perPage", "per_page"))
    page: int = Field(default=1, ge=1)
    use_cursor: bool = False
    next: str = ""
    previous: str = ""
    status: str = ""
    channel: str = ""
    amount: int | None = None
    customer: str = ""
    since: datetime | None = Field(default=None, validation_alias="from")
    until: datetime | None = Field(default=None, validation_alias="to")

    @field_validator("since", "until")
    @classmethod
    def _aware(cls, moment: datetime | None, _: ValidationInfo) -> datetime | None:
        return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment

    def selects(self, transaction: Transaction) -> bool:
        return all(
            (
                not self.status or transaction.status == self.status,
                not self.channel or transaction.channel == self.channel,
                self.amount is None or transaction.amount == self.amount,
                not self.customer or self.customer in {str(transaction.customer.id), transaction.customer.code},
                self.since is None or transaction.created_at >= self.since,
                self.until is None or transaction.created_at <= self.until,
            )
        )


def list_page(newest_first: list[Transaction], query: ListQuery) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """`data` and `meta` of one page."""
    chosen = [transaction for transaction in newest_first if query.selects(transaction)]
    if query.use_cursor:
        return _page_by_cursor(chosen, query)
    skipped = (query.page - 1) * query.per_page
    meta = {
        "total": len(chosen),
        "total_volume": sum(transaction.amount for transaction in chosen),
        "skipped": skipped,
        "perPage": query.per_page,
        "page": query.page,
        "pageCount": -(-len(chosen) // query.per_page),
    }
    return [_item(transaction) for transaction in chosen[skipped : skipped + query.per_page]], meta


def _page_by_cursor(chosen: list[Transaction], query: ListQuery) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    if query.previous:
        after = [transaction for transaction in chosen if transaction.id > _cursor(query.previous)]
        page = after[-query.per_page :]
    else:
        limit = _cursor(query.next) if query.next else None
        page = [transaction for transaction in chosen if limit is None or transaction.id < limit][: query.per_page]
    older = bool(page) and page[-1] is not chosen[-1]
    newer = bool(page) and page[0] is not chosen[0]
    meta = {
        "next": f"txn{page[-1].id:x}" if older else None,
        "previous": f"txn{page[0].id:x}" if newer else None,
        "perPage": query.per_page,
    }
    return [_item(transaction) for transaction in page], meta


def _cursor(text: str) -> int:
    try:
        return int(text.removeprefix("txn"), 16)
    except ValueError as error:
        raise PaystackError(400, "Invalid cursor", "invalid_params", "Use the cursor of an earlier answer") from error


def _item(transaction: Transaction) -> dict[str, Any]:
    view = transaction_view(transaction)
    for name in _ONLY_IN_VERIFY:
        del view[name]
    return view | {"plan": {}, "metadata": transaction.metadata}
