"""A push or pull that is cancelled leaves nothing behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import NotFound
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.pull import pull
from kernel_containers.registry.push import push
from kernel_containers.registry.tags import tag_digest
from tests.registry.samples import make_image, make_layer, noise, sessions, settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.core.progress import Progress
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy
    from tests.support.registry import RegistryServer


class Cancelled(Exception):
    """What the caller's own way of cancelling raises."""


def cancel() -> None:
    raise Cancelled


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def after_bytes(count: int, act: Callable[[], None]) -> Callable[[Progress], None]:
    """Return a report that acts once, when so many bytes have moved."""
    left = [act]

    def report(progress: Progress) -> None:
        if progress.done >= count and left:
            left.pop()()

    return report


def to(registry: Registry, path: str) -> ImageReference:
    return ImageReference(Repository(registry.host, path), "v1")


def working() -> list[str]:
    """Return the threads that still work, after a moment to end."""
    until = time.monotonic() + 2.0
    while left := [t.name for t in threading.enumerate() if t.name.startswith("registry-")]:
        if time.monotonic() > until:
            break
        time.sleep(0.01)
    return left


@pytest.fixture
def many(tmp_path: Path) -> BuiltImage:
    """An image with four layers that take a while."""
    layers = [make_layer(tmp_path, {"a": noise(4_000_000, seed)}) for seed in range(4)]
    return make_image(tmp_path, *layers)


HOW = {"report raises": cancel, "Ctrl-C": press_ctrl_c}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("at", [0, 1, 5_000_000])
def test_a_cancelled_push_leaves_no_session_and_no_tag(
    opened: Registry, registry: RegistryServer, many: BuiltImage, how: str, at: int
) -> None:
    path = f"tests/{how.lower().replace(' ', '-')}-{at}"
    began = time.monotonic()
    with pytest.raises((Cancelled, KeyboardInterrupt)):
        push(many, to(opened, path), opened, after_bytes(at, HOW[how]))

    assert time.monotonic() - began < 10
    assert working() == []
    assert sessions(registry, path) == []
    assert tag_digest(opened, to(opened, path)) is None


def test_a_push_cancelled_just_before_the_manifest_leaves_no_tag(
    opened: Registry, registry: RegistryServer, many: BuiltImage, path: str
) -> None:
    def report(progress: Progress) -> None:
        if progress.message.startswith("manifest"):
            raise Cancelled

    with pytest.raises(Cancelled):
        push(many, to(opened, path), opened, report)

    assert sessions(registry, path) == []
    assert tag_digest(opened, to(opened, path)) is None


def test_a_registry_that_says_nothing_does_not_keep_a_cancelled_push(
    proxy: FaultProxy,
    through_proxy: Registry,
    registry: RegistryServer,
    many: BuiltImage,
    path: str,
) -> None:
    proxy.add("hang", method="PUT", times=None)

    def press_when_it_hangs() -> None:
        while not any(seen.fault for seen in proxy.seen):
            time.sleep(0.01)
        press_ctrl_c()

    began = time.monotonic()
    watcher = threading.Thread(target=press_when_it_hangs)
    watcher.start()
    with pytest.raises(KeyboardInterrupt):
        push(many, to(through_proxy, path), through_proxy)
    watcher.join()

    assert time.monotonic() - began < 15  # the settings allow a silence of 60 s
    assert working() == []
    assert sessions(registry, path) == []


@pytest.mark.full
def test_a_registry_that_is_gone_does_not_keep_a_cancelled_push_long(
    proxy: FaultProxy, through_proxy: Registry, many: BuiltImage, path: str
) -> None:
    proxy.add("hang", method="PUT|DELETE", times=None)

    def cancel_when_it_hangs(progress: Progress) -> None:
        if progress.done > 8_000_000:
            raise Cancelled

    began = time.monotonic()
    with pytest.raises(Cancelled):
        push(many, to(through_proxy, path), through_proxy, cancel_when_it_hangs)

    assert time.monotonic() - began < 20  # four sessions, five seconds for the first of them


def test_a_cancelled_push_can_be_done_again_on_the_same_connection(
    opened: Registry, many: BuiltImage, path: str
) -> None:
    with pytest.raises(Cancelled):
        push(many, to(opened, path), opened, after_bytes(5_000_000, cancel))

    push(many, to(opened, path), opened)

    assert tag_digest(opened, to(opened, path)) == many.digest


def test_a_cancelled_push_does_not_end_another_one(
    registry: RegistryServer, many: BuiltImage, path: str
) -> None:
    with open_registry(registry.host, settings()) as opened:
        other = threading.Thread(target=push, args=(many, to(opened, f"{path}/other"), opened))
        other.start()
        with pytest.raises(Cancelled):
            push(many, to(opened, path), opened, after_bytes(2_000_000, cancel))
        opened.transport.shut()
        other.join()

        assert tag_digest(opened, to(opened, f"{path}/other")) == many.digest


def test_one_blob_that_fails_ends_the_others(
    opened: Registry, registry: RegistryServer, many: BuiltImage, path: str
) -> None:
    many.blob(many.manifest.layers[1].digest).unlink()

    with pytest.raises(NotFound):
        push(many, to(opened, path), opened)

    assert working() == []
    assert sessions(registry, path) == []


@pytest.mark.parametrize("how", HOW)
def test_a_cancelled_pull_leaves_no_half_blob(
    opened: Registry, many: BuiltImage, path: str, tmp_path: Path, how: str
) -> None:
    push(many, to(opened, path), opened)
    blobs = tmp_path / "pulled"

    with pytest.raises((Cancelled, KeyboardInterrupt)):
        pull(to(opened, path), opened, blobs, after_bytes(5_000_000, HOW[how]))

    assert working() == []
    left = [file for file in blobs.rglob("*") if file.is_file()]
    whole = {each.digest.hex: each.size for each in [many.manifest.config, *many.manifest.layers]}
    assert all(file.stat().st_size == whole[file.name] for file in left)
    assert len(left) < len(whole)
