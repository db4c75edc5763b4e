"""An image into a registry: all blobs, then the manifest under its tag."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kernel_containers.core.progress import silent
from kernel_containers.errors import Defect, InvalidInput, Refused, Unavailable
from kernel_containers.registry.answers import scope_of
from kernel_containers.registry.meter import Meter
from kernel_containers.registry.repository import RepositoryClient
from kernel_containers.registry.stop import Stop
from kernel_containers.registry.threads import in_threads
from kernel_containers.registry.upload import SMALL, Outcome, Uploader

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import BuiltImage, Descriptor
    from kernel_containers.core.progress import Report
    from kernel_containers.core.reference import ImageReference
    from kernel_containers.registry.ahead import Ahead
    from kernel_containers.registry.answers import Answer
    from kernel_containers.registry.client import Registry
    from kernel_containers.registry.known import KnownBlobs
    from kernel_containers.registry.sessions import Sessions

STAGE = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """What a push did. Each blob of the image is in exactly one of the three."""

    descriptor: Descriptor
    bytes_sent: int  # of blobs and manifest, repeated ones included
    blobs_sent: tuple[Digest, ...]
    blobs_mounted: tuple[Digest, ...]
    blobs_reused: tuple[Digest, ...]
    subject_listed: bool = False  # the registry lists the manifest as one about its subject


def push(
    image: BuiltImage,
    to: ImageReference,
    registry: Registry,
    report: Report = silent,
    *,
    known: KnownBlobs | None = None,
    stop: Stop | None = None,
    ahead: Ahead | None = None,
    opened: Sessions | None = None,
    stored: Callable[[], None] | None = None,
    remember: bool = True,
    read_back: bool = True,
) -> PushResult:
    """Make `to` name `image`; only what the repository lacks is sent.

    The manifest is put last, so a push that fails or is cancelled leaves the tag as it was, and
    no upload session. `known` saves asking for blobs that earlier pushes left there, and says
    which repositories blobs are mounted from. `stop` lets another thread end it. What `ahead` has
    sent is not sent again; small blobs take `opened` sessions. `stored` is called as soon as the
    manifest stands. Without `remember` what was sent does not become known; without `read_back`
    the registry's own word is taken for it.

    Raises:
        NotFound: the repository does not exist, or a blob is on neither side.
        Unauthorized: credentials are missing, wrong, or do not allow it.
        Refused: the tag is immutable and names another image, or the registry says no.
        TryAgain, Unavailable: also after several attempts.
        InvalidInput: a stored blob is damaged, or `to` has another digest.
    """
    return _Push(
        image,
        to,
        registry,
        report=report,
        known=known,
        stop=stop or Stop(),
        ahead=ahead,
        opened=opened,
    ).run(stored, remember=remember, read_back=read_back)


class _Push:
    def __init__(
        self,
        image: BuiltImage,
        to: ImageReference,
        registry: Registry,
        *,
        report: Report,
        known: KnownBlobs | None,
        stop: Stop,
        ahead: Ahead | None,
        opened: Sessions | None,
    ) -> None:
        if to.repository.host != registry.host:
            raise Defect(f"{to} can't be pushed to {registry.host}.")
        if to.digest not in {None, image.digest}:
            raise InvalidInput(f"The image is {image.digest}, not {to.digest}.")
        self._image = image
        self._to = to
        self._registry = registry
        self._known = known
        self._ahead = ahead
        self._hints = known.of(to.repository) if known else frozenset()
        layers = {layer.digest: layer for layer in image.manifest.layers}
        self._blobs = layers | {image.manifest.config.digest: image.manifest.config}
        self._outcomes: dict[Digest, Outcome] = {}
        self._stop = stop
        self._client = RepositoryClient(registry, to.repository.path, stop=self._stop)
        self._client.scope = scope_of(self._client.name, "pull", "push")
        self._meter = Meter(STAGE, report, self._blobs.values(), registry.settings.report_interval)
        self._uploader = Uploader(self._client, self._meter, opened)

    def run(
        self, stored: Callable[[], None] | None, *, remember: bool, read_back: bool
    ) -> PushResult:
        try:
            for digest in self._hints & self._blobs.keys():
                self._outcomes[digest] = "reused"
                self._meter.finish(digest)
            self._provide([b for d, b in self._blobs.items() if d not in self._hints])
            answer = self._put_manifest()
        finally:
            self._uploader.clean_up()
        if stored:
            stored()
        if read_back:
            self._read_back()
        if self._known and remember:
            self._known.remember(self._to.repository, self._blobs)
        return PushResult(
            descriptor=self._image.descriptor,
            bytes_sent=self._meter.moved,
            blobs_sent=self._with("sent"),
            blobs_mounted=self._with("mounted"),
            blobs_reused=self._with("reused"),
            subject_listed="OCI-Subject" in answer.headers,
        )

    def _with(self, outcome: Outcome) -> tuple[Digest, ...]:
        return tuple(digest for digest in self._blobs if self._outcomes[digest] == outcome)

    def _provide(self, blobs: Collection[Descriptor], *, again: bool = False) -> None:
        in_threads(
            # Large ones first: they end last.
            [
                partial(self._provide_one, blob, again=again)
                for blob in sorted(blobs, key=lambda blob: -blob.size)
            ],
            threads=self._registry.settings.concurrency,
            stop=self._stop,
            shut=self._registry.transport.shut,
        )

    def _provide_one(self, blob: Descriptor, *, again: bool) -> None:
        # Asking for a small blob takes as long as sending it, so it is only asked for where
        # nothing tells that the rest of the image is new, too.
        ask = not again and not (self._hints and blob.size <= SMALL)
        done = None if again else self._sent_ahead(blob)
        self._outcomes[blob.digest] = done or self._uploader.provide(
            blob,
            self._image.blob(blob.digest),
            mount_from=None if again else self._source(blob),
            ask=ask,
        )

    def _sent_ahead(self, blob: Descriptor) -> Outcome | None:
        if self._ahead is None:
            return None
        done = self._ahead.outcome(blob, partial(self._meter.add, blob.digest), self._stop)
        if done:
            self._meter.finish(blob.digest)
        return done

    def _source(self, blob: Descriptor) -> str | None:
        return self._known.source(blob.digest, but=self._to.repository) if self._known else None

    def _put_manifest(self) -> Answer:
        answer = self._send_manifest()
        unknown = self._unknown(answer)
        if unknown:
            # A hint or an answer was wrong: the registry has cleaned up, or caches too long.
            if self._known:
                self._known.forget(self._to.repository, unknown)
            self._provide([self._blobs[digest] for digest in unknown], again=True)
            answer = self._send_manifest()
        if answer.status in {200, 201, 202}:
            return answer
        target = self._target
        call = self._client.put_manifest_call(target, b"", "")
        error = self._registry.peer.error_for(call, answer)
        # An immutable tag that names this very image is what was wanted.
        if type(error) is Refused and self._client.manifest_digest(target) == self._image.digest:
            return answer
        raise error

    def _send_manifest(self) -> Answer:
        self._meter.say(f"manifest {self._image.digest.short}")
        self._meter.also(len(self._image.manifest_bytes))
        return self._client.put_manifest(
            self._target, self._image.manifest_bytes, self._image.manifest.media_type
        )

    def _unknown(self, answer: Answer) -> list[Digest]:
        if not answer.codes & {"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"}:
            return []
        named = [digest for digest in self._blobs if digest in answer.digests()]
        return named or list(self._blobs)

    @property
    def _target(self) -> str:
        return self._to.tag or str(self._image.digest)

    def _read_back(self) -> None:
        # The tag may have been moved by somebody else meanwhile, the digest can't.
        digest = self._image.digest
        if self._client.manifest_digest(str(digest)) != digest:
            raise Unavailable(
                f"{self._registry.host} took the manifest of {self._to}, and does not have it.",
                todo="push again",
            )
