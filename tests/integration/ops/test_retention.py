"""What is kept: the newest of days, weeks and months; never less than the last good one."""

import dataclasses
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from integration.ops.conftest import House
from whatsinvoice_backup import documents
from whatsinvoice_backup.catalogue import moment_of, name_at, to_keep
from whatsinvoice_backup.contents import alone
from whatsinvoice_backup.failures import BackupError
from whatsinvoice_backup.manifest import Manifest, key_of
from whatsinvoice_backup.retention import prune

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def kept(days: list[float], **counts: int) -> list[int]:
    """How old, in days, those are that stay."""
    names = [name_at(NOON - timedelta(days=day), f"{number:06}") for number, day in enumerate(days)]
    limits = {"hours": 2, "daily": 7, "weekly": 5, "monthly": 12} | counts
    return sorted((NOON - moment_of(name)).days for name in to_keep(names, NOON, **limits))


def test_the_newest_of_each_day_week_and_month_stays() -> None:
    hourly = [hour / 24 for hour in range(24 * 500)]
    found = kept(hourly)
    assert len(hourly) == 12_000
    # two hours, the seven last days by their last hour, Sundays, last days of months
    assert found == [0, 0, 0, 1, 2, 3, 4, 5, 8, 15, 22, 23, 54, 84, 115, 146, 176, 207, 237, 268, 296, 327]


def test_the_only_one_stays_however_old() -> None:
    assert kept([900.0]) == [900]
    assert kept([900.0, 901.0], hours=0, daily=1, weekly=0, monthly=0) == [900]
    assert kept([]) == []


@pytest.fixture
def shelf(empty_shelf: House) -> House:
    """One backup, which alone is kept."""
    limits = {"keep_hours": 0, "keep_daily": 1, "keep_weekly": 0, "keep_monthly": 0}
    shelf = dataclasses.replace(empty_shelf, settings=empty_shelf.settings.model_copy(update=limits))
    shelf.save()
    return shelf


def put_manifest(house: House, manifest: Manifest, moment: datetime) -> str:
    """A copy of a backup's manifest and list, as of another time."""
    name = name_at(moment, secrets.token_hex(3))
    listed = house.target.get(key_of(manifest.name, documents.LIST)) or b""
    house.target.put(key_of(name, documents.LIST), listed)
    house.target.put(key_of(name), house.catalogue.signer.signed_manifest(dataclasses.replace(manifest, name=name)))
    return name


def test_old_backups_go_and_their_documents_with_them(shelf: House) -> None:
    [manifest] = shelf.catalogue.listing().good
    old = put_manifest(shelf, manifest, datetime.now(UTC) - timedelta(days=40))
    shelf.target.put(f"{documents.FOLDER}/biz_9/inv_9/1.pdf/v1", b"of no kept backup")
    assert prune(shelf.catalogue, shelf.settings) == [old]
    assert [found.name for found in shelf.catalogue.listing().good] == [manifest.name]
    assert shelf.target.sizes(f"backups/{old}/") == {}
    assert len(shelf.target.sizes(f"{documents.FOLDER}/")) == manifest.objects
    assert prune(shelf.catalogue, shelf.settings) == []


UNNAMED = f"{documents.FOLDER}/biz_9/inv_9/1.pdf/v1"
"""A document that no manifest names."""
DAY, LONG = timedelta(days=1), timedelta(days=400)
SECOND = timedelta(seconds=30)


def put_unfinished(house: House, age: timedelta) -> str:
    """Put a dump without a manifest: a backup that is being made, or one that never ended."""
    name = name_at(datetime.now(UTC) - age, secrets.token_hex(3))
    house.target.put(key_of(name, "auth.dump.age"), b"half")
    return name


def put_refused(house: House) -> str:
    name = name_at(datetime.now(UTC) - LONG, secrets.token_hex(3))
    house.target.put(key_of(name), b'{"format": 1}\nnot our signature\n')
    return name


def put_old(house: House) -> str:
    """Put a good backup that no period keeps, so that there is something to delete."""
    [manifest] = house.catalogue.listing().good
    return put_manifest(house, manifest, datetime.now(UTC) - LONG)


@pytest.mark.parametrize(("age", "goes"), [(DAY + SECOND, True), (DAY - SECOND, False)])
def test_f43_an_unfinished_backup_goes_after_a_day(shelf: House, age: timedelta, *, goes: bool) -> None:
    name = put_unfinished(shelf, age)
    assert prune(shelf.catalogue, shelf.settings) == [name] * goes
    assert shelf.catalogue.listing().unfinished == [name] * (not goes)


def test_f43_a_backup_with_a_strange_manifest_never_goes(shelf: House) -> None:
    old, strange = put_old(shelf), put_refused(shelf)
    assert prune(shelf.catalogue, shelf.settings) == [old]
    assert list(shelf.catalogue.listing().refused) == [strange]
    assert key_of(strange) in shelf.target.sizes("backups/")


@pytest.mark.parametrize("beside", [put_unfinished, put_refused])
def test_f43_a_document_stays_while_a_backup_beside_may_name_it(shelf: House, beside: Callable[..., str]) -> None:
    """An old backup goes, so documents may go: one condition at a time holds them back."""
    old = put_old(shelf)
    name = beside(shelf, SECOND) if beside is put_unfinished else beside(shelf)
    shelf.target.put(UNNAMED, b"copied by the backup beside")
    assert prune(shelf.catalogue, shelf.settings) == [old]
    assert UNNAMED in shelf.target.sizes(f"{documents.FOLDER}/")
    shelf.target.delete(shelf.target.sizes(f"backups/{name}/"))
    again = put_old(shelf)
    assert prune(shelf.catalogue, shelf.settings) == [again]
    assert UNNAMED not in shelf.target.sizes(f"{documents.FOLDER}/"), "nothing else holds it back"


def test_f43_nothing_is_deleted_while_a_backup_is_being_made(shelf: House) -> None:
    """A backup that began after the listing, or has written nothing yet, is in no listing."""
    old = put_old(shelf)
    shelf.target.put(UNNAMED, b"copied by the backup that is being made")
    with (
        alone(next(iter(shelf.settings.addresses().values()))),
        pytest.raises(BackupError, match="another backup is being made"),
    ):
        prune(shelf.catalogue, shelf.settings)
    assert UNNAMED in shelf.target.sizes(f"{documents.FOLDER}/")
    assert prune(shelf.catalogue, shelf.settings) == [old]


def test_the_later_of_one_second_sorts_behind() -> None:
    moments = [datetime(2026, 11, 24, 12, 0, 0, microsecond, UTC) for microsecond in (7, 90, 500_000)]
    names = [name_at(moment, suffix) for moment, suffix in zip(moments, ("ff", "80", "00"), strict=True)]
    assert sorted(names) == names
    assert {moment_of(name) for name in names} == {moments[0].replace(microsecond=0)}
