"""Tables of the invoices schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from whatsinvoice_kit.data.daily_limits import daily_counts_table
from whatsinvoice_kit.data.db import service_metadata
from whatsinvoice_kit.events.tables import KitTables

METADATA = service_metadata("invoices")
KIT_TABLES = KitTables.of(METADATA)
DAILY_COUNTS = daily_counts_table(METADATA)

BUSINESSES = Table(
    "businesses",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

COUNTERS = Table(
    "counters",
    METADATA,
    Column("business_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

CUSTOMERS = Table(
    "customers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
    Column("email", Text, nullable=False, server_default=""),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("ix_customers_business_id_id", CUSTOMERS.c.business_id, CUSTOMERS.c.id)
Index(
    "uq_customers_business_id_phone",
    CUSTOMERS.c.business_id,
    CUSTOMERS.c.phone,
    unique=True,
    postgresql_where=CUSTOMERS.c.phone != "",
)

INVOICES = Table(
    "invoices",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("customer_id", Text, ForeignKey(CUSTOMERS.c.id), nullable=False),
    Column("customer", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("number", Text),
    Column("token", Text),
    Column("currency", Text, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("subtotal_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("amount_paid_minor", BigInteger, nullable=False, server_default="0"),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    Column("credit_minor", BigInteger, nullable=False, server_default="0"),
    Column("prices_include_tax", Boolean, nullable=False),
    Column("terms", JSONB, nullable=False),
    Column("issue_date", Date),
    Column("due_date", Date),
    Column("notes", Text, nullable=False, server_default=""),
    Column("reference", Text, nullable=False, server_default=""),
    Column("traceparent", Text, nullable=False, server_default=""),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("issued_at", DateTime(timezone=True)),
    Column("paid_at", DateTime(timezone=True)),
    Column("transfer_claimed_at", DateTime(timezone=True)),
)
Index("ix_invoices_business_id_id", INVOICES.c.business_id, INVOICES.c.id)
Index("ix_invoices_business_id_customer_id_id", INVOICES.c.business_id, INVOICES.c.customer_id, INVOICES.c.id)
Index("ix_invoices_business_id_status_id", INVOICES.c.business_id, INVOICES.c.status, INVOICES.c.id)
Index("uq_invoices_business_id_number", INVOICES.c.business_id, INVOICES.c.number, unique=True)
Index("uq_invoices_token", INVOICES.c.token, unique=True)

RECEIPTS = Table(
    "receipts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("invoice_id", Text, ForeignKey(INVOICES.c.id), nullable=False),
    Column("invoice_number", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("token", Text, nullable=False, unique=True),
    Column("payment_id", Text, nullable=False, unique=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("credit_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("paid_at", DateTime(timezone=True), nullable=False),
    Column("amount_due_minor", BigInteger, nullable=False),
)
Index("ix_receipts_invoice_id", RECEIPTS.c.invoice_id)
Index("uq_receipts_business_id_number", RECEIPTS.c.business_id, RECEIPTS.c.number, unique=True)

REVERSALS = Table(
    "reversals",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("invoice_id", Text, ForeignKey(INVOICES.c.id), nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("cause_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("from_credit_minor", BigInteger, nullable=False),
    Column("from_applied_minor", BigInteger, nullable=False),
    Column("reopens", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # the wall behind the handler: one refund or dispute gives money back once
    UniqueConstraint("payment_id", "cause_id"),
)
Index("ix_reversals_invoice_id", REVERSALS.c.invoice_id)

TIMELINE = Table(
    "timeline",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("details", JSONB, nullable=False),
)
Index("ix_timeline_business_id_invoice_id_id", TIMELINE.c.business_id, TIMELINE.c.invoice_id, TIMELINE.c.id)
