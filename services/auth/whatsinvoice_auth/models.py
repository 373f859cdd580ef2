"""Tables of the auth schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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
from whatsinvoice_kit.data.daily_limits import daily_counts_table
from whatsinvoice_kit.data.db import service_metadata
from whatsinvoice_kit.events.tables import KitTables

METADATA = service_metadata("auth")
KIT_TABLES = KitTables.of(METADATA)
DAILY_COUNTS = daily_counts_table(METADATA)


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


USERS = Table(
    "users",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("phone", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False, server_default=""),
    Column("password_hash", Text, nullable=False),
    Column("chosen_business_id", Text, nullable=False, server_default=""),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

BUSINESSES = Table(
    "businesses",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

MEMBERS = Table(
    "members",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, ForeignKey(BUSINESSES.c.id, ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, ForeignKey(USERS.c.id, ondelete="CASCADE"), nullable=False),
    Column("role", Text, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("uq_members_business_id_user_id", MEMBERS.c.business_id, MEMBERS.c.user_id, unique=True)
Index("ix_members_user_id", MEMBERS.c.user_id)

VERIFICATIONS = Table(
    "verifications",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("tag", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    _moment("requested_at"),
    _moment("expires_at"),
    Column("sent", Boolean, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("registration", JSONB),
    Column("tries", Integer, nullable=False),
    Column("claimed", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
)
Index("ix_verifications_phone_requested_at", VERIFICATIONS.c.phone, VERIFICATIONS.c.requested_at)

GUESSES = Table(
    "guesses",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    _moment("since"),
    _moment("paused_until", nullable=True),
)

KNOWN_DEVICES = Table(
    "known_devices",
    METADATA,
    Column("user_id", Text, ForeignKey(USERS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("device", LargeBinary, primary_key=True),
    _moment("used_at"),
)

INVITATIONS = Table(
    "invitations",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, ForeignKey(BUSINESSES.c.id, ondelete="CASCADE"), nullable=False),
    Column("inviter_id", Text, nullable=False),
    Column("inviter_name", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("ended_at", nullable=True),
    Column("outcome", Text, nullable=False, server_default=""),
)
Index("ix_invitations_business_id_id", INVITATIONS.c.business_id, INVITATIONS.c.id)
Index("ix_invitations_phone_id", INVITATIONS.c.phone, INVITATIONS.c.id)

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey(USERS.c.id, ondelete="CASCADE"), nullable=False),
    Column("business_id", Text, nullable=False),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("ended_at", nullable=True),
    Column("user_agent", Text, nullable=False, server_default=""),
    _moment("used_at", nullable=True),
)
Index("ix_sessions_user_id", SESSIONS.c.user_id)

REFRESH_TOKENS = Table(
    "refresh_tokens",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("session_id", Text, ForeignKey(SESSIONS.c.id, ondelete="CASCADE"), nullable=False),
    Column("device_id", Text, nullable=False, server_default=""),
    _moment("spent_at", nullable=True),
)
Index("ix_refresh_tokens_session_id", REFRESH_TOKENS.c.session_id)

REVOCATIONS = Table(
    "revocations",
    METADATA,
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("subject_id", Text, nullable=False),
    _moment("expires_at"),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("business_id", Text, ForeignKey(BUSINESSES.c.id, ondelete="CASCADE"), nullable=False),
    Column("user_id", Text, ForeignKey(USERS.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("last4", Text, nullable=False),
    Column("daily_refund_minor", BigInteger, nullable=False, server_default="0"),
    _moment("created_at"),
    _moment("revoked_at", nullable=True),
)
Index("ix_api_keys_business_id", API_KEYS.c.business_id)
