"""Registries as the workflow needs them: opened once per operation, asked before, pushed to."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kernel_containers.core.progress import silent
from kernel_containers.errors import NotFound, Refused
from kernel_containers.registry.ahead import Ahead
from kernel_containers.registry.attach import Attachment
from kernel_containers.registry.check import check
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.docker_config import config_path, read_docker_config
from kernel_containers.registry.known import KnownBlobs
from kernel_containers.registry.pull import pull, pull_config, pull_layer
from kernel_containers.registry.push import push
from kernel_containers.registry.repositories import (
    create_repository,
    list_repositories,
    must_create,
)
from kernel_containers.registry.sessions import Sessions
from kernel_containers.registry.settings import RegistrySettings
from kernel_containers.registry.sign_in import sign_in
from kernel_containers.registry.tags import tag_digest
from kernel_containers.registry.watching import LONGEST_QUESTION, watched, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kernel_containers.core.digest import Digest
    from kernel_containers.core.oci import BuiltImage, ImageConfig, Platform
    from kernel_containers.core.progress import Report
    from kernel_containers.core.reference import ImageReference, Repository
    from kernel_containers.errors import KernelContainersError
    from kernel_containers.image.store import BlobStore
    from kernel_containers.registry.client import Registry
    from kernel_containers.workflow.settings import Settings


@dataclass(frozen=True, slots=True)
class Target:
    """What stands where an image shall go; `tag_digest` is None for a new tag."""

    repository_exists: bool
    tag_digest: Digest | None


@dataclass(frozen=True, slots=True)
class Pushed:
    """Bytes sent, and why artifacts about the image are not beside it."""

    sent: int
    unattached: KernelContainersError | None = None


class Registries:
    """All registries that this user's Docker and AWS configuration reaches.

    As a context manager it keeps connections and logins from one operation to the next. Without,
    each operation is a question that somebody waits for, `wait` seconds at most.
    """

    def __init__(self, settings: Settings, *, wait: float = LONGEST_QUESTION) -> None:
        self._settings = settings
        self._wait = wait
        self._kept: dict[str, Registry] | None = None
        self._opened: dict[Repository, Sessions] = {}
        self._opening = threading.Lock()

    def __enter__(self) -> Self:
        self._kept = {}
        return self

    def __exit__(self, *exception: object) -> None:
        while self._opened:
            self._opened.popitem()[1].close()
        for registry in (self._kept or {}).values():
            registry.close()
        self._kept = None

    @contextmanager
    def _open(self, host: str) -> Iterator[Registry]:
        with self._opening:
            registry = None if self._kept is None else self._kept.get(host)
            if registry is None:
                environ = self._settings.environ
                registry = open_registry(host, self._registry_settings(), environ=environ)
            if self._kept is not None:
                self._kept[host] = registry
        if self._kept is None:
            with registry, within(registry.transport, self._wait):
                yield registry
            return
        yield registry

    def _registry_settings(self) -> RegistrySettings:
        ca_file = self._settings.environ.get("KERNEL_CONTAINERS_CA_FILE")
        return RegistrySettings(ca_file=Path(ca_file) if ca_file else None)

    def sign_in(self, host: str, username: str, password: str) -> None:
        """Keep credentials that a registry takes; see `registry.sign_in.sign_in`."""
        environ = self._settings.environ
        settings = self._registry_settings()
        sign_in(host, username, password, settings, environ=environ, wait=self._wait)

    def look(
        self, to: ImageReference, report: Report = silent, *, push_follows: bool = False
    ) -> Target:
        """Return whether a push to `to` would create or replace something.

        Where a push with the same object follows, what it begins with is begun.

        Raises:
            Unauthorized, TryAgain, Unavailable: the registry does not tell.
        """
        with (
            self._open(to.repository.host) as registry,
            watched(registry.transport, report),
        ):
            if must_create(registry, to.repository.path):
                return Target(repository_exists=False, tag_digest=None)
            if push_follows and to.repository not in self._opened:
                self._opened[to.repository] = Sessions(registry, to.repository.path)
            return Target(repository_exists=True, tag_digest=tag_digest(registry, to))

    def prepare(
        self,
        to: ImageReference,
        report: Report,
        *,
        create: bool,
        overwrite: bool,
        state: Target | None = None,
    ) -> None:
        """Settle what would stop a push at its end, before anything is built.

        `state` is what `look` has said, where it was asked before.

        Raises:
            NotFound: the repository does not exist, and shall not be created.
            Refused: the tag exists, and shall not be moved.
            Unauthorized, TryAgain, Unavailable: the registry does not tell.
        """
        state = state or self.look(to, report)
        if not state.repository_exists:
            if not create:
                raise NotFound(
                    f"The repository {to.repository} does not exist.",
                    todo="create it, or name another",
                )
            self.create(to.repository)
        elif state.tag_digest and not overwrite:
            raise Refused(
                f"{to} exists ({state.tag_digest.short}).",
                todo="give another tag, or say that this one may move",
            )

    def hosts(self) -> dict[str, bool]:
        """Return the registries that Docker's configuration, earlier pushes or pulls name.

        The value says whether Docker's configuration holds credentials for it. None is asked.

        Raises:
            InvalidInput: Docker's config.json is broken.
        """
        config = read_docker_config(config_path(self._settings.environ))
        signed_in = set(config.entries) | set(config.helpers)
        pushed_to = KnownBlobs(self._settings.known_blobs).hosts()
        return {host: host in signed_in for host in sorted(signed_in | pushed_to)}

    def create(self, repository: Repository) -> bool:
        """Create a repository; False where it exists already or comes with the first push.

        Raises:
            Unauthorized, Refused, TryAgain, Unavailable: AWS did not create it.
        """
        with self._open(repository.host) as registry:
            return create_repository(registry, repository.path)

    def list(self, host: str) -> tuple[str, ...]:
        """Return the paths of all repositories of a registry, sorted.

        Raises:
            Unauthorized, Refused, TryAgain, Unavailable: the registry does not tell.
        """
        with self._open(host) as registry:
            return list_repositories(registry)

    def push(
        self,
        image: BuiltImage,
        to: ImageReference,
        report: Report,
        attached: Sequence[BuiltImage] = (),
        ahead: Ahead | None = None,
    ) -> Pushed:
        """Push an image, see `registry.push.push`, and artifacts about it.

        Raises:
            KernelContainersError: as from `push`; not for what happens to the artifacts.
        """
        with (
            self._open(to.repository.host) as registry,
            watched(registry.transport, report) as heard,
            self._opened.pop(to.repository, None) or nullcontext() as opened,
        ):
            known = KnownBlobs(self._settings.known_blobs)
            attachment = Attachment(attached, to.repository, registry, known, opened)
            try:
                attachment.start()
                result = push(
                    image,
                    to,
                    registry,
                    heard,
                    known=known,
                    ahead=ahead,
                    opened=opened,
                    stored=attachment.list,
                )
            except BaseException:
                attachment.cancel()
                raise
            beside = attachment.finish()
        return Pushed(sent=result.bytes_sent + beside, unattached=attachment.failure)

    def ahead(self, to: Repository, store: BlobStore) -> Ahead:
        """Return what sends layers of the store while others are built."""
        known = KnownBlobs(self._settings.known_blobs)
        return Ahead(to, partial(self._open, to.host), store.path, known)

    def layer(self, reference: ImageReference, name: str, folder: Path) -> Path | None:
        """Fetch the layer that has a name among our labels; None where the image has none.

        Raises:
            NotFound, Unauthorized, TryAgain, Unavailable: the registry does not give it.
        """
        with self._open(reference.repository.host) as registry:
            return pull_layer(reference, registry, name, folder)

    def pull(
        self,
        reference: ImageReference,
        store: BlobStore,
        report: Report,
        platform: Platform | None = None,
    ) -> BuiltImage:
        """Bring an image's blobs into the store; see `registry.pull.pull`.

        A later push to the same registry has them mounted from there.

        Raises:
            NotFound, InvalidInput, Unauthorized, TryAgain, Unavailable: there is no such image,
                or the registry does not give it.
            CannotWrite: the store's disk is full.
        """
        with self._open(reference.repository.host) as registry:
            image = pull(reference, registry, store.blobs, report, platform=platform)
        held = [layer.digest for layer in image.manifest.layers]
        KnownBlobs(self._settings.known_blobs).remember(reference.repository, held)
        return image

    def config(self, reference: ImageReference) -> ImageConfig:
        """Return an image's config without its layers.

        Raises:
            NotFound: there is no such image.
            Unauthorized, TryAgain, Unavailable: the registry does not give it.
        """
        with self._open(reference.repository.host) as registry:
            return pull_config(reference, registry)

    def check(self, host: str) -> str:
        """Return in words that a registry answers and knows this user.

        Raises:
            Unauthorized, TryAgain, Unavailable: what is wrong.
        """
        with self._open(host) as registry:
            return check(registry)
