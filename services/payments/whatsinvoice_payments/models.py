"""Tables of the payments schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
    true,
)
from whatsinvoice_kit.data.daily_limits import daily_counts_table
from whatsinvoice_kit.data.db import service_metadata
from whatsinvoice_kit.data.provision import APPEND_ONLY, KEPT_BY_TRIGGERS
from whatsinvoice_kit.events.tables import KitTables

METADATA = service_metadata("payments")
KIT_TABLES = KitTables.of(METADATA)
DAILY_COUNTS = daily_counts_table(METADATA)


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


PAYMENTS = Table(
    "payments",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("reference", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("asked_minor", BigInteger, nullable=False),
    Column("settled_minor", BigInteger),
    Column("paid_minor", BigInteger, nullable=False, server_default="0"),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    Column("credit_minor", BigInteger, nullable=False, server_default="0"),
    Column("held", Boolean, nullable=False, server_default=false()),
    Column("fees_minor", BigInteger, nullable=False, server_default="0"),
    _words("channel"),
    _words("means"),
    _words("split_subaccount"),
    _words("split_bearer"),
    _words("authorization_url"),
    _words("access_code"),
    _words("reason"),
    Column("provider", Text, nullable=False, server_default="paystack"),
    _words("note"),
    _moment("opening_until"),
    _moment("next_check_at", nullable=True),
    _moment("paid_at", nullable=True),
    _words("traceparent"),
    _moment("created_at"),
    _moment("updated_at"),
    Column("version", BigInteger, nullable=False, server_default="1"),
    UniqueConstraint("invoice_id", "number"),
)
Index("ix_payments_business_id_id", PAYMENTS.c.business_id, PAYMENTS.c.id)
Index("ix_payments_business_id_invoice_id_id", PAYMENTS.c.business_id, PAYMENTS.c.invoice_id, PAYMENTS.c.id)
Index("ix_payments_business_id_status_id", PAYMENTS.c.business_id, PAYMENTS.c.status, PAYMENTS.c.id)
Index(
    "uq_payments_open_intent",
    PAYMENTS.c.invoice_id,
    PAYMENTS.c.means,
    unique=True,
    postgresql_where=PAYMENTS.c.means.in_(["checkout", "bank_transfer"])
    & PAYMENTS.c.status.in_(["initialized", "pending"]),
)
Index("ix_payments_updated_at", PAYMENTS.c.updated_at)
Index("ix_payments_next_check_at", PAYMENTS.c.next_check_at, postgresql_where=PAYMENTS.c.next_check_at.is_not(None))

WEBHOOK_EVENTS = Table(
    "webhookevent",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("natural_id", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _moment("processed_at", nullable=True),
    _words("outcome"),
    _words("error"),
    UniqueConstraint("provider", "event", "natural_id", "body_hash"),
)
Index("ix_webhookevent_received_at", WEBHOOK_EVENTS.c.received_at, postgresql_where=text("body <> ''"))

BUSINESSES = Table(
    "businesses",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

PAYOUT_ACCOUNTS = Table(
    "payout_accounts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("bank_code", Text, nullable=False),
    Column("bank_name", Text, nullable=False),
    Column("account_number", Text, nullable=False),
    Column("account_name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    _words("subaccount_code"),
    _moment("active_from"),
    _moment("created_at"),
    _moment("ended_at", nullable=True),
)
Index("ix_payout_accounts_business_id", PAYOUT_ACCOUNTS.c.business_id)
Index(
    "uq_payout_accounts_active",
    PAYOUT_ACCOUNTS.c.business_id,
    unique=True,
    postgresql_where=PAYOUT_ACCOUNTS.c.status == "active",
)
Index(
    "uq_payout_accounts_coming",
    PAYOUT_ACCOUNTS.c.business_id,
    unique=True,
    postgresql_where=PAYOUT_ACCOUNTS.c.status.in_(["pending", "activating"]),
)

TRANSFER_ACCOUNTS = Table(
    "transfer_accounts",
    METADATA,
    Column("payment_id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("bank_name", Text, nullable=False),
    Column("account_number", Text, nullable=False),
    Column("account_name", Text, nullable=False),
    _moment("expires_at"),
)

VIRTUAL_ACCOUNTS = Table(
    "virtual_accounts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False, unique=True),
    Column("customer_code", Text, nullable=False, unique=True),
    Column("bank_name", Text, nullable=False),
    Column("account_number", Text, nullable=False, unique=True),
    Column("account_name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    # where the provider was asked to send what comes in; empty where nowhere else
    _words("subaccount_code"),
    _moment("created_at"),
)

REFUNDS = Table(
    "refunds",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    _words("reason"),
    Column("reopen", Boolean, nullable=False, server_default=false()),
    # the API key that gave it, whose refunds of a day are limited; empty of a person
    _words("api_key_id"),
    _words("failure"),
    # the provider's id of it, once the provider is known to have it
    Column("provider_id", Text, unique=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _moment("next_attempt_at", nullable=True),
    _words("traceparent"),
    _moment("created_at"),
    _moment("updated_at"),
    _moment("ended_at", nullable=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
)
Index("ix_refunds_business_id_id", REFUNDS.c.business_id, REFUNDS.c.id)
Index("ix_refunds_payment_id", REFUNDS.c.payment_id)
Index("ix_refunds_next_attempt_at", REFUNDS.c.next_attempt_at, postgresql_where=REFUNDS.c.next_attempt_at.is_not(None))

DISPUTES = Table(
    "disputes",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("provider_id", Text, nullable=False, unique=True),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    _words("category"),
    _words("resolution"),
    Column("lost_minor", BigInteger, nullable=False, server_default="0"),
    # what the merchant answered, accept or contest, and her words; empty until she did
    _words("answer"),
    _words("answer_message"),
    _moment("due_at", nullable=True),
    _words("traceparent"),
    _moment("created_at"),
    _moment("updated_at"),
    _moment("resolved_at", nullable=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
)
Index("ix_disputes_business_id_id", DISPUTES.c.business_id, DISPUTES.c.id)
Index("ix_disputes_payment_id", DISPUTES.c.payment_id)
Index("ix_disputes_due_at", DISPUTES.c.due_at, postgresql_where=DISPUTES.c.status != "resolved")

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("id", Text, primary_key=True),
    # payment, reference or webhook: what is held back; empty payment and business where it is nobody's
    Column("kind", Text, nullable=False),
    Column("reference", Text, nullable=False),
    _words("payment_id"),
    _words("business_id"),
    Column("reason", Text, nullable=False),
    Column("amount_minor", BigInteger),
    _words("currency"),
    _words("webhook_id"),
    Column("status", Text, nullable=False, server_default="open"),
    _moment("created_at"),
    _moment("resolved_at", nullable=True),
    UniqueConstraint("kind", "reference", "webhook_id"),
)
Index("ix_quarantine_business_id_id", QUARANTINE.c.business_id, QUARANTINE.c.id)
Index("ix_quarantine_open", QUARANTINE.c.id, postgresql_where=QUARANTINE.c.status == "open")

ALLOCATIONS = Table(
    "allocations",
    METADATA,
    Column("payment_id", Text, primary_key=True),
    # empty for the payment itself, else the refund, dispute or payment by which money of it went back
    Column("cause_id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("invoice_id", Text, nullable=False),
    # of this payment, or of what went back: what counted for the invoice, and what was the customer's credit
    Column("applied_minor", BigInteger, nullable=False),
    Column("credit_minor", BigInteger, nullable=False),
    # of what went back: whether the invoice is due again by it
    Column("reopened", Boolean, nullable=False, server_default=true()),
    Column("currency", Text, nullable=False),
    # the invoice as it was after that
    Column("invoice_total_minor", BigInteger, nullable=False),
    Column("invoice_paid_minor", BigInteger, nullable=False),
    Column("invoice_status", Text, nullable=False),
    Column("invoice_version", BigInteger, nullable=False),
    _moment("created_at"),
)
Index("ix_allocations_business_id_invoice_id", ALLOCATIONS.c.business_id, ALLOCATIONS.c.invoice_id)

WALKS = Table(
    "walks",
    METADATA,
    Column("day", Date, primary_key=True),
    Column("stage", Text, nullable=False),
    _words("cursor"),
    Column("seen", Integer, nullable=False, server_default="0"),
    Column("differences", Integer, nullable=False, server_default="0"),
    Column("rounds", Integer, nullable=False, server_default="0"),
    _moment("started_at", nullable=True),
    _moment("finished_at", nullable=True),
    _moment("next_at", nullable=True),
)
Index("ix_walks_next_at", WALKS.c.next_at, postgresql_where=WALKS.c.next_at.is_not(None))

WALK_SIGHTINGS = Table(
    "walk_sightings",
    METADATA,
    # what the walk that is under way has seen in the provider's list
    Column("day", Date, primary_key=True),
    Column("reference", Text, primary_key=True),
)

WALK_DIFFERENCES = Table(
    "walk_differences",
    METADATA,
    Column("day", Date, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("ours_minor", BigInteger),
    Column("theirs_minor", BigInteger),
    _words("currency"),
    _words("detail"),
    Column("status", Text, nullable=False, server_default="open"),
    _moment("created_at"),
    _moment("seen_at"),
    _moment("resolved_at", nullable=True),
)
Index("ix_walk_differences_open", WALK_DIFFERENCES.c.day, postgresql_where=WALK_DIFFERENCES.c.status == "open")

LEDGER_ENTRIES = Table(
    "ledger_entries",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("entry_set_id", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("invoice_id", Text, nullable=False),
    _moment("created_at"),
    # the wall behind the state machine: a payment succeeds in the books once
    UniqueConstraint("payment_id", "purpose", "account"),
    comment=APPEND_ONLY,
)
Index("ix_ledger_entries_business_id_id", LEDGER_ENTRIES.c.business_id, LEDGER_ENTRIES.c.id)
Index("ix_ledger_entries_entry_set_id", LEDGER_ENTRIES.c.entry_set_id)

# Written by the trigger `chained` alone, as an entry set commits; see 0008_chain.
LEDGER_HEADS = Table(
    "ledger_heads",
    METADATA,
    Column("business_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # whether every entry of the business is linked; false until a job has linked those of before the chain
    _moment("updated_at"),
    comment=KEPT_BY_TRIGGERS,
)

LEDGER_SETS = Table(
    "ledger_sets",
    METADATA,
    Column("business_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("entry_set_id", Text, nullable=False, unique=True),
    Column("entries", Integer, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _moment("created_at"),
    comment=KEPT_BY_TRIGGERS,
)
Index("ix_ledger_sets_created_at", LEDGER_SETS.c.created_at)

LEDGER_BALANCES = Table(
    "ledger_balances",
    METADATA,
    Column("business_id", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    comment=KEPT_BY_TRIGGERS,
)

# What the heads were, time after time: a chain that ends before its newest anchor, or has another hash there, was cut.
LEDGER_ANCHORS = Table(
    "ledger_anchors",
    METADATA,
    Column("business_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    _moment("taken_at"),
    comment=APPEND_ONLY,
)
