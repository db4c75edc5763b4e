"""S3, and servers that speak it; the only module that knows boto3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.core.uris import Uri

# Answers that another try will not change.
_FINAL = frozenset(
    {
        "AccessDenied",
        "AccountProblem",
        "AllAccessDisabled",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidBucketName",
        "NoSuchBucket",
        "NoSuchKey",
        "PermanentRedirect",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "403",
        "404",
    }
)
# Without threads: each would hold a part in memory.
_TRANSFER = TransferConfig(
    multipart_threshold=64 * 1024**2, multipart_chunksize=16 * 1024**2, use_threads=False
)


class S3Error(Exception):
    """Why S3 did not do it. `final`: another try is useless."""

    def __init__(self, why: str, *, final: bool, todo: str | None = None) -> None:
        super().__init__(why)
        self.final = final
        self.todo = todo


def connect() -> Any:
    """Return a client; `AWS_ENDPOINT_URL_S3` and the usual places of credentials are honoured.

    Raises:
        S3Error: the configuration is malformed.
    """
    config = Config(
        connect_timeout=10,
        read_timeout=20,  # three tries within the time that a run waits for its outputs
        retries={"mode": "standard", "total_max_attempts": 3},
        # Other servers than AWS's answer 411 to the trailers that boto3 sends otherwise.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        session = boto3.Session()
        # Without a region the SDK refuses some calls; S3 itself redirects.
        region = session.region_name or "us-east-1"
        return session.client("s3", config=config, region_name=region)
    except (BotoCoreError, ValueError) as error:
        raise S3Error(str(error), final=True) from error


def write(
    client: Any, uri: Uri, file: Any, content_type: str, on_sent: Callable[[int], None]
) -> None:
    """Write one object from an open file; a large one in parts. `on_sent` is told the bytes.

    Raises:
        S3Error: refused, or no answer.
    """
    extra = {"ContentType": content_type}
    try:
        client.upload_fileobj(
            file, uri.bucket, uri.path, ExtraArgs=extra, Callback=on_sent, Config=_TRANSFER
        )
    except (BotoCoreError, ClientError) as error:
        raise _error(error, uri) from error


def read(uri: Uri) -> bytes:
    """Return one object's bytes.

    Raises:
        S3Error: refused, missing, or no answer.
    """
    client = connect()
    try:
        body: bytes = client.get_object(Bucket=uri.bucket, Key=uri.path)["Body"].read()
        return body
    except (BotoCoreError, ClientError) as error:
        raise _error(error, uri) from error
    finally:
        client.close()


def _error(error: Exception, uri: Uri) -> S3Error:
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        final = code in _FINAL or status in (301, 400, 403, 404, 405)
        return S3Error(str(error), final=final, todo=_advice(code, uri))
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        todo = "give AWS_SHARED_CREDENTIALS_FILE, AWS_ACCESS_KEY_ID and its secret, or a role"
        return S3Error(str(error), final=True, todo=todo)
    return S3Error(str(error), final=False)


def _advice(code: str, uri: Uri) -> str | None:
    if code == "NoSuchBucket":
        return f"create the bucket {uri.bucket}, or give another"
    if code in ("AccessDenied", "403"):
        return f"allow s3:PutObject and s3:GetObject below s3://{uri.bucket}/"
    if code in ("ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return "renew the credentials"
    if code == "RequestTimeTooSkewed":
        return "set this machine's clock"
    return None
