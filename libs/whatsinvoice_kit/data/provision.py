"""Roles and schemas in one database: for each service an owner that migrates and a role that runs, and one for backups.

The role that runs reads and writes the rows of its own schema and nothing else: it makes, changes and drops no table.
With a table whose comment is one of MARKS it may do less. The mark is the table's own, so a restore brings it along.
"""

from typing import Any

import psycopg
from psycopg import sql

DATABASE = "whatsinvoice"
BACKUP_ROLE = "whatsinvoice_backup"
APPEND_ONLY, KEPT_BY_TRIGGERS = "append-only", "kept by triggers"
MARKS = frozenset({APPEND_ONLY, KEPT_BY_TRIGGERS})
"""Comments of tables. The role that runs may read and insert into the first kind, and only read the second."""


class SuperuserNeededError(RuntimeError):
    """The admin may not give a role what it needs; the text says what a superuser has to run."""


def role_of(service: str) -> str:
    """The role that a service runs with."""
    return f"whatsinvoice_{service}"


def owner_of(service: str) -> str:
    """The role that owns a service's schema, and migrates it."""
    return f"whatsinvoice_{service}_owner"


def provision(admin_url: str, service: str, password: str, owner_password: str, database: str = DATABASE) -> None:
    """Makes database, roles and schema of a service where they are missing, and sets the roles' passwords.

    admin_url is a superuser's on any database of the server, or that of a role with CREATEROLE and CREATEDB, as managed
    servers give it: it then becomes a member of the roles that it makes.
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
                _run(inside, sql.SQL(statement).format(**names))


def narrow(connection: "psycopg.Connection[Any]", service: str) -> None:
    """Takes from the role that runs what its schema's marked tables refuse it; as the owner, or as a superuser.

    Where tables are made otherwise than by migrations (a restore), default privileges have given it everything.
    """
    _run(connection, sql.SQL(NARROW).format(schema_name=sql.Literal(service)))


def _run(connection: "psycopg.Connection[Any]", statement: sql.Composed) -> None:
    """A statement, and those that it gives."""
    made = connection.execute(statement)
    for (each,) in made.fetchall() if made.description else ():
        connection.execute(each)


def provision_backup(admin_url: str, password: str, database: str = DATABASE) -> None:
    """Makes the role that reads every row of every schema, past row-level security, and writes nothing.

    Raises:
        SuperuserNeededError: BYPASSRLS is a superuser's to give up to Postgres 15, and later of who has it as well.
    """
    with psycopg.connect(admin_url, autocommit=True) as admin:
        _make_roles(admin, database, {BACKUP_ROLE: password})
        names = {"database": sql.Identifier(database), "role": sql.Identifier(BACKUP_ROLE)}
        for statement in _OF_BACKUP:
            admin.execute(sql.SQL(statement).format(**names))
        left = []
        for held, statement in _SIGHT:
            made = sql.SQL(statement).format(**names)
            try:
                if admin.execute(held, [BACKUP_ROLE]).fetchone() != (True,):
                    admin.execute(made)
            except psycopg.errors.InsufficientPrivilege:
                left.append(f"{made.as_string(admin)};")
    if left:
        raise SuperuserNeededError(f"a superuser has to run, once: {' '.join(left)}")


def _make_roles(admin: psycopg.Connection, database: str, passwords: dict[str, str]) -> None:
    """Holds a lock until the connection ends: whoever else provisions waits."""
    admin.execute("SELECT pg_advisory_lock(hashtextextended('whatsinvoice:provision', 0))")
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    [superuser] = admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() or (False,)
    for name, password in passwords.items():
        if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
            if not superuser:  # who may then give it what it is to own, and act as it
                admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))


_GRANT_EACH = """
    SELECT format('GRANT %s ON %s TO %I', CASE obj_description(pg_class.oid, 'pg_class')
        WHEN 'append-only' THEN 'SELECT, INSERT' WHEN 'kept by triggers' THEN 'SELECT'
        ELSE 'SELECT, INSERT, UPDATE, DELETE' END, pg_class.oid::regclass, {role_name})
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = {schema_name} AND relkind IN ('r', 'p')
"""
NARROW = """
    SELECT DISTINCT format('REVOKE %s ON %s FROM %I',
        CASE mark WHEN 'append-only' THEN 'UPDATE, DELETE, TRUNCATE' ELSE 'INSERT, UPDATE, DELETE, TRUNCATE' END,
        pg_class.oid::regclass, rolname)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace,
        obj_description(pg_class.oid, 'pg_class') AS mark, aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee
    WHERE nspname = {schema_name} AND mark IN ('append-only', 'kept by triggers') AND grantee <> relowner
"""
"""Gives statements: everybody's rights to marked tables but the owner's."""
_OF_SERVICE = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {role}, {owner}",
    "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    _GRANT_EACH,
    NARROW,
    """
    ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema}
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}
    """,
)

_OF_BACKUP = (
    "ALTER ROLE {role} SET default_transaction_read_only = on",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
)
_SIGHT = (
    ("SELECT rolbypassrls FROM pg_roles WHERE rolname = %s", "ALTER ROLE {role} BYPASSRLS"),
    ("SELECT pg_has_role(%s, 'pg_read_all_data', 'USAGE')", "GRANT pg_read_all_data TO {role}"),
)
"""Whether the role has it, and how it gets it."""
