"""A year of plausible business in a stack's databases: for drills and measurements at a size that nobody types in."""

from pathlib import Path

import httpx
import psycopg

_INVOICES_EACH = 500
_STATEMENTS = Path(__file__).with_suffix(".sql")


def fill(admin_url: str, invoices: int) -> None:
    """Adds so many invoices, one business to 500 of them, with what belongs to them in every schema; once.

    `admin_url` is a superuser's at the migrated database: row-level security and triggers are passed by, and what the
    triggers would hold against it is held by the statements.
    """
    businesses = max(1, invoices // _INVOICES_EACH)
    with psycopg.connect(admin_url, options="-c session_replication_role=replica -c synchronous_commit=off") as admin:
        for statement in _STATEMENTS.read_text().split(";\n"):
            if statement.strip():
                admin.execute(
                    statement.replace(":invoices", str(invoices)).replace(":businesses", str(businesses)).encode()
                )
                admin.commit()
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("ANALYZE")


def render_documents(admin_url: str, gateway_url: str, count: int) -> None:
    """Asks for the PDFs of so many issued invoices, as customers do; each is rendered and kept."""
    with psycopg.connect(admin_url) as admin:
        found = admin.execute(
            "SELECT token FROM invoices.invoices WHERE token IS NOT NULL ORDER BY id LIMIT %s", [count]
        )
        tokens = [token for (token,) in found]
    with httpx.Client(base_url=gateway_url, timeout=30, trust_env=False) as client:
        for token in tokens:
            client.get(f"/i/{token}/pdf").raise_for_status()
