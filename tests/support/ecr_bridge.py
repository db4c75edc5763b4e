"""ECR on the loopback: moto for the AWS API, a real registry for what `docker push` speaks.

Between the two it does what ECR does and neither of them would: tokens that expire, pages,
repositories that must exist, immutable tags, no cross-repository mounts, and a PATCH that answers
201 and drops whatever a second one brings (aws/containers-roadmap#2831).
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import sys
import threading
import time
import uuid
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from tests.support.process import start_server
from tests.support.registry import start_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
EXPIRED_ACCESS_KEY = "ASIAEXPIREDEXAMPLE"
TARGET = "AmazonEC2ContainerRegistry_V20150921"
PAGE = 2  # repositories; ECR itself has 100
BLOCK = 64 * 1024
_ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags)/(?P<rest>[^?]*)")
_UPLOAD = re.compile(r"/blobs/uploads/(?P<id>[0-9a-f-]+)")


class EcrBridge:
    """A running ECR of one account and region. `host` is where images go."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.registry = start_registry(folder / "registry")
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        self._moto, found = start_server(
            command, folder / "moto.log", r"Running on http://127\.0\.0\.1:(\d+)"
        )
        self.moto_port = int(found[1])
        self.tokens: set[str] = set()
        self.requests: list[tuple[str, str]] = []  # method and path of the registry's requests
        self.patched: set[str] = set()
        bridge = self

        class Handler(_Handler):
            pass

        Handler.bridge = bridge
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """What a user's environment would hold; nothing else of this machine's AWS is used."""
        return {
            "AWS_ENDPOINT_URL_ECR": f"http://{self.host}",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_CONFIG_FILE": "/nowhere/config",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """Return a client of the AWS API for a test's own preparations."""
        return boto3.client(
            "ecr",
            endpoint_url=f"http://127.0.0.1:{self.moto_port}",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key="x",
            region_name=REGION,
        )

    def expire_tokens(self) -> None:
        """Make twelve hours pass: tokens given so far are refused."""
        self.tokens.clear()

    def stop(self) -> None:
        """End all servers."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._moto.stop()
        self.registry.stop()


class _Handler(BaseHTTPRequestHandler):
    bridge: EcrBridge
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if "X-Amz-Target" in self.headers:
            self._api()
        else:
            self._registry()

    def do_GET(self) -> None:
        self._registry()

    def do_HEAD(self) -> None:
        self._registry()

    def do_PUT(self) -> None:
        self._registry()

    def do_PATCH(self) -> None:
        self._registry()

    def do_DELETE(self) -> None:
        self._registry()

    def _api(self) -> None:
        body = b"".join(self._body())
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        if EXPIRED_ACCESS_KEY in self.headers["Authorization"]:
            message = "The security token included in the request is expired"
            self._answer(400, {"__type": "ExpiredTokenException", "message": message})
        elif operation == "GetAuthorizationToken":
            # moto gives the same token each time.
            token = base64.b64encode(f"AWS:{uuid.uuid4().hex}".encode()).decode()
            self.bridge.tokens.add(token)
            data = {"authorizationToken": token, "expiresAt": time.time() + 43200}
            self._answer(200, {"authorizationData": [data]})
        else:
            status, answer = self._ask_moto(body)
            asked = json.loads(body or b"{}")
            if operation == "DescribeRepositories" and "repositoryNames" not in asked:
                answer = _page(answer, int(asked.get("nextToken", 0)))
            self._answer(status, answer)

    def _ask_moto(self, body: bytes) -> tuple[int, dict[str, Any]]:
        headers = {
            name: self.headers[name] for name in ("X-Amz-Target", "Content-Type", "Authorization")
        }
        with closing(http.client.HTTPConnection("127.0.0.1", self.bridge.moto_port)) as moto:
            moto.request("POST", "/", body, headers)
            answered = moto.getresponse()
            return answered.status, json.loads(answered.read() or b"{}")

    def _registry(self) -> None:
        path = urlsplit(self.path).path
        self.bridge.requests.append((self.command, path))
        refusal = self._refusal(path)
        if refusal:
            for _ in self._body():
                pass
            status, code, message = refusal
            self._answer(status, {"errors": [{"code": code, "message": message}]})
            return
        upload = _UPLOAD.search(path)
        if self.command == "PATCH" and upload:
            if upload["id"] in self.bridge.patched:
                for _ in self._body():
                    pass
                self._answer(201, None, Location=self.path)
                return
            self.bridge.patched.add(upload["id"])
        self._forward(path)

    def _refusal(self, path: str) -> tuple[int, str, str] | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return 401, "UNAUTHORIZED", "not authorized"
        if token not in self.bridge.tokens:
            return (
                403,
                "DENIED",
                "Your authorization token has expired. Reauthenticate and try again.",
            )
        route = _ROUTE.fullmatch(path)
        if not route:
            return None
        with closing(self.bridge.client()) as ecr:
            try:
                found = ecr.describe_repositories(repositoryNames=[route["name"]])
            except ClientError:
                message = f"The repository with name '{route['name']}' does not exist"
                return 404, "NAME_UNKNOWN", message
            fixed = found["repositories"][0]["imageTagMutability"] == "IMMUTABLE"
            tag = route["rest"] if route["kind"] == "manifests" else ""
            if self.command == "PUT" and fixed and tag and ":" not in tag:
                images = ecr.batch_get_image(
                    repositoryName=route["name"], imageIds=[{"imageTag": tag}]
                )
                if images["images"]:
                    return 400, "TAG_INVALID", f"The image tag '{tag}' already exists"
        return None

    def _forward(self, path: str) -> None:
        # ECR's setting BLOB_MOUNTING is off by default: a mount becomes an upload.
        target = path if path.endswith("/uploads/") else self.path
        kept = {
            name: value
            for name, value in self.headers.items()
            if name.lower() in {"accept", "content-type", "content-length", "range"}
        }
        is_manifest = self.command == "PUT" and "/manifests/" in path
        is_stream = self.command == "PATCH"
        body = self._body() if is_stream else b"".join(self._body())
        upstream = self.bridge.registry.host.rpartition(":")
        with closing(http.client.HTTPConnection(upstream[0], int(upstream[2]))) as registry:
            registry.request(self.command, target, body, kept)
            answered = registry.getresponse()
            data = answered.read()
            if is_manifest and answered.status == 201:
                assert isinstance(body, bytes)
                self._mirror(path, body)
            status = 201 if self.command == "PATCH" and answered.status == 202 else answered.status
            self._raw(status, answered.getheaders(), data)

    def _mirror(self, path: str, manifest: bytes) -> None:
        route = _ROUTE.fullmatch(path)
        assert route
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        tag = {} if ":" in route["rest"] else {"imageTag": route["rest"]}
        with (
            closing(self.bridge.client()) as ecr,
            suppress(ecr.exceptions.ImageAlreadyExistsException),
        ):
            ecr.put_image(
                repositoryName=route["name"],
                imageManifest=manifest.decode(),
                imageManifestMediaType=self.headers["Content-Type"],
                imageDigest=digest,
                **tag,
            )

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left:
            data = self.rfile.read(min(BLOCK, left))
            if not data:
                return
            left -= len(data)
            yield data

    def _answer(self, status: int, value: object, **headers: str) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        more = list(headers.items())
        if status == 401:
            more.append(
                (
                    "WWW-Authenticate",
                    f'Basic realm="http://{self.bridge.host}/",service="ecr.amazonaws.com"',
                )
            )
        self._raw(status, [("Content-Type", "application/x-amz-json-1.1"), *more], body)

    def _raw(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        dropped = {"connection", "transfer-encoding", "date"}
        named = [(name, value) for name, value in headers if name.lower() not in dropped]
        self.send_response(status)
        for name, value in named:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in named) and status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing: `requests` tells."""


def _page(answer: dict[str, Any], start: int) -> dict[str, Any]:
    if "repositories" not in answer:
        return answer
    chosen = answer["repositories"][start : start + PAGE]
    more = start + PAGE < len(answer["repositories"])
    return {"repositories": chosen, **({"nextToken": str(start + PAGE)} if more else {})}


def start_ecr(folder: Path) -> EcrBridge:
    """Start an ECR without repositories; takes two seconds, most of them moto's."""
    return EcrBridge(folder)
