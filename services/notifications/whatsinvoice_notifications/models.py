"""Tables of the notifications schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from whatsinvoice_kit.data.db import service_metadata
from whatsinvoice_kit.events.tables import KitTables

METADATA = service_metadata("notifications")
KIT_TABLES = KitTables.of(METADATA)


def _moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


MEMBERS = Table(
    "members",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("business_name", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)
Index("ix_members_phone", MEMBERS.c.phone)
Index("ix_members_business_id", MEMBERS.c.business_id)

CHOSEN_PLACES = Table(
    "chosen_places",
    METADATA,
    Column("user_id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

CONTACTS = Table(
    "contacts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("phone", Text, unique=True),
    Column("user_id", Text, unique=True),
    _words("name"),
    _moment("last_inbound_at"),
    _now("created_at"),
)

CONVERSATIONS = Table(
    "conversations",
    METADATA,
    Column("contact_id", Text, ForeignKey(CONTACTS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("draft", JSONB, nullable=False),
    _words("asked"),
    _words("invoice_id"),
    Column("sources", JSONB, nullable=False, server_default="[]"),
    _now("updated_at"),
)

INBOUND_MESSAGES = Table(
    "inbound_messages",
    METADATA,
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("provider_id", Text, nullable=False, unique=True),
    Column("sender", Text, nullable=False),
    _words("phone"),
    _words("user_id"),
    _words("name"),
    Column("kind", Text, nullable=False),
    Column("type", Text, nullable=False),
    _words("text"),
    _words("about"),
    _words("invoice_id"),
    Column("raw", LargeBinary, nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    _now("received_at"),
    _moment("done_at"),
    _words("outcome"),
)

INBOUND_STATUSES = Table(
    "inbound_statuses",
    METADATA,
    Column("provider_id", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    _now("received_at"),
)

INBOUND_UNREAD = Table(
    "inbound_unread",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    _now("received_at"),
)

Index(
    "ix_inbound_messages_about",
    INBOUND_MESSAGES.c.about,
    postgresql_where=INBOUND_MESSAGES.c.about != "",
)

MESSAGES = Table(
    "messages",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    _words("invoice_id"),
    Column("purpose", Text, nullable=False),
    Column("contact_id", Text, ForeignKey(CONTACTS.c.id), nullable=False),
    Column("dedupe_key", Text, nullable=False, unique=True),
    Column("content", JSONB, nullable=False),
    _words("verification_id"),
    Column("template_only", Boolean, nullable=False, server_default="false"),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _now("next_attempt_at"),
    Column("provider_id", Text, unique=True),
    _words("error_code"),
    _words("error_title"),
    Column("pricing", JSONB),
    _words("traceparent"),
    _now("queued_at"),
    _moment("expires_at"),
    _moment("sent_at"),
    _moment("delivered_at"),
    _moment("read_at"),
    Column("version", BigInteger, nullable=False, server_default="1"),
)
Index("ix_messages_business_id_id", MESSAGES.c.business_id, MESSAGES.c.id)
Index("ix_messages_business_id_invoice_id_id", MESSAGES.c.business_id, MESSAGES.c.invoice_id, MESSAGES.c.id)
Index("ix_messages_contact_id", MESSAGES.c.contact_id)
Index("ix_messages_next_attempt_at", MESSAGES.c.next_attempt_at, postgresql_where=MESSAGES.c.status == "queued")

SENT_INVOICES = Table(
    "sent_invoices",
    METADATA,
    Column("invoice_id", Text, primary_key=True),
    Column("business_id", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("business_name", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("public_url", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("due_minor", BigInteger, nullable=False),
    Column("due_date", Date),
    Column("settled", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)
Index("ix_sent_invoices_phone", SENT_INVOICES.c.phone, SENT_INVOICES.c.invoice_id)
