"""The endpoints of one repository, one method each; uploads are in `upload`.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_containers.core import oci
from kernel_containers.core.digest import Digest
from kernel_containers.registry.answers import Answer, Call, Scope, scope_of
from kernel_containers.registry.docker_config import HUB, plain_host
from kernel_containers.registry.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.registry.client import Registry

MANIFESTS = ", ".join((oci.MANIFEST, oci.INDEX, oci.DOCKER_MANIFEST, oci.DOCKER_INDEX))


class RepositoryClient:
    """One operation's view of a repository: its `scope` (pull unless given) and its `stop`."""

    def __init__(
        self, registry: Registry, path: str, *, scope: Scope | None = None, stop: Stop | None = None
    ) -> None:
        self.registry = registry
        self.path = path
        # Docker Hub's own images have a folder that references leave out.
        is_official = plain_host(registry.host) == HUB and "/" not in path
        self.name = f"library/{path}" if is_official else path
        self.scope = scope_of(self.name, "pull") if scope is None else scope
        self.stop = stop or Stop()

    def has_blob(self, digest: Digest) -> bool:
        """Whether the repository holds a blob."""
        call = self.call(f"look for {digest} in {self.path}", "HEAD", f"blobs/{digest}")
        return self.registry.ask(call, self.stop, 200, 404).status == 200

    def manifest_digest(self, target: str) -> Digest | None:
        """Return the digest of the manifest that a tag or digest names, None if there is none."""
        call = self._manifest_call("HEAD", target)
        answer = self.registry.ask(call, self.stop, 200, 404)
        if answer.status == 404:
            return None
        return answer.digest or Digest.of(self.manifest(target).body)

    def manifest(self, target: str) -> Answer:
        """Return the manifest or index that a tag or digest names."""
        return self.registry.ask(self._manifest_call("GET", target), self.stop, 200)

    def put_manifest(self, target: str, manifest: bytes, media_type: str) -> Answer:
        """Store a manifest under a tag or its digest; the answer is the caller's to judge."""
        call = self.put_manifest_call(target, manifest, media_type)
        return self.registry.transport.retrying(
            call, self.stop, lambda: self.registry.try_once(call, self.stop)
        )

    def put_manifest_call(self, target: str, manifest: bytes, media_type: str) -> Call:
        """Return what `put_manifest` sends."""
        return self.call(
            f"store the manifest {self.path}:{target}",
            "PUT",
            f"manifests/{target}",
            headers={"Content-Type": media_type},
            content=manifest,
        )

    def download(self, digest: Digest, keep: Callable[[Iterator[bytes]], None]) -> None:
        """Give a blob's bytes to `keep`, from the start again after what may pass."""
        call = self.call(f"give {digest} of {self.path}", "GET", f"blobs/{digest}")
        transport = self.registry.transport

        def send(authorization: str | None) -> Answer:
            with transport.opened(call, authorization) as response:
                if response.status_code != 200:
                    return transport.read(call, response)
                keep(response.iter_raw(1024 * 1024))
                return Answer(status=200, url=str(response.url), headers=response.headers)

        answer = transport.retrying(
            call, self.stop, lambda: self.registry.authorized(call, self.stop, send)
        )
        if answer.status != 200:
            raise self.registry.peer.error_for(call, answer)

    def call(
        self,
        doing: str,
        method: str,
        end: str,
        *,
        headers: dict[str, str] | None = None,
        content: bytes = b"",
    ) -> Call:
        """Return a call of this repository's endpoint."""
        return Call(
            doing=doing,
            method=method,
            url=f"/v2/{self.name}/{end}",
            scope=self.scope,
            headers=headers or {},
            content=content,
            repository=self.path,
        )

    def _manifest_call(self, method: str, target: str) -> Call:
        sign = "@" if target.startswith("sha") and ":" in target else ":"
        return self.call(
            f"give the manifest {self.path}{sign}{target}",
            method,
            f"manifests/{target}",
            headers={"Accept": MANIFESTS},
        )
