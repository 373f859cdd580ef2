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
from whatsinvoice_kit.data.db import service_metadata
from whatsinvoice_kit.events.tables import KitTables

METADATA = service_metadata("auth")
KIT_TABLES = KitTables.of(METADATA)


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
    Column("phone_verified", Boolean, nullable=False, server_default="false"),
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

CODES = Table(
    "codes",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey(USERS.c.id, ondelete="CASCADE"), nullable=False, unique=True),
    Column("tries", Integer, nullable=False, server_default="0"),
    _moment("expires_at"),
)

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
    _moment("created_at"),
    _moment("revoked_at", nullable=True),
)
Index("ix_api_keys_business_id", API_KEYS.c.business_id)

CODE_REQUESTS = Table(
    "code_requests",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("phone", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    _moment("requested_at"),
    _moment("next_attempt_at", nullable=True),
)
Index("ix_code_requests_phone_requested_at", CODE_REQUESTS.c.phone, CODE_REQUESTS.c.requested_at)
Index(
    "ix_code_requests_waiting",
    CODE_REQUESTS.c.next_attempt_at,
    postgresql_where=CODE_REQUESTS.c.next_attempt_at.is_not(None),
)
