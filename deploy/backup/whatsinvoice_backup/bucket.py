"""A bucket as backups need it: files of any size, every version of an object, listings without end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import SecretStr

from whatsinvoice_backup.batches import batches

THREADS = 8
"""Requests at a time: of documents, and of the parts of each large file."""
FILES = 2
"""Large files that are on their way at a time."""
_ENCRYPTED = {"ServerSideEncryption": "AES256"}
_IN_PARTS = TransferConfig(max_concurrency=THREADS)
_AT_ONCE = 1000
"""S3 deletes so many keys in one call."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object."""

    key: str
    id: str


class Bucket:
    """Errors of the store are boto3's ClientError and BotoCoreError."""

    def __init__(self, client: Any, name: str) -> None:
        self.name = name
        self._client = client

    @classmethod
    def of(cls, endpoint: str, region: str, name: str, access_key: SecretStr, secret_key: SecretStr) -> Self:
        """An empty endpoint is AWS's; without keys the account is found as boto3 finds it."""
        client = boto3.client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=region,
            aws_access_key_id=access_key.get_secret_value() or None,
            aws_secret_access_key=secret_key.get_secret_value() or None,
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"max_attempts": 5},
                max_pool_connections=THREADS * FILES,  # a thread without a place in the pool connects anew each time
                s3={"addressing_style": "path" if endpoint else "auto"},
            ),
        )
        return cls(client, name)

    def close(self) -> None:
        self._client.close()

    def upload(self, file: Path, key: str) -> None:
        """In parts where it is large."""
        self._client.upload_file(str(file), self.name, key, ExtraArgs=_ENCRYPTED, Config=_IN_PARTS)

    def download(self, key: str, file: IO[bytes]) -> bool:
        """False when there is no such object."""
        try:
            self._client.download_fileobj(self.name, key, file, Config=_IN_PARTS)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return False
            raise
        return True

    def put(self, key: str, content: bytes, content_type: str = "application/octet-stream") -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=content, ContentType=content_type, **_ENCRYPTED)

    def get(self, key: str) -> bytes | None:
        """None when there is no such object."""
        found = self.get_version(key)
        return found[0] if found else None

    def get_version(self, key: str, version: str = "") -> tuple[bytes, str] | None:
        """Content and its type; of the current version where none is named."""
        which = {"VersionId": version} if version else {}
        try:
            found = self._client.get_object(Bucket=self.name, Key=key, **which)
            return bytes(found["Body"].read()), str(found["ContentType"])
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion", "404"):
                return None
            raise

    def listed(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Key and bytes of each object whose key starts so, however many there are."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for found in page.get("Contents", ()):
                yield found["Key"], found["Size"]

    def sizes(self, prefix: str) -> dict[str, int]:
        """As `listed`, of a few."""
        return dict(self.listed(prefix))

    def folders(self, prefix: str) -> list[str]:
        """The names right below a prefix that ends with a slash."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, Delimiter="/")
        found = [part["Prefix"] for page in pages for part in page.get("CommonPrefixes", ())]
        return sorted(name.removeprefix(prefix).rstrip("/") for name in found)

    def versions(self) -> Iterator[Version]:
        """Every version of every object; those of one key together, newest first, as S3 lists them."""
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for found in page.get("Versions", ()):
                yield Version(found["Key"], found["VersionId"])

    def end_hidden(self, days: int) -> bool:
        """Has the store end versions so long after they were hidden; False where there are rules already: they stay."""
        try:
            self._client.get_bucket_lifecycle_configuration(Bucket=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchLifecycleConfiguration":
                raise
        else:
            return False
        rule: dict[str, Any] = {"ID": "hidden", "Status": "Enabled", "Filter": {"Prefix": ""}}
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
        self._client.put_bucket_lifecycle_configuration(Bucket=self.name, LifecycleConfiguration={"Rules": [rule]})
        return True

    def delete(self, keys: Iterable[str]) -> None:
        """In a versioned bucket they are hidden; the bucket's lifecycle ends them."""
        for batch in batches(keys, _AT_ONCE):
            wanted = {"Objects": [{"Key": key} for key in batch], "Quiet": True}
            answer = self._client.delete_objects(Bucket=self.name, Delete=wanted)
            if errors := answer.get("Errors"):
                raise ClientError({"Error": errors[0]}, "DeleteObjects")
