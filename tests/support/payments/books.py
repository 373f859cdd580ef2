"""Books of their own: a database that no other test writes into, entries made by hand, and rows broken on purpose."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from support.backing import host_and_port
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.migrations import migrate
from whatsinvoice_kit.data.provision import owner_of, provision, role_of
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_payments.models import KIT_TABLES

EVERY_BUSINESS = "-c app.business_id=*"
INSERT = """
    INSERT INTO payments.ledger_entries
        (id, business_id, entry_set_id, purpose, account, currency, amount_minor, payment_id, invoice_id, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'inv_1', now())
"""
ROLES = (role_of("payments"), owner_of("payments"))
SALE = (("paystack_clearing", 90), ("fees", 10), ("receivable", -100))


_SALE = """
    INSERT INTO payments.payments (id, business_id, invoice_id, number, reference, status, currency, asked_minor,
        settled_minor, paid_minor, fees_minor, channel, opening_until, paid_at, created_at, updated_at, version)
    VALUES (%(payment)s, %(business)s, %(invoice)s, 1, %(reference)s, 'succeeded', 'NGN', 10000, 10000, 10000, 100,
        'card', now(), now(), now() - interval '20 min', now() - interval '20 min', 2)
"""
_ALLOCATION = """
    INSERT INTO payments.allocations VALUES (%(payment)s, %(cause)s, %(business)s, %(invoice)s, %(applied)s, %(credit)s,
        'NGN', %(total)s, %(paid)s, %(status)s, %(version)s, now() - interval '2 min')
"""


@dataclass(frozen=True)
class Sale:
    """The ids of a payment and of what belongs to it."""

    business_id: str
    payment_id: str
    invoice_id: str
    entry_set_id: str


@dataclass(frozen=True)
class Books:
    """The addresses of a database with payments' tables: of the service's role, of their owner, of a superuser."""

    url: str
    owner_url: str
    admin_url: str

    def post(
        self,
        business_id: str,
        *postings: tuple[str, int],
        entry_set_id: str = "",
        payment_id: str = "",
        purpose: str = "payment",
    ) -> str:
        """Commits a set of NGN as the service's role; gives its id. That of a sale where no postings are given."""
        entry_set_id, payment_id = entry_set_id or new_id("set"), payment_id or new_id("pay")
        with closing(psycopg.connect(self.url, options=EVERY_BUSINESS)) as connection, connection.transaction():
            for account, amount in postings or SALE:
                values = (new_id("led"), business_id, entry_set_id, purpose, account, "NGN", amount, payment_id)
                connection.execute(INSERT, values)
        return entry_set_id

    def sale(self, **changes: Any) -> "Sale":
        """A payment of 10,000 that went well, its entries, and what invoices said of it; `changes` are columns'."""
        payment_id, invoice_id = new_id("pay"), new_id("inv")
        told = {"business": new_id("biz"), "payment": payment_id, "invoice": invoice_id, "reference": payment_id[4:]}
        with psycopg.connect(self.admin_url, options=EVERY_BUSINESS) as admin:
            admin.execute(_SALE.encode(), told)
            for column, value in changes.items():
                change = sql.SQL("UPDATE payments.payments SET {} = %s WHERE id = %s").format(sql.Identifier(column))
                admin.execute(change, (value, payment_id))
        postings = (("paystack_clearing", 9_900), ("fees", 100), ("receivable", -10_000))
        entry_set = self.post(told["business"], *postings, payment_id=payment_id)
        return Sale(told["business"], payment_id, invoice_id, entry_set)

    def allocate(self, sale: "Sale", applied: int, **of_invoice: Any) -> None:
        """Invoices says that so much of the payment counted, and how the invoice was after that."""
        values = {
            "total": 10_000,
            "paid": applied,
            "status": "paid",
            "version": 3,
            "cause": "",
            "credit": 0,
        } | of_invoice
        told = values | {"business": sale.business_id, "payment": sale.payment_id, "invoice": sale.invoice_id}
        with psycopg.connect(self.admin_url, options=EVERY_BUSINESS) as admin:
            admin.execute(_ALLOCATION.encode(), told | {"applied": applied})

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """What a superuser sees."""
        with psycopg.connect(self.admin_url, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def breaks(self, statement: str, *values: Any) -> None:
        """As a superuser, with every trigger off."""
        with psycopg.connect(self.admin_url, options="-c session_replication_role=replica") as connection:
            assert connection.execute(statement.encode(), values).rowcount > 0, statement

    def erase(self, table: str, business_id: str) -> None:
        """All that a business has in a table, with every trigger off."""
        statement = sql.SQL("DELETE FROM {} WHERE business_id = %s").format(sql.Identifier("payments", table))
        with psycopg.connect(self.admin_url, options="-c session_replication_role=replica") as connection:
            connection.execute(statement, [business_id])

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        engine = make_engine(self.url, pool_size=2, application="books")
        try:
            yield UnitOfWork(engine, KIT_TABLES.outbox)
        finally:
            await engine.dispose()


@contextmanager
def own_books(postgres_url: str, target: str = "head") -> Iterator[Books]:
    """A new database, migrated to a revision."""
    name = f"books_{secrets.token_hex(4)}"
    host, port = host_and_port(postgres_url)
    password = "payments-of-the-tests"
    provision(postgres_url, "payments", password, password, name)
    url, owner_url = (f"postgresql://{role}:{password}@{host}:{port}/{name}" for role in ROLES)
    books = Books(url, owner_url, f"{postgres_url.rpartition('/')[0]}/{name}")
    migrate("whatsinvoice_payments", books.owner_url, target)
    yield books
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
