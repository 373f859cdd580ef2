"""Objects in S3: whole small files by key, through boto3 in a thread."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from whatsinvoice_kit.observe.telemetry import Work, span


def _asking(operation: str) -> AbstractContextManager[Work]:
    attributes = {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": operation}
    return span(f"S3/{operation}", "client", attributes)


class ObjectStore:
    """One bucket. Works with AWS, MinIO and SeaweedFS."""

    def __init__(self, *, endpoint: str, region: str, bucket: str, access_key: str, secret_key: str) -> None:
        self.bucket = bucket
        self._region = region
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=region,
            aws_access_key_id=access_key or None,
            aws_secret_access_key=secret_key or None,
            config=Config(
                connect_timeout=2,
                read_timeout=10,
                retries={"max_attempts": 3},
                s3={"addressing_style": "path" if endpoint else "auto"},
            ),
        )

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Stores an object, encrypted at rest; raises ClientError or BotoCoreError when that fails."""
        with _asking("PutObject"):
            await asyncio.to_thread(
                self._client.put_object,
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                ServerSideEncryption="AES256",
                Metadata={"sha256": hashlib.sha256(content).hexdigest()},
            )

    async def get(self, key: str) -> bytes | None:
        """The object's content, or None when there is none."""
        with _asking("GetObject"):
            return await asyncio.to_thread(self._get, key)

    def _get(self, key: str) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise

    def ensure_bucket(self) -> None:
        """Makes the bucket where it is missing, versioned and encrypted by default."""
        # AWS wants the region named for every bucket but those of this one, where it refuses the name
        where = {} if self._region == "us-east-1" else {"LocationConstraint": self._region}
        try:
            self._client.create_bucket(Bucket=self.bucket, **({"CreateBucketConfiguration": where} if where else {}))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise
        self._client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self._client.put_bucket_encryption(Bucket=self.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def faults(self) -> Iterator[str]:
        """The end of a sentence for each reason to keep nothing in the bucket, which it asks the store for.

        The account needs s3:GetBucketVersioning and s3:GetEncryptionConfiguration.
        """
        try:
            if self._client.get_bucket_versioning(Bucket=self.bucket).get("Status") != "Enabled":
                yield " is not versioned"
            if not self._is_encrypted():
                yield " is not encrypted"
        except ClientError as error:
            yield f" cannot be looked at ({error.response['Error']['Code']})"
        except BotoCoreError as error:
            yield f" cannot be looked at ({type(error).__name__})"

    def _is_encrypted(self) -> bool:
        try:
            found = self._client.get_bucket_encryption(Bucket=self.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ServerSideEncryptionConfigurationNotFoundError":
                return False
            raise
        return bool(found["ServerSideEncryptionConfiguration"]["Rules"])

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()
