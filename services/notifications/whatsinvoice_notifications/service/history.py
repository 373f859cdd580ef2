"""Messages as their business reads them."""

from whatsinvoice_kit.core.errors import invalid, not_found
from whatsinvoice_kit.core.ids import is_id
from whatsinvoice_kit.data.unit_of_work import Transaction

from whatsinvoice_notifications.domain.message import Message
from whatsinvoice_notifications.repository import messages

DEFAULT_LIMIT, MAX_LIMIT = 20, 100


async def get_message(tx: Transaction, business_id: str, message_id: str) -> Message:
    """NOT_FOUND (MESSAGE_NOT_FOUND) when it is absent or another business's."""
    message = await messages.get(tx, business_id, message_id)
    if message is None:
        raise not_found("MESSAGE_NOT_FOUND", "there is no such message")
    return message


async def list_messages(
    tx: Transaction, business_id: str, invoice_id: str, cursor: str, limit: int
) -> tuple[list[Message], str]:
    """A page, newest first, and the cursor of the next one, empty on the last."""
    if not 0 <= limit <= MAX_LIMIT:
        raise invalid("page.limit", "LIMIT_INVALID", f"a page has 1 to {MAX_LIMIT} messages")
    if cursor and not is_id("msg", cursor):
        raise invalid("page.cursor", "CURSOR_INVALID", "this is not a cursor of this list")
    size = limit or DEFAULT_LIMIT
    found = await messages.listed(tx, business_id, invoice_id, cursor, size + 1)
    return found[:size], found[size - 1].id if len(found) > size else ""
