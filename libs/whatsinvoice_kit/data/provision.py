"""Roles and schemas in one database: for each service an owner that migrates and a role that runs, and one for backups.

The role that runs reads and writes the rows of its own schema and nothing else: it makes, changes and drops no table.
"""

import psycopg
from psycopg import sql

DATABASE = "whatsinvoice"
BACKUP_ROLE = "whatsinvoice_backup"


def role_of(service: str) -> str:
    """The role that a service runs with."""
    return f"whatsinvoice_{service}"


def owner_of(service: str) -> str:
    """The role that owns a service's schema, and migrates it."""
    return f"whatsinvoice_{service}_owner"


def provision(admin_url: str, service: str, password: str, owner_password: str, database: str = DATABASE) -> None:
    """Makes database, roles and schema of a service where they are missing, and sets the roles' passwords.

    admin_url is a superuser's on any database of the server.
    """
    role, owner = role_of(service), owner_of(service)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        _make_roles(admin, database, {role: password, owner: owner_password})
        with psycopg.connect(admin_url, dbname=database, autocommit=True) as inside:
            names: dict[str, sql.Composable] = {
                "schema_name": sql.Literal(service),
                "role_name": sql.Literal(role),
                "owner_name": sql.Literal(owner),
                "database": sql.Identifier(database),
                "schema": sql.Identifier(service),
                "role": sql.Identifier(role),
                "owner": sql.Identifier(owner),
            }
            for statement in _OF_SERVICE:
                made = inside.execute(sql.SQL(statement).format(**names))
                for (each,) in made.fetchall() if made.description else ():
                    inside.execute(each)


def provision_backup(admin_url: str, password: str, database: str = DATABASE) -> None:
    """Makes the role that reads every row of every schema, past row-level security, and writes nothing."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        _make_roles(admin, database, {BACKUP_ROLE: password})
        names = {"database": sql.Identifier(database), "role": sql.Identifier(BACKUP_ROLE)}
        for statement in _OF_BACKUP:
            admin.execute(sql.SQL(statement).format(**names))


def _make_roles(admin: psycopg.Connection, database: str, passwords: dict[str, str]) -> None:
    """Holds a lock until the connection ends: whoever else provisions waits."""
    admin.execute("SELECT pg_advisory_lock(hashtextextended('whatsinvoice:provision', 0))")
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    for name, password in passwords.items():
        if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))


_EACH_TABLE = """
    SELECT format('ALTER TABLE %s OWNER TO %I', pg_class.oid::regclass, {owner_name})
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace JOIN pg_roles ON pg_roles.oid = relowner
    WHERE nspname = {schema_name} AND rolname = {role_name} AND relkind IN ('r', 'p')
"""
"""Tables by themselves: one transaction that locks them all waits in a circle with those who use them."""
_OF_SERVICE = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {role}, {owner}",
    "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}",
    # Schemas of the first releases had one role for both. What runs meanwhile must be refused nothing: until it has
    # rights of its own, it has the owner's.
    "GRANT {owner} TO {role}",
    "ALTER SCHEMA {schema} OWNER TO {owner}",
    _EACH_TABLE,
    "REASSIGN OWNED BY {role} TO {owner}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    """
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}
    """,
    "REVOKE {owner} FROM {role}",
)

_OF_BACKUP = (
    "ALTER ROLE {role} BYPASSRLS",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
    "GRANT pg_read_all_data TO {role}",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
)
