"""Buckets of S3, and of servers that speak it, for reading. Imported late: boto3 takes 0.3 s."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from kernel_containers.errors import NotFound, TryAgain, Unauthorized, Unavailable
from kernel_containers.workflow.runs.store import BLOCK, Store, is_shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.core.uris import Uri
    from kernel_containers.workflow.runs.store import Opened

_NO_STORE = "what answered is no S3 store; perhaps a proxy or a sign-in page did"
_UNKNOWN_USER = frozenset(
    {"403", "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken"}
    | {"RequestTimeTooSkewed", "SignatureDoesNotMatch"}
)


class Bucket(Store):
    """One bucket, read by up to `at_once` threads."""

    def __init__(self, bucket: str, at_once: int) -> None:
        config = Config(
            connect_timeout=10,
            read_timeout=20,  # seconds of silence, three times; people wait for the answer
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=at_once,
            # Servers other than AWS refuse the checksum trailers that newer boto3 sends.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        # The default session would keep the first credentials it saw.
        with _store_errors(f"s3://{bucket}"):
            session = boto3.Session()
            # Without a region the SDK refuses some calls; S3 itself redirects.
            region = session.region_name or "us-east-1"
            self._s3: Any = session.client("s3", config=config, region_name=region)
        self._bucket = bucket

    def walk(self, prefix: Uri) -> Iterator[str]:
        start = f"{prefix.path}/" if prefix.path else ""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=start
        )
        with _store_errors(str(prefix)):
            for page in pages:
                if "IsTruncated" not in page:  # which S3 always says
                    raise Unavailable(f"{prefix} can't be read.", why=_NO_STORE)
                names = [item["Key"].removeprefix(start) for item in page.get("Contents", ())]
                yield from (name for name in names if all(map(is_shown, name.split("/"))))

    def open(self, uri: Uri) -> Opened | None:
        with _store_errors(str(uri)):
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=uri.path)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                    return None
                raise
        if "ETag" not in answer:
            raise Unavailable(f"{uri} can't be read.", why=_NO_STORE)
        return _OpenObject(self._s3, uri, answer)


class _OpenObject:
    """One answer is the whole object, so that a small one needs one request."""

    def __init__(self, client: Any, uri: Uri, answer: Mapping[str, Any]) -> None:
        self._s3 = client
        self._uri = uri
        self._body: Any = answer["Body"]
        self._etag = str(answer["ETag"])
        self.size = int(answer["ContentLength"])
        self.version = self._etag.strip('"')

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        if start >= stop:
            return
        with _store_errors(str(self._uri)):
            if self._body.tell() or (start, stop) != (0, self.size):
                self._ask_for(start, stop)
            yield from self._body.iter_chunks(BLOCK)

    def _ask_for(self, start: int, stop: int) -> None:
        self._body.close()
        answer = self._s3.get_object(
            Bucket=self._uri.bucket,
            Key=self._uri.path,
            Range=f"bytes={start}-{stop - 1}",
            IfMatch=self._etag,
        )
        self._body = answer["Body"]

    def close(self) -> None:
        self._body.close()


@contextmanager
def _store_errors(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in ("NoSuchBucket", "404"):
            raise NotFound(f"The bucket of {what} does not exist.") from error
        if code in ("PreconditionFailed", "412"):
            raise TryAgain(f"{what} was written anew while it was read.") from error
        if code in _UNKNOWN_USER:
            raise Unauthorized(
                f"The store refused {what}.", why=str(error), todo="check the AWS credentials"
            ) from error
        raise Unavailable(f"{what} can't be read.", why=str(error)) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise Unauthorized(
            f"{what} can't be read without credentials.",
            why=str(error),
            todo="give AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret, or a role",
        ) from error
    except (BotoCoreError, ValueError) as error:
        raise Unavailable(f"{what} can't be read.", why=str(error)) from error
