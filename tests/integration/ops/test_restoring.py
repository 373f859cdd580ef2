"""What was saved comes back equal, and a copy that differs in anything is noticed."""

import json
from typing import Any

import psycopg
import pytest
from integration.ops.conftest import House, Place
from structlog.testing import capture_logs
from whatsinvoice_backup import documents
from whatsinvoice_backup.contents import read_contents, snapshots
from whatsinvoice_backup.failures import BackupError
from whatsinvoice_backup.manifest import Manifest, parsed
from whatsinvoice_backup.restoring import compare, restore, verify
from whatsinvoice_invoices.models import KIT_TABLES as INVOICES
from whatsinvoice_invoices.service.invariants import InvariantsService as InvoicesInvariants
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.provision import role_of
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.events.tables import KitTables
from whatsinvoice_payments.domain.chain import digest_of, read_head
from whatsinvoice_payments.models import KIT_TABLES as PAYMENTS
from whatsinvoice_payments.service.invariants import InvariantsService as PaymentsInvariants


def different(house: House, manifest: Manifest, place: Place) -> list[str]:
    return compare(place.settings, house.catalogue, manifest, place.bucket)


def test_what_is_restored_equals_what_was_saved(house: House, newer: Manifest, restored: Place) -> None:
    verify(house.catalogue, newer)
    assert different(house, newer, restored) == []
    assert newer.contents.tables["payments"]["ledger_entries"].rows == newer.contents.ledger.entries > 500
    assert sum(newer.contents.ledger.sums.values()) == 0
    assert restored.bucket.get_version("biz_1/inv_0/1.pdf") == (b"drawn again", "application/pdf")


def test_roles_and_walls_are_there_again(restored: Place) -> None:
    service = restored.admin_url.replace(
        restored.admin_url.split("//")[1].split("@")[0], "whatsinvoice_invoices:invoices-of-the-tests"
    )
    with psycopg.connect(service, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM invoices.invoices").fetchone() == (0,)
        connection.execute("SET app.business_id = '*'")
        assert connection.execute("SELECT count(*) > 200 FROM invoices.invoices").fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE invoices.mine (id int)")
    with psycopg.connect(restored.admin_url) as admin, pytest.raises(psycopg.errors.RestrictViolation):
        admin.execute("DELETE FROM payments.ledger_entries")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE invoices.customers SET name = name || '.' WHERE id = (SELECT min(id) FROM invoices.customers)",
         "invoices.customers has as many rows and another checksum"),
        ("DELETE FROM notifications.inbox WHERE event_id = (SELECT min(event_id) FROM notifications.inbox)",
         "notifications.inbox has "),
        ("DROP TABLE auth.verifications", "auth.verifications is missing"),
        ("UPDATE auth.alembic_version SET version_num = '0001_first'", "auth is at 0001_first and was at "),
    ],
)  # fmt: skip
def test_a_changed_copy_is_noticed(house: House, newer: Manifest, copy: Place, statement: str, said: str) -> None:
    with psycopg.connect(copy.admin_url) as admin:
        admin.execute(statement.encode())
    assert any(found.startswith(said) for found in different(house, newer, copy))


def test_a_changed_ledger_and_changed_documents_are_noticed(house: House, newer: Manifest, copy: Place) -> None:
    with psycopg.connect(copy.admin_url, options="-c session_replication_role=replica") as admin:
        admin.execute(
            "UPDATE payments.ledger_entries SET invoice_id = 'inv_other' "
            "WHERE id = (SELECT min(id) FROM payments.ledger_entries)"
        )
    copy.bucket.put("biz_1/inv_1/1.pdf", b"other")
    copy.bucket.delete(["biz_1/inv_2/1.pdf"])
    copy.bucket.put("biz_1/stranger.pdf", b"never saved")
    found = different(house, newer, copy)
    copy.bucket.delete(["biz_1/stranger.pdf"])
    assert any("the ledger has" in line for line in found)
    assert {line for line in found if "biz_1" in line} == {
        "biz_1/inv_1/1.pdf has other content",
        "biz_1/inv_2/1.pdf is missing",
        "biz_1/stranger.pdf was never saved",
    }


def test_where_the_chains_ended_lies_beside_the_dumps(house: House, newer: Manifest) -> None:
    """As the audit of payments reads it, under the digest that its log names."""
    heads = [read_head(line) for line in house.catalogue.heads(newer).splitlines()]
    assert newer.contents.ledger.heads == len(heads) > 0
    assert newer.contents.ledger.heads_sha256 == digest_of(heads)
    assert sum(head.position for head in heads) * 3 == newer.contents.ledger.entries


def test_a_chain_that_ends_elsewhere_is_noticed(house: House, newer: Manifest, copy: Place) -> None:
    with psycopg.connect(copy.admin_url) as admin:
        admin.execute("UPDATE payments.ledger_heads SET position = position - 1")
    said = f"the ledger has {newer.contents.ledger.heads} chains, of {newer.contents.ledger.heads}, and other ends"
    assert said in different(house, newer, copy)


@pytest.mark.parametrize(
    "path", [("heads_list",), ("contents", "ledger", "heads"), ("contents", "ledger", "heads_sha256")]
)
def test_f25_a_backup_without_the_ends_of_the_chains_is_no_backup(
    house: House, newer: Manifest, path: tuple[str, ...]
) -> None:
    """No release wrote one, so nothing exempts a manifest from the comparison of chains."""
    body = json.loads(house.catalogue.signer.signed_manifest(newer).splitlines()[0])
    *folders, last = path
    inner = body
    for name in folders:
        inner = inner[name]
    del inner[last]
    with pytest.raises((KeyError, TypeError), match=last):
        parsed(body)


def test_what_may_only_be_added_to_is_so_again(restored: Place) -> None:
    """The dumps carry no rights, and default privileges give all of them."""
    with psycopg.connect(restored.admin_url) as admin:
        rights = "SELECT has_table_privilege('whatsinvoice_payments', %s, %s)"
        for table, allowed in (("ledger_entries", {"SELECT", "INSERT"}), ("ledger_sets", {"SELECT"})):
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                assert admin.execute(rights, [f"payments.{table}", right]).fetchone() == (right in allowed,), table


def test_a_place_that_is_not_empty_is_left_alone(house: House, newer: Manifest, restored: Place) -> None:
    with pytest.raises(BackupError, match="is not empty"):
        restore(restored.settings, house.catalogue, newer, restored.bucket)


def test_all_services_are_saved_as_of_one_moment(house: House) -> None:
    with snapshots(house.settings.addresses()) as (_, servers):
        assert [sorted(server.services) for server in servers] == [["auth", "invoices", "notifications", "payments"]]
        before = read_contents(servers)
        with psycopg.connect(house.admin_url) as admin:
            admin.execute("INSERT INTO invoices.inbox (event_id, event_type) VALUES ('evt_late', 'InvoiceIssued')")
            admin.execute("INSERT INTO payments.inbox (event_id, event_type) VALUES ('evt_late', 'InvoiceIssued')")
        assert read_contents(servers) == before
    with psycopg.connect(house.admin_url) as admin:
        admin.execute("DELETE FROM invoices.inbox WHERE event_id = 'evt_late'")
        admin.execute("DELETE FROM payments.inbox WHERE event_id = 'evt_late'")


def test_a_document_is_copied_once(house: House, older: Manifest, newer: Manifest) -> None:
    assert (older.objects, older.objects_new) == (7, 7)
    assert (newer.objects, newer.objects_new) == (8, 1)
    stored = house.target.sizes(f"{documents.FOLDER}/")
    assert len(stored) == 8
    assert b"a new document" not in b"".join(house.target.get(key) or b"" for key in stored)


@pytest.mark.parametrize(
    ("service", "job", "tables"),
    [("payments", PaymentsInvariants, PAYMENTS), ("invoices", InvoicesInvariants, INVOICES)],
)
async def test_what_fills_a_house_breaks_no_rule_of_money(
    house: House, newer: Manifest, service: str, job: Any, tables: KitTables
) -> None:
    """A drill's services look at it each minute."""
    assert newer.contents.ledger.entries
    host_and_name = house.admin_url.partition("@")[2]
    url = f"postgresql://{role_of(service)}:{service}-of-the-tests@{host_and_name}"
    engine = make_engine(url, pool_size=2, application="fill")
    try:
        with capture_logs() as logs:
            await job(UnitOfWork(engine, tables.outbox)).work()
    finally:
        await engine.dispose()
    assert logs == []
