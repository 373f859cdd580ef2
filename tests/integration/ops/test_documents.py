"""Documents, however many: in little memory, each copied once, and again only where a copy cannot be believed."""

import dataclasses
import gzip
import io
import json
import logging
import resource
import secrets
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from integration.ops.conftest import House, Listed, Place
from whatsinvoice_backup import documents
from whatsinvoice_backup.bucket import Bucket
from whatsinvoice_backup.failures import BackupError
from whatsinvoice_backup.index import an_index
from whatsinvoice_backup.manifest import Manifest, key_of
from whatsinvoice_backup.restoring import compare, restore, verify
from whatsinvoice_backup.sealing import Sealed, Sealer, sha256

MANY = 30_000


class Failing(Bucket):
    """Gives so many documents, and then no more."""

    def __init__(self, source: Bucket, gives: int) -> None:
        super().__init__(source._client, source.name)  # noqa: SLF001  (the same bucket)
        self.left = gives

    def get_version(self, key: str, version: str = "") -> tuple[bytes, str] | None:
        self.left -= 1
        return super().get_version(key, version) if self.left >= 0 else None


def test_a_list_of_many_documents_takes_little_time_and_less_memory(tmp_path: Path) -> None:
    """Both grew with the square and the number of documents, until a night was too short."""
    source = Listed(MANY)
    with an_index(str(tmp_path)) as known, (tmp_path / "list").open("w+b") as listed:
        known.add(source.lines())
        begun = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        tracemalloc.start()
        try:
            done = documents.mirror(source, source, Sealer(""), known, listed, lambda _: None)
            listed.seek(0)
            names = sum(1 for document in documents.read_list(listed) if document.sealed == source.sealed)
            [_, peak] = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - begun
    assert (done, names) == (documents.Mirrored(MANY, MANY * source.sealed.size, 0), MANY)
    assert peak < 4_000_000
    assert seconds < 15


@pytest.fixture
def unfinished(empty_shelf: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Six of its eight documents were copied, and written down by twos, when the source failed."""
    monkeypatch.setattr(documents, "AT_ONCE", 2)
    with pytest.raises(BackupError, match="vanished while it was saved"):
        dataclasses.replace(empty_shelf, source=Failing(empty_shelf.source, 6)).save()
    return empty_shelf


def test_what_a_backup_copied_that_did_not_end_is_not_copied_again(unfinished: House) -> None:
    manifest = unfinished.save()
    assert (manifest.objects, manifest.objects_new) == (8, 2)
    verify(unfinished.catalogue, manifest)
    assert unfinished.target.sizes(key_of(manifest.name, "copied-")) == {}
    again = unfinished.save()
    assert (again.objects, again.objects_new) == (8, 0)
    assert unfinished.listed(again) == unfinished.listed(manifest)


def notes(house: House) -> list[str]:
    [name] = house.catalogue.listing().unfinished
    return sorted(house.target.sizes(key_of(name, "copied-")))


def test_a_note_that_is_not_ours_is_not_believed(unfinished: House) -> None:
    """Whoever can write into the bucket can encrypt too: the recipients are public."""
    [first, *_] = notes(unfinished)
    body = json.loads((unfinished.target.get(first) or b"").splitlines()[0])
    body["documents"][0]["sealed"]["sealed_sha256"] = sha256(b"of a stranger")
    unfinished.target.put(first, json.dumps(body).encode() + b"\nno signature of ours\n")
    manifest = unfinished.save()
    assert manifest.objects_new >= 4
    assert sha256(b"of a stranger") not in {document.sealed.sealed_sha256 for document in unfinished.listed(manifest)}


def test_a_note_of_another_backup_and_another_signed_text_are_not_believed(unfinished: House) -> None:
    [first, second, _] = notes(unfinished)
    unfinished.target.put(first, unfinished.catalogue.signer.signed({"kind": "drill", "ok": True}))
    assert unfinished.save().objects_new >= 4
    moved = "backups/20200101T000000Z-000000abcdef"
    unfinished.target.put(f"{moved}/{second.rpartition('/')[2]}", unfinished.target.get(second) or b"")
    assert unfinished.save().objects_new == 0


@pytest.mark.parametrize("content", [None, b"cut short"])
def test_a_copy_that_is_gone_or_cut_short_is_made_again(empty_shelf: House, content: bytes | None) -> None:
    [document, *_] = empty_shelf.listed(empty_shelf.save())
    if content is None:
        empty_shelf.target.delete([document.stored])
    else:
        empty_shelf.target.put(document.stored, content)
    manifest = empty_shelf.save()
    assert manifest.objects_new == 1
    verify(empty_shelf.catalogue, manifest)


def in_the_former_order(house: House, manifest: Manifest) -> Manifest:
    """As the first releases wrote a list: its keys downwards, compressed as a whole."""
    by_key = sorted(house.listed(manifest), key=lambda document: document.key, reverse=True)  # stable: oldest first
    lines = "".join(documents.line_of(document) + "\n" for document in by_key)
    content = gzip.compress(lines.encode(), compresslevel=6, mtime=0)
    listed = Sealed(len(content), sha256(content), len(content), sha256(content))
    former = dataclasses.replace(manifest, objects_list=listed)
    house.target.put(key_of(manifest.name, documents.LIST), content)
    house.target.put(key_of(manifest.name), house.catalogue.signer.signed_manifest(former))
    return former


def test_a_backup_of_the_first_releases_is_restored_and_built_upon(empty_shelf: House, place: Place) -> None:
    former = in_the_former_order(empty_shelf, empty_shelf.save())
    keys = [document.key for document in empty_shelf.listed(former)]
    assert keys == sorted(keys, reverse=True)
    restore(place.settings, empty_shelf.catalogue, former, place.bucket)
    assert compare(place.settings, empty_shelf.catalogue, former, place.bucket) == []
    assert place.bucket.get("biz_1/inv_0/1.pdf") == b"drawn again"
    assert empty_shelf.save().objects_new == 0


def test_every_thread_has_its_connection(empty_shelf: House, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that finds no place in the pool is thrown away, and made anew for the next request."""
    file = tmp_path / "large"
    file.write_bytes(secrets.token_bytes(1_000_000) * 120)
    with caplog.at_level(logging.WARNING, "urllib3"), ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: empty_shelf.target.upload(file, name), ("one", "two")))
        for name in ("one", "two"):
            got = io.BytesIO()
            assert empty_shelf.target.download(name, got)
            assert len(got.getvalue()) == file.stat().st_size
    assert caplog.messages == []
