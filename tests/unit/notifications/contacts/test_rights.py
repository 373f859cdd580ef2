"""S4: the chat's rights equal the API's, for every intent and every role, generated from the tables of both."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from whatsinvoice_invoices.servicer import ACCESS as INVOICES
from whatsinvoice_kit.core.roles import SCOPES_OF_ROLE
from whatsinvoice_kit.rpc.call import Identity
from whatsinvoice_kit.rpc.identity import Access
from whatsinvoice_notifications.chat import readings
from whatsinvoice_notifications.domain.people import Member, acting_place
from whatsinvoice_notifications.domain.rights import BUTTON_SCOPES, INTENT_SCOPES, may
from whatsinvoice_notifications.servicer import ACCESS as NOTIFICATIONS
from whatsinvoice_payments.servicer import ACCESS as PAYMENTS

RPCS: Mapping[str, Access | str] = {
    "create_invoice": INVOICES["CreateInvoice"],
    "edit_draft": INVOICES["CreateInvoice"],
    "confirm_send": INVOICES["IssueInvoice"],
    "cancel_invoice": INVOICES["DeleteInvoice"],
    "record_payment": PAYMENTS["RecordPayment"],
    "undo": PAYMENTS["RecordPayment"],
    "remind": "messages:write",
    "list_unpaid": INVOICES["ListInvoices"],
    "invoice_status": INVOICES["GetInvoice"],
    "summary_today": PAYMENTS["ListPayments"],
}
"""The RPC behind the route that does the same in the API; of an intent without one, the scope of the area."""
BUTTONS = {"send": INVOICES["IssueInvoice"], "edit": INVOICES["CreateInvoice"], "cancel": INVOICES["DeleteInvoice"]}
CUSTOMERS = {"balance", "request_statement", "opt_out", "opt_in", "pay", "claim_paid", "request_receipt"}
HARMLESS = {"help", "greeting", "unknown"}
"""Intents that touch nothing of a business."""


def _intents() -> set[str]:
    """Return every intent of the grammar."""
    found: set[str] = set()
    for reading in get_args(readings.Reading):
        [hint] = [get_type_hints(reading)[one.name] for one in fields(reading) if one.name == "intent"]
        found |= set(get_args(hint))
    return found


INTENTS = sorted(_intents())


def test_s4_every_intent_of_the_grammar_has_its_right() -> None:
    assert set(INTENTS) == set(INTENT_SCOPES) | CUSTOMERS | HARMLESS
    assert set(RPCS) == set(INTENT_SCOPES)
    assert set(BUTTON_SCOPES) == set(BUTTONS)
    assert "messages:read" in {access.scope for access in NOTIFICATIONS.values()}


@pytest.mark.parametrize("role", SCOPES_OF_ROLE)
@pytest.mark.parametrize("intent", INTENTS)
def test_s4_a_role_may_in_the_chat_what_it_may_by_the_api(intent: str, role: str) -> None:
    scopes = frozenset(SCOPES_OF_ROLE[role])
    wanted = RPCS.get(intent, "")
    person = Identity("user", "usr_1", "biz_1", "ses_1", scopes)
    by_api = wanted.allows(person) if isinstance(wanted, Access) else not wanted or wanted in scopes
    assert may(role, INTENT_SCOPES.get(intent, "")) == by_api


@pytest.mark.parametrize("role", SCOPES_OF_ROLE)
@pytest.mark.parametrize("button", BUTTONS)
def test_s4_buttons_keep_to_the_role(button: str, role: str) -> None:
    person = Identity("user", "usr_1", "biz_1", "ses_1", frozenset(SCOPES_OF_ROLE[role]))
    assert may(role, BUTTON_SCOPES[button]) == BUTTONS[button].allows(person)


@pytest.mark.parametrize("role", SCOPES_OF_ROLE)
@pytest.mark.parametrize("rpc", ["CreateInvoice", "IssueInvoice", "DeleteInvoice", "GetInvoice"])
def test_s4_invoices_checks_the_role_of_the_person_whose_word_a_service_brings(rpc: str, role: str) -> None:
    scopes = frozenset(SCOPES_OF_ROLE[role])
    service = Identity("service", "notifications", "biz_1", scopes=scopes, person_id="usr_1")
    assert INVOICES[rpc].allows(service) == INVOICES[rpc].allows(Identity("user", "usr_1", "biz_1", "ses_1", scopes))
    assert not INVOICES[rpc].allows(Identity("service", "notifications", "biz_1")), "nobody's word"
    assert not INVOICES[rpc].allows(Identity("service", "payments", "biz_1", scopes=scopes, person_id="usr_1"))


def _place(number: int, role: str) -> Member:
    names: dict[str, Any] = dict.fromkeys(Member.__dataclass_fields__, "")
    return Member(**names | {"id": f"mbr_{number}", "business_id": f"biz_{number}", "role": role})


@pytest.mark.parametrize(
    ("roles", "chosen", "expected"),
    [
        (["staff", "owner"], "", "biz_2"),
        (["staff", "owner"], "biz_1", "biz_1"),
        (["staff", "owner"], "biz_9", "biz_2"),
        (["staff"], "", "biz_1"),
        (["staff", "admin"], "", None),
        (["staff", "admin"], "biz_2", "biz_2"),
        ([], "biz_1", None),
    ],
)
def test_f01_the_chat_acts_in_the_chosen_place_else_in_the_owned_one(
    roles: list[str], chosen: str, expected: str | None
) -> None:
    found = acting_place([_place(number, role) for number, role in enumerate(roles, start=1)], chosen)
    assert (found.business_id if found else None) == expected
