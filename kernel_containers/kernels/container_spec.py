"""From a kernel's configuration to its container. Nothing here asks the engine."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers._version import __version__
from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec, Mount
from kernel_containers.core.owner import current_owner
from kernel_containers.core.paths import is_below
from kernel_containers.engine.containers import PlacedFile
from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.kernels.live import container_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel_containers.kernels.config import KernelConfig

RUN = "/run/kernel-containers"  # in memory: the connection file and the kernel's sockets
DATA = "/var/lib/kernel-containers"
HOME = f"{DATA}/home"
PACKAGES = f"{DATA}/packages"  # what pip installs where the environment itself is read-only
_ROOT = {"", "0", "root", "0:0", "root:root"}
# A container without its own can't start a program.
_NEEDED = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", RUN, DATA)
_OF_THE_SYSTEM = ("/proc/", "/sys/")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUser:
    """Who runs this process."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    name: str
    umask: int | None  # None where it can't be read without changing it


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a kernel works: its folder, the server's root folder, and the notebook it is for."""

    directory: str
    root: str | None = None
    notebook: str | None = None


def host_user() -> HostUser:
    """Return who runs this process."""
    uid, gid = os.getuid(), os.getgid()
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        name = str(uid)
    return HostUser(
        uid=uid,
        gid=gid,
        groups=tuple(sorted(set(os.getgroups()) - {gid})),
        name=name,
        umask=_umask(),
    )


def _umask() -> int | None:
    # os.umask() would change it for a moment, also for other threads.
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("Umask:")]
    return int(found[0], 8) if found else None


def container_user(config: KernelConfig, user: HostUser, *, rootless: bool) -> str:
    """Return `uid:gid`, or empty for the image's own.

    A rootless engine maps root in the container to the user outside, and other uids to ones
    that own nothing here.
    """
    if config.user == "image":
        return ""
    if config.user == "host":
        return "0:0" if rootless else f"{user.uid}:{user.gid}"
    return config.user


def container_spec(
    config: KernelConfig,
    *,
    kernel_name: str,
    command: tuple[str, ...],
    place: Place,
    user: HostUser,
    image_user: str,
    rootless: bool = False,
) -> ContainerSpec:
    """Return what to create for any kernel of a kernelspec in a place: see `for_kernel`.

    The kernel's variables are not in it. The engine shows a container's to everybody who may
    ask, and some are credentials.

    Raises:
        InvalidInput: a folder can't be mounted in a container.
        NotFound: a folder to mount does not exist.
    """
    numeric = container_user(config, user, rootless=rootless)
    as_host = config.user == "host"
    drop = config.drop_capabilities
    names = {"USER": user.name, "LOGNAME": user.name} if as_host else {}
    mounts = _mounts(config, place)
    return ContainerSpec(
        image=config.image,
        entrypoint=(),
        command=command,
        environment=names,
        labels={
            **config.labels,
            labels.KIND: "pool",
            labels.OWNER: current_owner(),
            labels.KERNEL: kernel_name,
            labels.VERSION: __version__,
            **({labels.ROOT: place.root} if place.root else {}),
            **({labels.OUTLIVE: f"{config.outlive:g}"} if outlives(config, place) else {}),
        },
        mounts=mounts,
        tmpfs=_tmpfs(config, numeric, mounts),
        user=numeric,
        groups=_groups(config, user, with_host=as_host and not rootless),
        working_directory=config.workdir,
        network=config.network,
        resources=config.resources,
        read_only=config.read_only,
        drop_capabilities=(numeric or image_user) not in _ROOT if drop is None else drop,
        auto_remove=True,
        stdin=True,
        keep_logs=False,
    )


def outlives(config: KernelConfig, place: Place) -> bool:
    """Whether the kernel may go on without its process: a server's, which may start again."""
    return config.outlive > 0 and place.root is not None


def for_kernel(spec: ContainerSpec, kernel_id: str, notebook: str | None) -> ContainerSpec:
    """Return the container of one kernel."""
    own = {labels.KIND: "kernel", labels.KERNEL_ID: kernel_id}
    if notebook:
        own[labels.NOTEBOOK] = notebook
    name = container_name(kernel_id, notebook)
    return replace(spec, name=name, labels={**spec.labels, **own})


def working_directory(config: KernelConfig, place: Place) -> str | None:
    """Return where the kernel starts; None for the image's own working directory."""
    if config.workdir:
        return config.workdir
    return None if config.workspace == "none" else place.directory


def path_on_host(config: KernelConfig, directory: str | None, path: str) -> str | None:
    """Return the file of this machine that a kernel in `directory` means, where it is mounted."""
    if path.startswith("~"):
        return None
    inside = Path(os.path.normpath(Path(directory or "/", path)))
    for mount in config.mounts:
        if inside.is_relative_to(mount.target):
            found = Path(mount.source, inside.relative_to(mount.target))
            return str(found) if found.exists() else None
    same = config.workspace != "none" or config.prefix
    return str(inside) if same and inside.exists() else None


def placed_folders(config: KernelConfig, numeric_user: str) -> tuple[PlacedFile, ...]:
    """Return the folders that the created container gets, with `/` as their base.

    They lie in the container's own layer, so that what is installed can be captured. A
    read-only container takes nothing, and has them in memory instead.
    """
    if config.read_only:
        return ()
    mode = 0o700 if numeric_user else 0o1777
    uid, gid = map(int, (numeric_user or "0:0").split(":"))
    return (
        PlacedFile(DATA.lstrip("/"), None, 0o755),
        PlacedFile(HOME.lstrip("/"), None, mode, uid, gid),
        PlacedFile(PACKAGES.lstrip("/"), None, mode | 0o055, uid, gid),
    )


def _groups(config: KernelConfig, user: HostUser, *, with_host: bool) -> tuple[str, ...]:
    own = map(str, user.groups) if with_host else ()
    return tuple(dict.fromkeys([*config.groups, *own]))


def _tmpfs(config: KernelConfig, numeric_user: str, mounts: tuple[Mount, ...]) -> dict[str, str]:
    if numeric_user:
        uid, gid = numeric_user.split(":")
        access = f"uid={uid},gid={gid},mode=0700"
    else:
        access = "mode=1777"
    folders = {RUN: f"{access},size=16m"}
    if config.read_only:
        # `exec`: compiled modules of installed packages are loaded from there.
        folders |= {HOME: f"{access},exec", PACKAGES: f"{access},exec"}
        if not any(mount.target == "/tmp" for mount in mounts):  # noqa: S108 - the container's
            folders["/tmp"] = "mode=1777,exec"  # noqa: S108
    return folders | dict(config.tmpfs)


def _mounts(config: KernelConfig, place: Place) -> tuple[Mount, ...]:
    chosen = {mount.target: mount for mount in config.mounts}
    for target in (*chosen, *config.tmpfs):
        if _hides_programs(target) or target.startswith(_OF_THE_SYSTEM):
            raise InvalidInput(
                f"Nothing can be mounted at {target} in a kernel's container.",
                why="it would hide what the container needs",
                todo="give another target in the kernel's kernel.json",
            )
    for folder in _workspace(config, place):
        chosen.setdefault(folder, Mount(source=folder, target=folder))
    chosen |= _environment(config, chosen)
    for mount in chosen.values():
        if not Path(mount.source).exists():
            raise NotFound(
                f"{mount.source} does not exist, so it can't be mounted at {mount.target}.",
                todo="create it, or correct `mounts` in the kernel's kernel.json",
            )
    return tuple(chosen[target] for target in sorted(chosen))


def _environment(config: KernelConfig, mounted: Iterable[str]) -> dict[str, Mount]:
    """Return the mounts of an environment by target; `mounted` are those that come before."""
    folders = [*filter(None, (config.prefix, *config.prefix_mounts))]
    for folder in folders:
        if not Path(folder).is_dir():
            raise NotFound(
                f"{folder} does not exist any more.",
                why="the kernel's environment is there",
                todo="make the environment again, or add the kernel again with "
                "`kernel-containers kernel add NAME --prefix …`",
            )
    # Modules that are gone are none, as without a container; those of a workspace are written to.
    modules = [
        folder
        for folder in config.prefix_modules
        if Path(folder).is_dir() and not is_below(folder, *mounted, *folders)
    ]
    return {
        folder: Mount(source=folder, target=folder, read_only=True)
        for folder in (*folders, *modules)
    }


def _hides_programs(folder: str) -> bool:
    """Whether a mount there would hide what a container needs to start."""
    return any(Path(needed).is_relative_to(folder) for needed in _NEEDED)


def _outside(root: str, directory: str) -> list[str]:
    """Return what is to be mounted besides `root`, so that `directory` leads where it does here."""
    if not Path(directory).is_relative_to(root):
        return [directory]
    real = os.path.realpath(directory)  # by links below the root folder
    return [] if Path(real).is_relative_to(os.path.realpath(root)) else [real]


def _workspace(config: KernelConfig, place: Place) -> list[str]:
    if config.workspace == "none":
        return []
    folders = [place.directory]
    if config.workspace == "root-dir" and place.root:
        folders = [place.root, *_outside(place.root, place.directory)]
    for folder in folders:
        if not Path(folder).is_dir():
            raise NotFound(
                f"The kernel can't work in {folder}, which is no folder here.",
                todo="make it, or start the kernel in another one",
            )
        if _hides_programs(folder):
            raise InvalidInput(
                f"The folder {folder} can't be mounted in a kernel's container.",
                why="it would hide the image's own programs",
                todo="start Jupyter in a folder of your own, or set "
                '"workspace": "notebook-dir" in the kernel\'s kernel.json',
            )
    return folders
