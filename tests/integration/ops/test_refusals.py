"""A backup that is not what was saved is refused, and the reason names the file."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pyrage
import pytest
from integration.ops.conftest import House, Place
from pydantic import SecretStr
from whatsinvoice_backup import documents
from whatsinvoice_backup.catalogue import Catalogue
from whatsinvoice_backup.contents import alone, snapshots
from whatsinvoice_backup.failures import BackupError, RefusedError
from whatsinvoice_backup.manifest import HEADS, Manifest, Signer, key_of
from whatsinvoice_backup.programs import Programs
from whatsinvoice_backup.restoring import restore, verify
from whatsinvoice_backup.sealing import Opener, Sealer

Change = Callable[[bytes], bytes]


def flipped(content: bytes) -> bytes:
    """One bit of the byte in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def truncated(content: bytes) -> bytes:
    return content[:-2]


@contextmanager
def changed(house: House, key: str, content: bytes | None) -> Iterator[None]:
    """An object holds other content, or is gone, for a while."""
    before = house.target.get(key)
    assert before is not None
    if content is None:
        house.target.delete([key])
    else:
        house.target.put(key, content)
    try:
        yield
    finally:
        house.target.put(key, before)


def content_of(house: House, key: str) -> bytes:
    return house.target.get(key) or b""


def put_back(house: House, manifest: Manifest) -> None:
    """Opens every document as a restore does, and puts it nowhere."""
    opener = Opener(house.settings.identities.get_secret_value())
    documents.put_back(house.target, opener, house.listed(manifest), None)


FILES = ("auth.dump.age", "invoices.dump.age", "payments.dump.age", "notifications.dump.age", documents.LIST, HEADS)


@pytest.mark.parametrize("change", [flipped, truncated])
@pytest.mark.parametrize("file", FILES)
def test_a_changed_file_is_refused(house: House, newer: Manifest, file: str, change: Change) -> None:
    key = key_of(newer.name, file)
    with (
        changed(house, key, change(content_of(house, key))),
        pytest.raises(RefusedError, match=f"{file} (is not what was saved|has .* bytes where)"),
    ):
        verify(house.catalogue, newer)


@pytest.mark.parametrize("file", [FILES[0], documents.LIST])
def test_a_changed_file_is_not_restored(house: House, newer: Manifest, place: Place, file: str) -> None:
    key = key_of(newer.name, file)
    with changed(house, key, flipped(content_of(house, key))), pytest.raises(RefusedError, match=file):
        restore(place.settings, house.catalogue, newer, place.bucket)
    with psycopg.connect(place.admin_url) as admin:
        assert admin.execute("SELECT to_regclass('auth.users')").fetchone() == (None,)


@pytest.mark.parametrize("change", [flipped, truncated])
def test_a_changed_manifest_is_refused(house: House, newer: Manifest, change: Change) -> None:
    key = key_of(newer.name)
    with changed(house, key, change(content_of(house, key))):
        with pytest.raises(RefusedError, match="is not signed with our key, or was changed"):
            house.catalogue.manifest(newer.name)
        listing = house.catalogue.listing()
        assert newer.name in listing.refused
        assert newer.name not in [manifest.name for manifest in listing.good]


@pytest.mark.parametrize("change", [flipped, lambda _: None])
def test_a_changed_or_missing_document_is_refused(
    house: House, newer: Manifest, change: Callable[[bytes], bytes | None]
) -> None:
    stored = house.listed(newer)[3].stored
    with changed(house, stored, change(content_of(house, stored))), pytest.raises(RefusedError, match=stored):
        put_back(house, newer)


def test_documents_that_changed_places_are_refused(house: House, newer: Manifest) -> None:
    one, other = (document.stored for document in house.listed(newer)[2:4])
    with changed(house, one, content_of(house, other)), pytest.raises(RefusedError, match=one):
        put_back(house, newer)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_refused(house: House, newer: Manifest, file: str) -> None:
    with changed(house, key_of(newer.name, file), None), pytest.raises(RefusedError, match=f"{file} is missing"):
        verify(house.catalogue, newer)


@pytest.mark.parametrize("file", [file for file in FILES if file != HEADS])  # the ledger is the same in both
def test_a_file_of_another_backup_is_refused(house: House, older: Manifest, newer: Manifest, file: str) -> None:
    with (
        changed(house, key_of(newer.name, file), content_of(house, key_of(older.name, file))),
        pytest.raises(RefusedError, match=file),
    ):
        verify(house.catalogue, newer)


def test_the_manifest_of_an_older_backup_is_refused(house: House, older: Manifest, newer: Manifest) -> None:
    with (
        changed(house, key_of(newer.name), content_of(house, key_of(older.name))),
        pytest.raises(RefusedError, match=f"the manifest in {newer.name} is that of {older.name}"),
    ):
        house.catalogue.manifest(newer.name)


def test_a_manifest_of_a_stranger_or_of_another_format_is_refused(house: House, newer: Manifest) -> None:
    stranger = Signer(secrets.token_hex(32))
    with (
        changed(house, key_of(newer.name), stranger.signed_manifest(newer)),
        pytest.raises(RefusedError, match="not signed with our key"),
    ):
        house.catalogue.manifest(newer.name)
    with (
        changed(house, key_of(newer.name), house.catalogue.signer.signed({"format": 99, "name": newer.name})),
        pytest.raises(RefusedError, match="has format 99, and this program reads 1"),
    ):
        house.catalogue.manifest(newer.name)


def test_the_manifest_key_can_be_changed(house: House, newer: Manifest) -> None:
    old = house.settings.manifest_keys.get_secret_value()
    turned = Catalogue(house.target, Signer(f"{secrets.token_hex(32)} {old}"))
    assert turned.manifest(newer.name) == newer


def test_the_wrong_key_opens_nothing_and_none_even_less(house: House, newer: Manifest, place: Place) -> None:
    for identities, said in ((str(pyrage.x25519.Identity.generate()), "cannot be opened"), ("", "no private key")):
        settings = place.settings.model_copy(update={"identities": SecretStr(identities)})
        with pytest.raises(RefusedError, match=said):
            restore(settings, house.catalogue, newer, place.bucket)


def test_a_key_added_to_the_recipients_opens_what_is_saved_from_then_on(house: House) -> None:
    second = pyrage.x25519.Identity.generate()
    both = f"{house.settings.recipients} {second.to_public()}"
    sealed, measures = Sealer(both).content(b"plain")
    for identity in (house.settings.identities.get_secret_value(), str(second)):
        assert Opener(identity).content("it", sealed, measures) == b"plain"


def test_a_missing_backup_is_refused(house: House) -> None:
    with pytest.raises(RefusedError, match="there is no backup 20200101T000000Z-abcdef"):
        house.catalogue.manifest("20200101T000000Z-abcdef")


def test_a_role_that_does_not_see_every_row_saves_nothing(house: House, migrated: dict[str, str]) -> None:
    with (
        pytest.raises(BackupError, match="BYPASSRLS"),
        snapshots({"auth": migrated["auth"]}),
    ):
        raise AssertionError("not reached")


def test_programs_of_another_major_version_save_nothing(house: House) -> None:
    with pytest.raises(BackupError, match=r"pg_dump is of version .* and the server of 12"):
        Programs(house.settings.pg_programs).require(120_004)


def test_a_second_backup_at_once_is_refused(house: House) -> None:
    """Each would name its own copy of a document that both copied, and the later one lies there."""
    url = house.settings.database_url.get_secret_value()
    with alone(url), pytest.raises(BackupError, match="another backup is"):
        house.save()
    for _ in range(100):  # one after the other is none at once
        with alone(url):
            pass
