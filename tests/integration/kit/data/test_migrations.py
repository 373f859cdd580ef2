"""Migrations: they make what the code declares, and hold no lock for long."""

import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest
from support.root import ROOT
from whatsinvoice_kit.data.migrations import check, revisions, sql_of

SERVICES = ("auth", "invoices", "payments", "notifications")


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


def test_no_migration_locks_a_table_for_long(tmp_path: Path) -> None:
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
        ("ALTER TABLE payments.payments ADD COLUMN a uuid DEFAULT gen_random_uuid()", "adding-field-with-default"),
        ("ALTER TABLE payments.payments ALTER COLUMN paid_at SET NOT NULL", "adding-not-nullable-field"),
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
