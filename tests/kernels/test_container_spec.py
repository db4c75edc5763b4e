from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers._version import __version__
from kernel_containers.core import labels
from kernel_containers.core.containers import Mount
from kernel_containers.core.owner import current_owner
from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.container_spec import (
    HOME,
    PACKAGES,
    RUN,
    HostUser,
    Place,
    container_spec,
    for_kernel,
    host_user,
    placed_folders,
    working_directory,
)

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.core.containers import ContainerSpec

USER = HostUser(uid=1234, gid=100, groups=(27, 500), name="ada", umask=0o022)


def _spec(
    place: Place, *, image_user: str = "", rootless: bool = False, **config: Any
) -> ContainerSpec:
    return container_spec(
        KernelConfig.parse({"image": "env:1", **config}),
        kernel_name="env",
        command=("python3",),
        place=place,
        user=USER,
        image_user=image_user,
        rootless=rootless,
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A notebook's folder below the server's root folder."""
    (tmp_path / "root" / "sub").mkdir(parents=True)
    return Place(directory=str(tmp_path / "root/sub"), root=str(tmp_path / "root"))


def test_the_root_folder_is_mounted_at_its_own_path(place: Place) -> None:
    spec = _spec(place)

    assert spec.mounts == (Mount(source=str(place.root), target=str(place.root)),)
    assert working_directory(KernelConfig(image="a"), place) == place.directory


def test_a_notebook_outside_the_root_folder_brings_its_own(place: Place, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    spec = _spec(Place(directory=str(elsewhere), root=place.root))

    assert [mount.target for mount in spec.mounts] == [str(elsewhere), place.root]


def test_a_notebooks_folder_that_is_a_link_leads_where_it_does_here(
    place: Place, tmp_path: Path
) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "root" / "sub"
    outside.mkdir()
    for name, target in (("out", outside), ("in", inside)):
        (tmp_path / "root" / name).symlink_to(target)

    out, within = (
        _spec(replace(place, directory=str(tmp_path / "root" / name))).mounts
        for name in ("out", "in")
    )

    root = Mount(source=str(place.root), target=str(place.root))
    assert out == (Mount(source=str(outside), target=str(outside)), root)
    assert within == (root,)


def test_the_workspace_can_be_smaller(place: Place) -> None:
    notebook = _spec(place, workspace="notebook-dir")
    nothing = _spec(place, workspace="none")

    assert [mount.target for mount in notebook.mounts] == [place.directory]
    assert (nothing.mounts, nothing.working_directory) == ((), None)
    assert working_directory(KernelConfig(image="a", workspace="none"), place) is None


@pytest.mark.parametrize("folder", ["/", "/usr", "/etc", "/var", "/run"])
def test_a_folder_that_would_hide_the_images_programs_is_refused(folder: str) -> None:
    with pytest.raises(InvalidInput, match="can't be mounted"):
        _spec(Place(directory=folder))


def test_an_environment_is_mounted_read_only_with_its_interpreter(
    place: Place, tmp_path: Path
) -> None:
    prefix, base = tmp_path / "root/.venv", tmp_path / "python"
    prefix.mkdir()
    base.mkdir()

    spec = _spec(place, prefix=str(prefix), prefix_mounts=[str(base)])

    assert [(mount.target, mount.read_only) for mount in spec.mounts] == [
        (str(base), True),
        (place.root, False),
        (str(prefix), True),
    ]


def test_modules_elsewhere_are_mounted_unless_they_are_gone_or_of_the_workspace(
    place: Place, tmp_path: Path
) -> None:
    names = ("root/.venv", "root/project", "library", "gone")
    prefix, project, library, gone = (tmp_path / name for name in names)
    for folder in (prefix, project, library):
        folder.mkdir()

    spec = _spec(place, prefix=str(prefix), prefix_modules=list(map(str, (project, library, gone))))

    assert [(mount.target, mount.read_only) for mount in spec.mounts] == [
        (str(library), True),
        (place.root, False),
        (str(prefix), True),
    ]


def test_an_own_mount_takes_the_place_of_the_workspace(place: Place, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()

    spec = _spec(place, mounts=[{"source": str(data), "target": place.root}])

    assert spec.mounts == (Mount(source=str(data), target=str(place.root)),)


def test_a_mount_that_does_not_exist_is_refused(place: Place) -> None:
    with pytest.raises(NotFound, match="/no/such/data"):
        _spec(place, mounts=[{"source": "/no/such/data"}])


def test_a_folder_to_work_in_that_does_not_exist_is_no_matter_of_mounts(place: Place) -> None:
    gone = replace(place, directory="/no/such/folder")

    with pytest.raises(NotFound, match="can't work in /no/such/folder") as caught:
        _spec(gone)

    assert "mounts" not in str(caught.value)


@pytest.mark.parametrize("target", ["/", "/usr", "/run", "/run/kernel-containers", "/var"])
def test_a_mount_that_would_hide_what_the_container_needs_is_refused(
    place: Place, tmp_path: Path, target: str
) -> None:
    with pytest.raises(InvalidInput, match=f"at {target} in"):
        _spec(place, mounts=[{"source": str(tmp_path), "target": target}])


def test_the_kernel_is_the_host_user_by_default(place: Place) -> None:
    spec = _spec(place, groups=[44])

    assert (spec.user, spec.groups) == ("1234:100", ("44", "27", "500"))
    assert spec.environment == {"USER": "ada", "LOGNAME": "ada"}
    assert spec.drop_capabilities


def test_only_a_servers_kernel_may_outlive_it(place: Place) -> None:
    program = replace(place, root=None)

    assert _spec(place, outlive=60).labels[labels.OUTLIVE] == "60"
    assert {labels.OUTLIVE, labels.ROOT}.isdisjoint(_spec(program, outlive=60).labels)


def test_the_images_user_keeps_its_name_and_groups(place: Place) -> None:
    spec = _spec(place, user="image", image_user="jovyan")

    assert (spec.user, spec.groups, spec.environment) == ("", (), {})
    assert spec.drop_capabilities
    assert not _spec(place, user="image").drop_capabilities  # root


def test_a_rootless_engine_maps_its_root_to_the_user(place: Place) -> None:
    spec = _spec(place, rootless=True)

    assert (spec.user, spec.groups, spec.drop_capabilities) == ("0:0", (), False)


def test_secrets_of_the_connection_stay_in_memory(place: Place) -> None:
    spec = _spec(place)

    assert spec.tmpfs == {RUN: "uid=1234,gid=100,mode=0700,size=16m"}
    assert [
        (file.name, file.mode, file.uid)
        for file in placed_folders(KernelConfig(image="a"), spec.user)
    ] == [
        ("var/lib/kernel-containers", 0o755, 0),
        (HOME.lstrip("/"), 0o700, 1234),
        (PACKAGES.lstrip("/"), 0o755, 1234),
    ]


def test_a_read_only_container_writes_to_memory(place: Place) -> None:
    config = KernelConfig.parse({"image": "a", "read_only": True})

    spec = _spec(place, read_only=True, tmpfs={"/tmp": "size=1g"})

    assert set(spec.tmpfs) == {RUN, HOME, PACKAGES, "/tmp"}
    assert spec.tmpfs["/tmp"] == "size=1g"
    assert placed_folders(config, spec.user) == ()


def test_the_container_ends_with_its_connection_and_keeps_no_log(place: Place) -> None:
    spec = for_kernel(_spec(place, labels={"team": "a"}), "1b2c", "/n.ipynb")

    assert (spec.auto_remove, spec.stdin, spec.keep_logs) == (True, True, False)
    assert spec.labels == {
        "team": "a",
        labels.KIND: "kernel",
        labels.OWNER: current_owner(),
        labels.KERNEL_ID: "1b2c",
        labels.KERNEL: "env",
        labels.NOTEBOOK: "/n.ipynb",
        labels.ROOT: place.root,
        labels.VERSION: __version__,
    }
    assert spec.name is not None
    assert spec.name.startswith("kernel-1b2c-")


def test_the_host_user_is_who_runs_this(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        user = host_user()
    finally:
        os.umask(old)

    assert (user.uid, user.gid, user.umask) == (os.getuid(), os.getgid(), 0o027)
