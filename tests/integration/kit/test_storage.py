"""Objects in a real S3: kept, versioned and encrypted."""

import asyncio
import gc
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws
from support.backing import S3
from whatsinvoice_kit.storage import ObjectStore


def store_of(s3: S3) -> ObjectStore:
    """One with a bucket of its own, which is there."""
    store = ObjectStore(
        endpoint=s3.endpoint,
        region="us-east-1",
        bucket=f"kit-{secrets.token_hex(4)}",
        access_key=s3.access_key,
        secret_key=s3.secret_key,
    )
    store.ensure_bucket()
    return store


@pytest.fixture
def store(s3: S3) -> Iterator[ObjectStore]:
    store = store_of(s3)
    yield store
    store.close()


async def test_what_is_put_can_be_got(store: ObjectStore, direct: Any) -> None:
    content = secrets.token_bytes(100_000)
    await store.put("a/b ₦.pdf", content, "application/pdf")
    assert await store.get("a/b ₦.pdf") == content
    head = direct.head_object(Bucket=store.bucket, Key="a/b ₦.pdf")
    assert head["ContentType"] == "application/pdf"
    assert head["Metadata"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert head["ServerSideEncryption"] == "AES256"


async def test_what_was_never_put_is_none(store: ObjectStore) -> None:
    assert await store.get("nothing/here") is None
    await store.put("empty", b"", "text/plain")
    assert await store.get("empty") == b""


async def test_the_bucket_is_versioned_and_encrypted_and_made_once(store: ObjectStore, direct: Any) -> None:
    store.ensure_bucket()
    assert direct.get_bucket_versioning(Bucket=store.bucket)["Status"] == "Enabled"
    rules = direct.get_bucket_encryption(Bucket=store.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    for content in (b"first", b"second"):
        await store.put("key", content, "text/plain")
    versions = direct.list_object_versions(Bucket=store.bucket, Prefix="key")["Versions"]
    assert len(versions) == 2
    oldest = next(version["VersionId"] for version in versions if not version["IsLatest"])
    assert direct.get_object(Bucket=store.bucket, Key="key", VersionId=oldest)["Body"].read() == b"first"


async def test_a_missing_bucket_and_a_wrong_key_are_errors_and_not_none(s3: S3) -> None:
    for bucket, secret_key in (("no-such-bucket-here", s3.secret_key), ("any", "wrong")):
        store = ObjectStore(
            endpoint=s3.endpoint, region="us-east-1", bucket=bucket, access_key=s3.access_key, secret_key=secret_key
        )
        with pytest.raises((ClientError, BotoCoreError)):
            await store.get("key")
        store.close()


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_store_that_is_closed_leaves_no_connection_to_the_collector(s3: S3) -> None:
    """More at once than its pool keeps."""
    gc.collect()
    before = _open_files()
    made = store_of(s3)
    await asyncio.gather(*(made.put(f"leak-{number}", b"x" * 50_000, "text/plain") for number in range(30)))
    await asyncio.gather(*(made.get(f"leak-{number}") for number in range(30)))
    assert await made.get("leak-none") is None
    made.close()
    assert _open_files() <= before


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_bucket_is_made_in_its_region(region: str) -> None:
    """AWS refuses one that is asked for in another region without being told its name; stores of one region do not."""
    with mock_aws():
        store = ObjectStore(endpoint="", region=region, bucket="ours", access_key="key", secret_key="secret")
        store.ensure_bucket()
        assert list(store.faults()) == []
        store.close()
