"""Images as in the OCI image specification 1.1. Sizes are bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_containers.core.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"  # the config of what is no image
LAYER = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system and architecture in Go's words, as registries use them."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str | None = None

    def __str__(self) -> str:
        variant = f"/{self.variant}" if self.variant else ""
        return f"{self.os}/{self.architecture}{variant}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a blob is: type, digest and size."""

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A blob, and the digest of the tar archive in it (`diff_id`)."""

    descriptor: Descriptor
    diff_id: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What a container of the image starts with; `raw` holds fields that are only carried on."""

    platform: Platform = field(default_factory=Platform)
    diff_ids: tuple[Digest, ...] = ()
    history: tuple[Mapping[str, object], ...] = ()
    created: str | None = None  # RFC 3339
    user: str = ""
    environment: tuple[str, ...] = ()  # NAME=value
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = "/"
    labels: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A config and layers, lowest first.

    An artifact has an `artifact_type`, and the image that it is about as its `subject`.
    """

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict)
    media_type: str = MANIFEST
    artifact_type: str | None = None
    subject: Descriptor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """A whole image whose blobs lie below `blobs` as `sha256/<hex>`.

    `manifest_bytes` and `config_bytes` are what the digests were made of; `config_digest` is
    also the image id that a Docker engine with the classic store gives it.
    """

    manifest: Manifest
    manifest_bytes: bytes
    config: ImageConfig
    config_bytes: bytes
    layers: tuple[Layer, ...]
    blobs: Path

    @property
    def digest(self) -> Digest:
        """The manifest's digest."""
        return Digest.of(self.manifest_bytes)

    @property
    def descriptor(self) -> Descriptor:
        """The manifest as a blob."""
        return Descriptor(
            media_type=self.manifest.media_type,
            digest=self.digest,
            size=len(self.manifest_bytes),
            platform=self.config.platform,
        )

    def blob(self, digest: Digest) -> Path:
        """Where a blob lies."""
        return self.blobs / digest.algorithm / digest.hex
