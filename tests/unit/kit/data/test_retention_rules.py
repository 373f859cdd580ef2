"""Every table of auth and notifications has a retention rule, or stands here with the reason why it stays (F35)."""

from collections.abc import Mapping, Sequence

import pytest
import whatsinvoice_auth.models as auth
import whatsinvoice_auth.retention
import whatsinvoice_notifications.models as notifications
import whatsinvoice_notifications.retention
from sqlalchemy import MetaData
from whatsinvoice_kit.data.retention import RetentionRule

KIT = frozenset({"outbox", "relay_state", "inbox", "idempotency_keys", "work", "waiting_events"})
"""The kit empties these itself, or holds no words of people in them."""
STAYS: Mapping[str, frozenset[str]] = {
    # accounts stay while they are used, spent refresh tokens go with their session, tallies by their own clock
    "auth": frozenset({"users", "businesses", "members", "refresh_tokens", "api_keys", "guesses", "daily_counts"}),
    # who may write as a merchant, whom we write to, and what a customer may still pay
    "notifications": frozenset({"members", "chosen_places", "contacts", "sent_invoices"}),
}


@pytest.mark.parametrize(
    ("service", "metadata", "rules"),
    [
        ("auth", auth.METADATA, whatsinvoice_auth.retention.RULES),
        ("notifications", notifications.METADATA, whatsinvoice_notifications.retention.RULES),
    ],
)
def test_f35_every_table_has_a_rule_or_a_reason(
    service: str, metadata: MetaData, rules: Sequence[RetentionRule]
) -> None:
    tables = {table.name for table in metadata.tables.values()}
    ruled = {rule.table.name for rule in rules}

    assert tables - ruled - KIT == STAYS[service]
    assert all(rule.name.partition(".")[0] == rule.table.name for rule in rules)
    assert all(rule.moment.table is rule.table for rule in rules)
