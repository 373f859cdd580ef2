"""GET /transaction: filters, and both ways of paging (page numbers, cursors), newest first."""

from typing import Any

from pydantic import AliasChoices, Field

from .errors import PaystackError
from .paging import DatedQuery, page_of
from .shapes.transactions import transaction_view
from .transactions import Transaction

_ONLY_IN_VERIFY = ("receipt_number", "fees_breakdown", "transaction_date", "plan_object")


class ListQuery(DatedQuery):
    """`customer` is an id, a code or, as the specification names it, `customer_code`."""

    use_cursor: bool = False
    next: str = ""
    previous: str = ""
    status: str = ""
    channel: str = ""
    amount: int | None = None
    customer: str = Field(default="", validation_alias=AliasChoices("customer", "customer_code"))

    def selects(self, transaction: Transaction) -> bool:
        return all(
            (
                not self.status or transaction.status == self.status,
                not self.channel or transaction.channel == self.channel,
                self.amount is None or transaction.amount == self.amount,
                not self.customer or self.customer in {str(transaction.customer.id), transaction.customer.code},
                self.covers(transaction.created_at),
            )
        )


def list_page(newest_first: list[Transaction], query: ListQuery) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """`data` and `meta` of one page."""
    chosen = [transaction for transaction in newest_first if query.selects(transaction)]
    if query.use_cursor:
        return _page_by_cursor(chosen, query)
    page, meta = page_of(chosen, query)
    meta["total_volume"] = sum(transaction.amount for transaction in chosen)
    return [_item(transaction) for transaction in page], meta


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
