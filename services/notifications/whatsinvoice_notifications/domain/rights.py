"""Rights in the chat: the scope that each intent needs, as its route in the API does."""

from collections.abc import Mapping

from whatsinvoice_kit.core.roles import SCOPES_OF_ROLE

INTENT_SCOPES: Mapping[str, str] = {
    "create_invoice": "invoices:write",
    "edit_draft": "invoices:write",
    "confirm_send": "invoices:write",
    "cancel_invoice": "invoices:write",
    "record_payment": "payments:write",
    "undo": "payments:write",
    "remind": "messages:write",
    "list_unpaid": "invoices:read",
    "invoice_status": "invoices:read",
    "summary_today": "payments:read",
}
"""Intents that read or change something of a business. Other intents need no right."""
BUTTON_SCOPES: Mapping[str, str] = {"send": "invoices:write", "edit": "invoices:write", "cancel": "invoices:write"}


def may(role: str, scope: str) -> bool:
    """Return whether a role holds a scope; an empty scope is everybody's."""
    return not scope or scope in SCOPES_OF_ROLE.get(role, ())
