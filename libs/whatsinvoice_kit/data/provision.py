"""Roles and schemas: one of each per service in one database, and a role can read only its own schema."""

import psycopg
from psycopg import sql

DATABASE = "whatsinvoice"


def provision(admin_url: str, service: str, password: str, database: str = DATABASE) -> None:
    """Makes database, role and schema of a service where they are missing, and sets the role's password.

    admin_url is a superuser's on any database of the server.
    """
    role, schema = sql.Identifier(f"whatsinvoice_{service}"), sql.Identifier(service)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(hashtextextended('whatsinvoice:provision', 0))")
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [f"whatsinvoice_{service}"]).fetchone():
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))
        with psycopg.connect(admin_url, dbname=database, autocommit=True) as owner:
            owner.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
            owner.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            owner.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), role))
            owner.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(schema, role))
