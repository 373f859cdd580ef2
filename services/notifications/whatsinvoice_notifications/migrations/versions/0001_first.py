"""Members, contacts, conversations, what came in, what goes out, and the kit's tables."""

from alembic import op
from whatsinvoice_kit.data.migrations import create_kit_tables, notify_on_insert

revision = "0001_first"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE notifications.members (
        id text CONSTRAINT pk_members PRIMARY KEY,
        business_id text NOT NULL,
        user_id text NOT NULL,
        phone text NOT NULL,
        name text NOT NULL,
        role text NOT NULL,
        active boolean NOT NULL,
        business_name text NOT NULL,
        country text NOT NULL,
        currency text NOT NULL,
        time_zone text NOT NULL,
        version bigint NOT NULL
    )
    """,
    "CREATE INDEX ix_members_phone ON notifications.members (phone)",
    "CREATE INDEX ix_members_business_id ON notifications.members (business_id)",
    """
    CREATE TABLE notifications.contacts (
        id text CONSTRAINT pk_contacts PRIMARY KEY,
        phone text CONSTRAINT uq_contacts_phone UNIQUE,
        user_id text CONSTRAINT uq_contacts_user_id UNIQUE,
        name text NOT NULL DEFAULT '',
        last_inbound_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE notifications.conversations (
        contact_id text CONSTRAINT pk_conversations PRIMARY KEY
            CONSTRAINT fk_conversations_contact_id REFERENCES notifications.contacts (id) ON DELETE CASCADE,
        business_id text NOT NULL,
        state text NOT NULL,
        draft jsonb NOT NULL,
        asked text NOT NULL DEFAULT '',
        invoice_id text NOT NULL DEFAULT '',
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE notifications.inbound_messages (
        sequence bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_inbound_messages PRIMARY KEY,
        id text NOT NULL CONSTRAINT uq_inbound_messages_id UNIQUE,
        provider_id text NOT NULL CONSTRAINT uq_inbound_messages_provider_id UNIQUE,
        sender text NOT NULL,
        phone text NOT NULL DEFAULT '',
        user_id text NOT NULL DEFAULT '',
        name text NOT NULL DEFAULT '',
        kind text NOT NULL,
        type text NOT NULL,
        text text NOT NULL DEFAULT '',
        raw bytea NOT NULL,
        sent_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        done_at timestamptz,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        outcome text NOT NULL DEFAULT ''
    )
    """,
    """
    CREATE INDEX ix_inbound_messages_next_attempt_at ON notifications.inbound_messages (next_attempt_at)
    WHERE done_at IS NULL
    """,
    """
    CREATE INDEX ix_inbound_messages_sender ON notifications.inbound_messages (sender, sequence)
    WHERE done_at IS NULL
    """,
    """
    CREATE TABLE notifications.inbound_statuses (
        provider_id text,
        status text,
        raw bytea NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_inbound_statuses PRIMARY KEY (provider_id, status)
    )
    """,
    """
    CREATE TABLE notifications.inbound_unread (
        digest bytea CONSTRAINT pk_inbound_unread PRIMARY KEY,
        raw bytea NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE notifications.messages (
        id text CONSTRAINT pk_messages PRIMARY KEY,
        business_id text NOT NULL,
        invoice_id text NOT NULL DEFAULT '',
        purpose text NOT NULL,
        contact_id text NOT NULL CONSTRAINT fk_messages_contact_id REFERENCES notifications.contacts (id),
        dedupe_key text NOT NULL CONSTRAINT uq_messages_dedupe_key UNIQUE,
        content jsonb NOT NULL,
        sealed bytea,
        template_only boolean NOT NULL DEFAULT false,
        status text NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        provider_id text CONSTRAINT uq_messages_provider_id UNIQUE,
        error_code text NOT NULL DEFAULT '',
        error_title text NOT NULL DEFAULT '',
        pricing jsonb,
        queued_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        sent_at timestamptz,
        delivered_at timestamptz,
        read_at timestamptz,
        version bigint NOT NULL DEFAULT 1
    )
    """,
    "CREATE INDEX ix_messages_business_id_id ON notifications.messages (business_id, id)",
    "CREATE INDEX ix_messages_business_id_invoice_id_id ON notifications.messages (business_id, invoice_id, id)",
    "CREATE INDEX ix_messages_contact_id ON notifications.messages (contact_id)",
    """
    CREATE INDEX ix_messages_next_attempt_at ON notifications.messages (next_attempt_at)
    WHERE status = 'queued'
    """,
    """
    CREATE TABLE notifications.sent_invoices (
        invoice_id text CONSTRAINT pk_sent_invoices PRIMARY KEY,
        business_id text NOT NULL,
        phone text NOT NULL,
        business_name text NOT NULL,
        number text NOT NULL,
        public_url text NOT NULL,
        currency text NOT NULL,
        due_minor bigint NOT NULL,
        due_date date,
        settled boolean NOT NULL,
        version bigint NOT NULL
    )
    """,
    "CREATE INDEX ix_sent_invoices_phone ON notifications.sent_invoices (phone, invoice_id)",
)


def upgrade() -> None:
    create_kit_tables("notifications")
    for statement in STATEMENTS:
        op.execute(statement)
    notify_on_insert("notifications", "inbound_messages")
    notify_on_insert("notifications", "messages")
