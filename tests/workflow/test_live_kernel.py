"""Who can read what was captured of a live kernel."""

from __future__ import annotations

import pytest

from kernel_containers.core.snapshot import FileEntry, FileKind, FileSet
from kernel_containers.workflow.images.live_kernel import LiveKernel

FILE, FOLDER = FileKind.FILE, FileKind.FOLDER


def live(entry: FileEntry, user: str = "0:0") -> LiveKernel:
    return LiveKernel(note="", user=user, files=FileSet(name="x", entries=(entry,), exact=True))


@pytest.mark.parametrize(
    "entry",
    [
        FileEntry("/opt/model.bin", FILE, 0o600),
        FileEntry("/opt/models", FOLDER, 0o700),
        FileEntry("/opt/models", FOLDER, 0o744),
        FileEntry("/opt/model.bin", FILE, 0o640, owner=(0, 5)),
    ],
)
def test_what_only_root_can_read_is_named(entry: FileEntry) -> None:
    assert live(entry).only_for_root == entry.target
    assert not live(entry, user="1234:1234").only_for_root


@pytest.mark.parametrize(
    "entry",
    [
        FileEntry("/opt/model.bin", FILE, 0o644),
        FileEntry("/opt/model.bin", FILE, 0o640),  # the image's user is in root's group
        FileEntry("/opt/models", FOLDER, 0o755),
        FileEntry("/etc/shadow", FILE, 0o600),
        FileEntry("/opt/link", FileKind.LINK, 0o777, link="gone"),
    ],
)
def test_what_the_images_user_can_read_and_what_services_keep_is_not(entry: FileEntry) -> None:
    assert not live(entry).only_for_root
