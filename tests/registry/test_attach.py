"""Documents about an image, in registries that list them and in those that do not."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kernel_containers.core import oci
from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import Unauthorized
from kernel_containers.registry.attach import NOTHING, Attachment, Document, artifact
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.known import KnownBlobs
from kernel_containers.registry.push import push
from tests.registry.samples import settings, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer

TEXT = b'{"about": "the image"}'


def about(image: BuiltImage, text: bytes = TEXT) -> BuiltImage:
    """Return an artifact with a text about an image."""
    store(image.blobs, NOTHING, oci.EMPTY)
    found = store(image.blobs, text, "application/json")
    return artifact(
        Document("application/json", found.digest, found.size), image.descriptor, image.blobs
    )


def index(host: str, path: str, image: BuiltImage) -> dict[str, Any] | None:
    """Return the index that stands for a list of referrers."""
    tag = str(image.digest).replace(":", "-")
    answer = httpx.get(f"http://{host}/v2/{path}/manifests/{tag}", headers={"Accept": oci.INDEX})
    return answer.json() if answer.status_code == 200 else None


def attach(
    artifacts: list[BuiltImage], to: Repository, registry: Registry, known: KnownBlobs | None
) -> Attachment:
    attachment = Attachment(artifacts, to, registry, known)
    attachment.start()
    attachment.finish()
    return attachment


def test_a_registry_without_referrers_gets_an_index_under_a_tag(
    opened: Registry, registry: RegistryServer, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    to = Repository(opened.host, path)
    push(image, ImageReference(to, "v1"), opened)
    known = KnownBlobs(tmp_path / "known.json")
    first, second = about(image), about(image, b"{}")

    assert attach([first], to, opened, known).failure is None
    assert attach([first, second], to, opened, known).failure is None

    found = index(registry.host, path, image)
    assert found
    assert [item["digest"] for item in found["manifests"]] == [
        str(first.digest),
        str(second.digest),
    ]
    assert {item["artifactType"] for item in found["manifests"]} == {"application/json"}
    assert first.manifest.layers[0].digest in known.of(to)


def test_what_fails_is_told_and_leaves_no_index_and_no_hint(
    proxy: FaultProxy,
    through_proxy: Registry,
    image: BuiltImage,
    path: str,
    tmp_path: Path,
) -> None:
    to = Repository(through_proxy.host, path)
    known = KnownBlobs(tmp_path / "known.json")
    proxy.add("status", method="PUT", path="manifests", status=403, times=None)

    attachment = attach([about(image)], to, through_proxy, known)

    assert type(attachment.failure) is Unauthorized
    assert index(proxy.host, path, image) is None
    assert known.of(to) == frozenset()


def test_nothing_to_attach_asks_nothing(
    proxy: FaultProxy, through_proxy: Registry, path: str
) -> None:
    assert attach([], Repository(through_proxy.host, path), through_proxy, None).failure is None
    assert proxy.seen == []


@pytest.fixture
def listing() -> Iterator[ThreadingHTTPServer]:
    """A registry that takes all, and lists what has a subject."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, **headers: str) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.seen.append((self.command, self.path))  # type: ignore[attr-defined]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def do_GET(self) -> None:
            self.answer(200)

        def do_HEAD(self) -> None:
            digest = self.path.rpartition("/")[2]
            there = digest.startswith("sha256:") and "/manifests/" in self.path
            self.answer(200 if there else 404, Docker_Content_Digest=digest)

        def do_POST(self) -> None:
            self.answer(202, Location="/upload/1")

        def do_PUT(self) -> None:
            self.answer(201, OCI_Subject="sha256:0")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_registry_that_lists_referrers_gets_no_index(
    listing: ThreadingHTTPServer, image: BuiltImage
) -> None:
    host = f"127.0.0.1:{listing.server_port}"
    with open_registry(host, settings()) as opened:
        attached = attach([about(image)], Repository(host, "team/x"), opened, None)

    assert attached.failure is None
    seen: list[tuple[str, str]] = listing.seen  # type: ignore[attr-defined]
    puts = [path for method, path in seen if method == "PUT" and "/manifests/" in path]
    assert puts == [f"/v2/team/x/manifests/{about(image).digest}"]
