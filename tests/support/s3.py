"""A real S3 server on a free port of the loopback, see `scripts/s3-server`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from tests.support.process import Server, start_server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCRIPT = Path(__file__).parents[2] / "scripts" / "s3-server"
ACCESS_KEY = "tests:analyst"
SECRET_KEY = "tests/secret+key"  # a slash and a plus, as real ones have
REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running S3 server; it checks signatures."""

    endpoint: str
    access_key: str
    secret_key: str
    log: Path
    server: Server

    def client(self) -> S3Client:
        """Return a boto3 client with the server's keys; the caller closes it."""
        session = boto3.Session(
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=REGION,
        )
        return session.client(
            "s3",
            endpoint_url=self.endpoint,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that make any AWS client use this server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
        }

    def stop(self) -> None:
        """End the server; a second call does nothing."""
        self.server.stop()


def start_s3(folder: Path) -> S3Server:
    """Start an S3 server that keeps its buckets below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "s3.log"
    secret_file = folder / "secret"
    secret_file.write_text(SECRET_KEY)
    keys = ["--access-key", ACCESS_KEY, "--secret-key-file", str(secret_file)]
    command = [sys.executable, str(SCRIPT), "--folder", str(folder), *keys]
    server, found = start_server(command, log, r"ready (http://\S+)")
    return S3Server(
        endpoint=found[1],
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        log=log,
        server=server,
    )
