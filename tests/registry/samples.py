"""Small images, logins and settings for the registry's tests."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import random
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from kernel_containers.core import oci
from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import BuiltImage, Descriptor, ImageConfig, Layer, Manifest
from kernel_containers.core.oci_json import canonical, config_to_json, manifest_to_json
from kernel_containers.registry.known import KnownBlobs
from kernel_containers.registry.paging import list_all
from kernel_containers.registry.repository import RepositoryClient
from kernel_containers.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kernel_containers.core.reference import ImageReference
    from kernel_containers.registry.client import Registry
    from tests.support.registry import RegistryServer

# Waits are short, so that many failures in a row take no time. The silence is not: a thread that
# waited for its end would be seen.
FAST = {
    "attempts": 4,
    "first_wait": 0.01,
    "longest_wait": 0.2,
    "timeout": 60.0,
    "report_interval": 0.0,
}


def settings(**changes: object) -> RegistrySettings:
    """Return settings for a test; nobody's own Docker configuration is read."""
    return RegistrySettings(**{**FAST, **changes})  # type: ignore[arg-type]


def known_at(folder: Path, place: ImageReference, digests: Iterable[Digest]) -> KnownBlobs:
    """Return hints that a repository holds blobs, whether it does or not."""
    known = KnownBlobs(folder / "known.json")
    known.remember(place.repository, digests)
    return known


def list_tags(registry: Registry, repository: str) -> tuple[str, ...]:
    """Return the tags of a repository (its path), in the registry's order."""
    client = RepositoryClient(registry, repository)
    call = client.call(f"list the tags of {repository}", "GET", "tags/list?n=1000")
    return list_all(registry, call, "tags", client.stop)


def login(path: Path, host: str, username: str | None, password: str | None) -> Path:
    """Write a config.json as `docker login` does, and return its path."""
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    path.write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return path


def noise(size: int, seed: int) -> bytes:
    """Return bytes that no compression makes smaller, the same for the same seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311


def make_layer(blobs: Path, files: dict[str, bytes]) -> Layer:
    """Store a layer with these files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    raw = archive.getvalue()
    return Layer(store(blobs, gzip.compress(raw, 0, mtime=0), oci.LAYER_GZIP), Digest.of(raw))


def make_image(blobs: Path, *layers: Layer, title: str = "") -> BuiltImage:
    """Store a config over `layers`, and return the image."""
    config = ImageConfig(
        diff_ids=tuple(layer.diff_id for layer in layers),
        command=("/hello",),
        labels={"title": title} if title else {},
    )
    config_bytes = canonical(config_to_json(config))
    manifest = Manifest(
        config=store(blobs, config_bytes, oci.CONFIG),
        layers=tuple(layer.descriptor for layer in layers),
    )
    return BuiltImage(
        manifest=manifest,
        manifest_bytes=canonical(manifest_to_json(manifest)),
        config=config,
        config_bytes=config_bytes,
        layers=layers,
        blobs=blobs,
    )


def store(blobs: Path, data: bytes, media_type: str) -> Descriptor:
    """Put a blob where images have theirs."""
    digest = Digest("sha256", hashlib.sha256(data).hexdigest())
    path = blobs / digest.algorithm / digest.hex
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Descriptor(media_type=media_type, digest=digest, size=len(data))


def sizes(image: BuiltImage) -> int:
    """Return the bytes of an image's blobs."""
    return image.manifest.config.size + sum(layer.size for layer in image.manifest.layers)


def sessions(server: RegistryServer, repository: str) -> list[str]:
    """Return the upload sessions that a registry still has on its disk.

    A deleted one leaves an empty folder with the state of its hash.
    """
    folder = server.folder / "data/docker/registry/v2/repositories" / repository / "_uploads"
    left = {path.parent.name for name in ("data", "startedat") for path in folder.glob(f"*/{name}")}
    return sorted(left)


class Recorder:
    """A server that keeps the headers of each request, and answers as it is told."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        recorder = self
        self.requests: list[tuple[str, str, dict[str, str]]] = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                recorder.requests.append((self.command, self.path, dict(self.headers)))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.answer()

            def do_PUT(self) -> None:
                self.answer()

            def do_PATCH(self) -> None:
                self.answer()

            def do_DELETE(self) -> None:
                self.answer()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
