"""The ledger's chain: each entry set is linked to the one before it as it commits, and balances are kept beside."""

from alembic import op
from whatsinvoice_kit.data.migrations import mark, show_one_business
from whatsinvoice_kit.data.provision import APPEND_ONLY, KEPT_BY_TRIGGERS

revision = "0008_chain"
down_revision = "0007_walls"

TABLES = (
    """
    CREATE TABLE payments.ledger_heads (
        business_id text CONSTRAINT pk_ledger_heads PRIMARY KEY,
        position bigint NOT NULL,
        hash bytea NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE payments.ledger_sets (
        business_id text NOT NULL,
        position bigint NOT NULL,
        entry_set_id text NOT NULL CONSTRAINT uq_ledger_sets_entry_set_id UNIQUE,
        entries integer NOT NULL,
        previous_hash bytea NOT NULL,
        hash bytea NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT pk_ledger_sets PRIMARY KEY (business_id, position)
    )
    """,
    "CREATE INDEX ix_ledger_sets_created_at ON payments.ledger_sets (created_at)",
    """
    CREATE TABLE payments.ledger_balances (
        business_id text NOT NULL,
        account text NOT NULL,
        currency text NOT NULL,
        amount_minor bigint NOT NULL,
        CONSTRAINT pk_ledger_balances PRIMARY KEY (business_id, account, currency)
    )
    """,
    """
    CREATE TABLE payments.ledger_anchors (
        business_id text NOT NULL,
        position bigint NOT NULL,
        hash bytea NOT NULL,
        taken_at timestamptz NOT NULL,
        CONSTRAINT pk_ledger_anchors PRIMARY KEY (business_id, position)
    )
    """,
)
# The same text is made by domain/chain.py. Every value has its length in bytes before it, so no two sets look alike.
TEXT = (
    """
    CREATE FUNCTION payments.counted(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT octet_length(value) || ':' || value || ','
    $$
    """,
    """
    CREATE FUNCTION payments.entry_text(entry payments.ledger_entries) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT payments.counted(entry.id) || payments.counted(entry.business_id)
            || payments.counted(entry.entry_set_id) || payments.counted(entry.purpose)
            || payments.counted(entry.account) || payments.counted(entry.currency)
            || payments.counted(entry.amount_minor::text) || payments.counted(entry.payment_id)
            || payments.counted(entry.invoice_id)
            || payments.counted((extract(epoch FROM entry.created_at) * 1000000)::bigint::text)
    $$
    """,
)
# With the owner's rights, since nobody else may write these tables; it only ever links what is there.
# Row-level security applies to the owner too, so it sees every row for that time (decision 10).
LINK = """
    CREATE FUNCTION payments.link_entry_set(of_business text, of_set text) RETURNS void LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        seen text := coalesce(current_setting('app.business_id', true), '');
        head payments.ledger_heads;
        linked integer;
        found_entries integer;
        content text;
        link bytea;
    BEGIN
        PERFORM set_config('app.business_id', '*', true);
        SELECT * INTO head FROM payments.ledger_heads WHERE business_id = of_business FOR UPDATE;
        IF NOT FOUND THEN
            INSERT INTO payments.ledger_heads VALUES (of_business, 0, decode(repeat('00', 32), 'hex'), now())
                ON CONFLICT DO NOTHING;
            SELECT * INTO head FROM payments.ledger_heads WHERE business_id = of_business FOR UPDATE;
        END IF;
        SELECT entries INTO linked FROM payments.ledger_sets WHERE entry_set_id = of_set;
        IF FOUND THEN
            SELECT count(*) INTO found_entries FROM payments.ledger_entries WHERE entry_set_id = of_set;
            IF linked <> found_entries THEN
                RAISE EXCEPTION 'entry set % is closed', of_set USING ERRCODE = 'restrict_violation';
            END IF;
            PERFORM set_config('app.business_id', seen, true);
            RETURN;
        END IF;
        SELECT count(*), string_agg(payments.entry_text(e), '' ORDER BY e.id COLLATE "C") INTO found_entries, content
            FROM payments.ledger_entries e WHERE e.entry_set_id = of_set AND e.business_id = of_business;
        IF found_entries = 0 THEN
            RAISE EXCEPTION 'there is no entry set % of %', of_set, of_business USING ERRCODE = 'no_data_found';
        END IF;
        link := sha256(head.hash || convert_to(content, 'UTF8'));
        INSERT INTO payments.ledger_sets
            VALUES (of_business, head.position + 1, of_set, found_entries, head.hash, link, clock_timestamp());
        UPDATE payments.ledger_heads SET position = head.position + 1, hash = link, updated_at = clock_timestamp()
            WHERE business_id = of_business;
        INSERT INTO payments.ledger_balances AS b
            SELECT business_id, account, currency, sum(amount_minor) FROM payments.ledger_entries
            WHERE entry_set_id = of_set AND business_id = of_business GROUP BY 1, 2, 3
            ON CONFLICT (business_id, account, currency)
            DO UPDATE SET amount_minor = b.amount_minor + excluded.amount_minor;
        PERFORM set_config('app.business_id', seen, true);
    END $$
"""
TRIGGERS = (
    """
    CREATE FUNCTION payments.chain_entry_set() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM payments.link_entry_set(NEW.business_id, NEW.entry_set_id);
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER chained AFTER INSERT ON payments.ledger_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments.chain_entry_set()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger_sets
        FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change()
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.ledger_anchors
        FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_change()
    """,
)


def upgrade() -> None:
    for statement in (*TABLES, *TEXT, LINK, *TRIGGERS):
        op.execute(statement)
    names = ("ledger_heads", "ledger_sets", "ledger_balances", "ledger_anchors")
    show_one_business("payments", **dict.fromkeys(names, "business_id"))
    mark(
        "payments",
        ledger_entries=APPEND_ONLY,
        ledger_anchors=APPEND_ONLY,
        ledger_sets=KEPT_BY_TRIGGERS,
        ledger_heads=KEPT_BY_TRIGGERS,
        ledger_balances=KEPT_BY_TRIGGERS,
    )
