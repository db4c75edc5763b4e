"""Label and annotation names."""

from __future__ import annotations

PREFIX = "io.kernel-containers"

# On containers, volumes and networks.
KIND = PREFIX  # kernel | pool | run | build
OWNER = f"{PREFIX}.owner"
KERNEL_ID = f"{PREFIX}.kernel-id"
NOTEBOOK = f"{PREFIX}.notebook"
RUN_ID = f"{PREFIX}.run-id"
VERSION = f"{PREFIX}.version"  # of this program
ROOT = f"{PREFIX}.root"  # the root folder of the server whose kernel it is
OUTLIVE = f"{PREFIX}.outlive"  # seconds that a kernel goes on without its server

# On images; KERNEL on containers of kernels, too: the kernelspec's name.
CONTRACT = f"{PREFIX}.contract"
KERNEL = f"{PREFIX}.kernel"
PARAMETERS = f"{PREFIX}.parameters"

# On layers: what a layer is for.
LAYER = f"{PREFIX}.layer"

# https://github.com/opencontainers/image-spec/blob/main/annotations.md
OCI_TITLE = "org.opencontainers.image.title"
OCI_DESCRIPTION = "org.opencontainers.image.description"
OCI_CREATED = "org.opencontainers.image.created"
OCI_VERSION = "org.opencontainers.image.version"
OCI_SOURCE = "org.opencontainers.image.source"
OCI_REVISION = "org.opencontainers.image.revision"
OCI_BASE_NAME = "org.opencontainers.image.base.name"
OCI_BASE_DIGEST = "org.opencontainers.image.base.digest"
OCI_REF_NAME = "org.opencontainers.image.ref.name"
