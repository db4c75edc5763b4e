"""Documents about an image, beside it in its repository.

Each is an OCI artifact whose subject is the image. Registries that know subjects list them
(GET /v2/<name>/referrers/<digest>); for others a tag of the image's digest names an index of
them. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kernel_containers.core import oci
from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import BuiltImage, Descriptor, ImageConfig, Manifest
from kernel_containers.core.oci_json import (
    canonical,
    descriptor_to_json,
    manifest_to_json,
    read_object,
)
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.errors import KernelContainersError
from kernel_containers.registry.answers import scope_of
from kernel_containers.registry.push import PushResult, push
from kernel_containers.registry.repository import RepositoryClient
from kernel_containers.registry.stop import Stop, Stopped
from kernel_containers.registry.threads import GRACE, LAST_WAIT, ended_within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kernel_containers.core.oci_json import Json
    from kernel_containers.core.reference import Repository
    from kernel_containers.registry.client import Registry
    from kernel_containers.registry.known import KnownBlobs
    from kernel_containers.registry.sessions import Sessions

NOTHING = b"{}"  # the content of an artifact's config


@dataclass(frozen=True, slots=True)
class Document:
    """Something to say about an image; its bytes lie where the image's blobs are."""

    media_type: str
    digest: Digest
    size: int


def artifact(document: Document, subject: Descriptor, blobs: Path) -> BuiltImage:
    """Return the artifact that attaches `document` to `subject`."""
    config = Descriptor(media_type=oci.EMPTY, digest=Digest.of(NOTHING), size=len(NOTHING))
    manifest = Manifest(
        config=config,
        layers=(
            Descriptor(media_type=document.media_type, digest=document.digest, size=document.size),
        ),
        artifact_type=document.media_type,
        subject=Descriptor(media_type=subject.media_type, digest=subject.digest, size=subject.size),
    )
    return BuiltImage(
        manifest=manifest,
        manifest_bytes=canonical(manifest_to_json(manifest)),
        config=ImageConfig(),
        config_bytes=NOTHING,
        layers=(),
        blobs=blobs,
    )


class Attachment:
    """Artifacts on their way while their image is pushed, so that they take no time of their own.

    What goes wrong is kept in `failure`: the image is good without them.
    """

    def __init__(
        self,
        artifacts: Sequence[BuiltImage],
        to: Repository,
        registry: Registry,
        known: KnownBlobs | None,
        opened: Sessions | None = None,
    ) -> None:
        self.failure: KernelContainersError | None = None
        self._artifacts = artifacts
        self._to = to
        self._registry = registry
        self._known = known
        self._opened = opened
        self._stop = Stop()
        self._image_there = threading.Event()
        self._defect: BaseException | None = None
        self._results: list[PushResult] = []
        self._index: Json | None = None
        self._reading = threading.Lock()
        self._threads = [self._thread(self._pusher(each)) for each in artifacts]
        if artifacts:
            self._threads.append(self._thread(partial(self._list, tuple(self._threads))))

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def list(self) -> None:
        """Let the index be put: the image is in the registry."""
        self._image_there.set()

    def cancel(self) -> None:
        """Return when nothing is on its way any more, and its upload sessions are gone."""
        self._stop.set()
        self._image_there.set()
        if not ended_within(self._threads, GRACE):
            self._registry.transport.shut()
            ended_within(self._threads, LAST_WAIT)

    def finish(self) -> int:
        """Wait for what was started, and return the bytes sent."""
        self.list()
        for thread in self._threads:
            thread.join()
        if self._defect:
            raise self._defect
        if self._known and not self.failure:
            blobs = (blob for each in self._artifacts for blob in _blobs(each))
            self._known.remember(self._to, blobs)
        return sum(result.bytes_sent for result in self._results)

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=self._keep, args=(work,), name="attach", daemon=True)

    def _list(self, others: Sequence[threading.Thread]) -> None:
        """Put the index after its image and all that it names, where the registry needs one."""
        for thread in others:
            thread.join()
        self._image_there.wait()
        self._stop.check()
        complete = len(self._results) == len(self._artifacts) and not self.failure
        if complete and not all(result.subject_listed for result in self._results):
            self._put_index()

    def _keep(self, work: Callable[[], None]) -> None:
        try:
            work()
        except KernelContainersError as error:
            self.failure = self.failure or error
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  # raised by finish(); cancel() expects it
            self._defect = error

    def _pusher(self, each: BuiltImage) -> Callable[[], None]:
        def work() -> None:
            to = ImageReference(self._to, None, each.digest)
            result = push(
                each,
                to,
                self._registry,
                silent,
                known=self._known,
                stop=self._stop,
                opened=self._opened,
                # A repository that is known has been pushed to as a whole: see finish().
                remember=False,
                # Nothing is lost where it is not there after all.
                read_back=False,
            )
            self._results.append(result)
            if not result.subject_listed:
                self._read_index()

        return work

    @property
    def _subject(self) -> Digest:
        subject = self._artifacts[0].manifest.subject
        assert subject is not None  # noqa: S101 - `artifact` gave it one
        return subject.digest

    @property
    def _tag(self) -> str:
        return f"{self._subject.algorithm}-{self._subject.hex}"

    def _client(self) -> RepositoryClient:
        client = RepositoryClient(self._registry, self._to.path, stop=self._stop)
        client.scope = scope_of(client.name, "pull", "push")
        return client

    def _read_index(self) -> Json:
        """Return what the index says so far; the first artifact that needs it asks."""
        with self._reading:
            if self._index is None:
                client = self._client()
                is_there = client.manifest_digest(self._tag)
                told = client.manifest(self._tag).body if is_there else b"{}"
                self._index = read_object(told, f"The index {self._tag}")
            return self._index

    def _put_index(self) -> None:
        ours = [_listed(each) for each in self._artifacts]
        digests = {item["digest"] for item in ours}
        before = self._read_index()
        others = [item for item in before.get("manifests", ()) if item.get("digest") not in digests]
        index = {
            **before,
            "schemaVersion": 2,
            "mediaType": oci.INDEX,
            "manifests": [*others, *ours],
        }
        if index != before:
            client = self._client()
            answer = client.put_manifest(self._tag, canonical(index), oci.INDEX)
            if answer.status not in {200, 201, 202}:
                call = client.put_manifest_call(self._tag, b"", "")
                raise self._registry.peer.error_for(call, answer)


def _blobs(each: BuiltImage) -> list[Digest]:
    return [blob.digest for blob in (each.manifest.config, *each.manifest.layers)]


def _listed(each: BuiltImage) -> Json:
    return {
        **descriptor_to_json(
            Descriptor(
                media_type=each.manifest.media_type,
                digest=each.digest,
                size=len(each.manifest_bytes),
            )
        ),
        "artifactType": each.manifest.artifact_type,
    }
