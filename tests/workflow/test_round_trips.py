"""How often a push waits for a registry: what far ones cost."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from kernel_containers.core import oci
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.registry.attach import NOTHING, Document, artifact
from kernel_containers.workflow.images.look_ahead import LookAhead
from kernel_containers.workflow.registries import Registries
from kernel_containers.workflow.settings import Settings
from tests.registry.samples import make_image, make_layer, store
from tests.support.faultproxy import start_fault_proxy

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from tests.support.registry import RegistryServer


def attached(image: BuiltImage, *texts: bytes) -> list[BuiltImage]:
    """Return artifacts about an image."""
    store(image.blobs, NOTHING, oci.EMPTY)
    found = [store(image.blobs, text, "application/json") for text in texts]
    return [
        artifact(Document("application/json", it.digest, it.size), image.descriptor, image.blobs)
        for it in found
    ]


def test_a_changed_cell_takes_three_round_trips_after_its_plan(
    registry: RegistryServer, tmp_path: Path
) -> None:
    blobs = tmp_path / "blobs"
    environment = make_layer(blobs, {"environment": b"large"})
    before, after = (
        make_image(blobs, environment, make_layer(blobs, {"cell": text})) for text in (b"1", b"2")
    )
    sbom = b"the packages, as before"

    with start_fault_proxy(registry.host) as proxy:
        settings = Settings(cache=tmp_path, environ={"DOCKER_CONFIG": str(tmp_path)})
        to = Repository(proxy.host, f"trips/{uuid.uuid4().hex[:8]}")
        with Registries(settings) as registries:
            registries.push(
                before, ImageReference(to, "v1"), silent, attached(before, sbom, b"made of 1")
            )
        proxy.clear()
        # While it is planned: who is there; the tag and three upload sessions. Then: three blobs
        # and the manifest of the SBOM; the other manifests and the list of referrers; that list,
        # and whether the image is there.
        proxy.expect(1, 4, 4, 3, 2)

        with Registries(settings) as registries:
            looked = LookAhead(registries, ImageReference(to, "v2"))
            assert looked.result().tag_digest is None
            pushed = registries.push(
                after, ImageReference(to, "v2"), silent, attached(after, sbom, b"made of 2")
            )

    assert pushed.unattached is None
    assert proxy.waves_left == 0
    assert len(proxy.seen) == 14
