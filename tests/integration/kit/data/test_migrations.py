"""Migrations: they make what the code declares, hold no lock for long, and the code before them goes on running."""

import secrets
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from support.backing import host_and_port
from support.root import ROOT
from whatsinvoice_kit.data.migrations import check, migrate, revisions, sql_of
from whatsinvoice_kit.data.provision import owner_of, provision

SERVICES = ("auth", "invoices", "payments", "notifications")
COLUMNS = """
    SELECT table_name || '.' || column_name, udt_name,
        is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND is_generated = 'NEVER'
    FROM information_schema.columns WHERE table_schema = %s
"""


def said_of(*files: Path) -> str:
    """What squawk has to say."""
    command = [str(Path(sys.prefix) / "bin" / "squawk"), "--reporter=gcc", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert bool(done.returncode) == bool(done.stdout.strip())
    return done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_code_and_database_agree(migrated: dict[str, str], service: str) -> None:
    check(f"whatsinvoice_{service}", migrated[service])


def test_no_migration_locks_a_table_for_long_or_takes_from_the_code_before_it(tmp_path: Path) -> None:
    files = []
    for service in SERVICES:
        for revision in revisions(f"whatsinvoice_{service}"):
            files.append(tmp_path / f"{service}-{revision}.sql")
            files[-1].write_text(sql_of(f"whatsinvoice_{service}", revision))
    assert len(files) >= 9
    assert said_of(*files) == ""


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("CREATE INDEX ix_a ON payments.payments (status)", "require-concurrent-index-creation"),
        ("DROP INDEX payments.ix_payments_next_check_at", "require-concurrent-index-deletion"),
        ("ALTER TABLE payments.payments ADD COLUMN a text NOT NULL", "adding-required-field"),
        ("ALTER TABLE payments.payments ADD COLUMN a uuid DEFAULT gen_random_uuid()", "adding-field-with-default"),
        ("ALTER TABLE payments.payments ALTER COLUMN number TYPE bigint", "changing-column-type"),
        ("ALTER TABLE payments.payments ALTER COLUMN paid_at SET NOT NULL", "adding-not-nullable-field"),
        ("ALTER TABLE payments.payments DROP COLUMN reason", "ban-drop-column"),
        ("ALTER TABLE payments.payments RENAME COLUMN reason TO why", "renaming-column"),
        ("ALTER TABLE payments.payments RENAME TO attempts", "renaming-table"),
        ("DROP TABLE payments.webhookevent", "ban-drop-table"),
        ("ALTER TABLE payments.payments ADD CONSTRAINT ck CHECK (number > 0)", "constraint-missing-not-valid"),
        ("ALTER TABLE payments.payments ADD CONSTRAINT uq UNIQUE (channel)", "disallowed-unique-constraint"),
        (
            "ALTER TABLE payments.payments ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES payments.webhookevent (id)",
            "adding-foreign-key-constraint",
        ),
        (
            "CREATE INDEX CONCURRENTLY ix_a ON payments.payments (status)",
            "ban-concurrent-index-creation-in-transaction",
        ),
    ],
)
def test_the_linter_finds(tmp_path: Path, statement: str, rule: str) -> None:
    file = tmp_path / "wrong.sql"
    file.write_text(f"BEGIN;\n{statement};\nCOMMIT;\n")
    assert rule in said_of(file)


@pytest.fixture(scope="module")
def empty(postgres_url: str) -> Iterator[dict[str, str]]:
    """Service -> the address of the owner of its empty schema, in a database of this module's own."""
    name = f"migrations_{secrets.token_hex(4)}"
    host, port = host_and_port(postgres_url)
    for service in SERVICES:
        password = f"{service}-of-the-tests"
        provision(postgres_url, service, password, password, name)
    yield {
        service: f"postgresql://{owner_of(service)}:{service}-of-the-tests@{host}:{port}/{name}" for service in SERVICES
    }
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def columns(url: str, schema: str) -> dict[str, tuple[str, bool]]:
    """`table.column` -> its type, and whether an INSERT has to name it."""
    with psycopg.connect(url) as connection:
        return {name: (kind, needed) for name, kind, needed in connection.execute(COLUMNS, [schema])}


def taken(before: dict[str, tuple[str, bool]], after: dict[str, tuple[str, bool]]) -> list[str]:
    """What statements written for `before` would miss in `after`: columns, their types, or a value for a new one."""
    tables = {name.partition(".")[0] for name in before}
    missing = [f"{name} is gone" for name in before.keys() - after.keys()]
    changed = [f"{name} is another type" for name in before.keys() & after.keys() if before[name][0] != after[name][0]]
    required = [
        f"{name} must be given"
        for name, (_, needed) in after.items()
        if needed and not before.get(name, ("", False))[1] and name.partition(".")[0] in tables
    ]
    return sorted(missing + changed + required)


@pytest.mark.parametrize("service", SERVICES)
def test_the_code_before_a_migration_runs_after_it(empty: dict[str, str], service: str) -> None:
    """Whatever it selects and inserts is still there, and nothing new is asked of it."""
    package, url = f"whatsinvoice_{service}", empty[service]
    before: dict[str, tuple[str, bool]] = {}
    for revision in revisions(package):
        migrate(package, url, revision)
        after = columns(url, service)
        assert taken(before, after) == [], revision
        before = after
    assert len(before) > 30


def test_what_would_stop_the_code_before_is_found() -> None:
    before = {"payments.id": ("text", True), "payments.number": ("int4", True), "payments.reason": ("text", False)}
    after = {"payments.id": ("text", True), "payments.number": ("int8", True), "payments.kind": ("text", True)}
    assert taken(before, after) == [
        "payments.kind must be given",
        "payments.number is another type",
        "payments.reason is gone",
    ]
    assert taken(before, before | {"payments.note": ("text", False), "refunds.id": ("text", True)}) == []


def test_an_index_is_made_while_the_table_is_written_and_another_runner_waits(
    sample_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner that waited within a statement would be waited for by CREATE INDEX CONCURRENTLY: a deadlock."""
    versions = tmp_path / "whatsinvoice_grown" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "whatsinvoice_grown" / "__init__.py").touch()
    (versions.parent / "env.py").write_text(
        "from sqlalchemy import MetaData\nfrom whatsinvoice_kit.data.migrations import run_env\n"
        'run_env(MetaData(schema="sample"))\n'
    )
    for number, (before, body) in enumerate(
        [
            ("None", 'op.execute("CREATE TABLE sample.rows (id int)")'),
            ('"r1"', 'op.execute("SELECT pg_sleep(0.5)"); create_index_concurrently("ix_rows_id", "sample.rows (id)")'),
        ],
        start=1,
    ):
        (versions / f"r{number}.py").write_text(
            textwrap.dedent(f"""
                from alembic import op
                from whatsinvoice_kit.data.migrations import create_index_concurrently
                revision, down_revision = "r{number}", {before}
                def upgrade(): {body}
            """)
        )
    with psycopg.connect(sample_url, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA sample")
    program = "import sys; from whatsinvoice_kit.data.migrations import migrate; migrate(*sys.argv[1:])"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    runners = [subprocess.Popen([sys.executable, "-c", program, "whatsinvoice_grown", sample_url]) for _ in range(2)]
    assert [runner.wait(40) for runner in runners] == [0, 0]
    with psycopg.connect(sample_url) as connection:
        found = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'sample.ix_rows_id'::regclass")
        assert found.fetchall() == [(True,)]
