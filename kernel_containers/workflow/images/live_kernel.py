"""The live kernel of a notebook: what its container has that its image lacks."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.paths import is_below
from kernel_containers.core.sizes import size_text
from kernel_containers.core.snapshot import FileKind
from kernel_containers.engine import containers, images
from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.kernels.container_spec import DATA, HOME, PACKAGES
from kernel_containers.kernels.live import find_live
from kernel_containers.snapshot.container_changes import capture

if TYPE_CHECKING:
    from kernel_containers.core.progress import Report
    from kernel_containers.core.snapshot import Exclusion, FileEntry, FileSet
    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import Found
    from kernel_containers.workflow.settings import Settings

STALE = 24 * 3600.0  # seconds after which a copy belongs to no plan any more
# Other people's files: what package managers bring is not searched for the user's secrets.
_INSTALLED = ("/usr", "/lib", "/var", "/bin", "/sbin", PACKAGES)
# Services keep there what only root may read, such as /etc/shadow.
_OF_THE_SYSTEM = ("/etc", "/var/lib", "/var/log", "/var/cache", "/var/spool")


class Spool:
    """A folder for copies of a container's files; it goes with the last reference to this."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in parent.iterdir():  # by a process that was killed
            if left.stat().st_mtime < time.time() - STALE:
                shutil.rmtree(left, ignore_errors=True)
        self.folder = Path(tempfile.mkdtemp(dir=parent))
        self._end = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKernel:
    """What was captured; `files` is None where nothing was. `note` says so to people.

    One without anything stands for no kernel that was looked for.
    """

    note: str = ""
    files: FileSet | None = None
    user: str = ""
    exclusions: tuple[Exclusion, ...] = ()
    spool: Spool | None = None  # held as long as the files are needed

    @property
    def has_packages(self) -> bool:
        """Whether there are packages that `%pip install` brought."""
        return any(is_below(entry.target, PACKAGES) for entry in self.entries)

    @property
    def has_home(self) -> bool:
        """Whether there are files in the kernel's home."""
        return any(is_below(entry.target, HOME) for entry in self.entries)

    @property
    def own_files(self) -> list[FileEntry]:
        """The files that no package manager brought."""
        return [
            entry
            for entry in self.entries
            if "site-packages" not in entry.target and not is_below(entry.target, *_INSTALLED)
        ] + [entry for entry in self.entries if entry.target.startswith(f"{HOME}/")]

    @property
    def owner(self) -> int:
        """The number of the kernel's user where captured files are its own, else 0."""
        number = self.user.partition(":")[0]
        uid = int(number) if number.isdigit() else 0
        return uid if any(entry.owner[0] == uid for entry in self.entries) else 0

    @property
    def only_for_root(self) -> str:
        """A file or folder of a kernel that runs as root, which other users can't read; or ''.

        What packages of the system keep for root is none of them.
        """
        if self.user.partition(":")[0] not in ("", "0", "root"):
            return ""
        return next((entry.target for entry in self.entries if _is_closed(entry)), "")

    @property
    def entries(self) -> tuple[FileEntry, ...]:
        """The captured files; none where nothing was."""
        return self.files.entries if self.files else ()


def _is_closed(entry: FileEntry) -> bool:
    if entry.kind is FileKind.LINK or is_below(entry.target, *_OF_THE_SYSTEM):
        return False
    needed = 0o5 if entry.kind is FileKind.FOLDER else 0o4
    of_group = entry.owner[1] == 0 and (entry.final_mode >> 3) & needed == needed
    return not (of_group or entry.final_mode & needed == needed)


def capture_live(
    notebook: Path,
    kernel_id: str | None,
    base: str,
    *,
    engine: Engine,
    settings: Settings,
    report: Report,
) -> LiveKernel:
    """Return what the live kernel of a notebook, or the kernel of that id, has on top of `base`.

    Raises:
        NotFound: no kernel of that id runs in a container.
        InvalidInput: that kernel runs on another image than `base`.
    """
    found = _find(engine, notebook, kernel_id)
    if found is None:
        return LiveKernel(
            note="No live kernel of this notebook was found: changes made in one are left out."
        )
    image = images.inspect(engine, base)
    if image is None or containers.inspect(engine, found.id)["Image"] != str(image.id):
        if kernel_id is not None:
            raise InvalidInput(
                f"The kernel {kernel_id} runs on another image than {base}.",
                why="its changes would not fit",
                todo="restart the kernel, or name its kernelspec with --kernel",
            )
        return LiveKernel(
            note="The live kernel runs on another image: what it changed there is left out."
        )
    spool = Spool(settings.cache / "captured")
    captured = capture(engine, found.id, spool.folder, (DATA,), report)
    if captured.files is None:
        return LiveKernel(
            note="The live kernel has changed nothing in its container.",
            exclusions=captured.exclusions,
        )
    count, size = captured.files.count, size_text(captured.files.size)
    what = f"{size} in files ({count})" if count else "folders and links only"
    return LiveKernel(
        note=f"What the live kernel changed in its container is included: {what}.",
        files=captured.files,
        user=captured.user,
        exclusions=captured.exclusions,
        spool=spool,
    )


def _find(engine: Engine, notebook: Path, kernel_id: str | None) -> Found | None:
    if kernel_id is not None:
        found = find_live(engine, kernel_id=kernel_id)
        if not found:
            raise NotFound(
                f"No kernel {kernel_id} runs in a container.",
                todo="leave --kernel-id out to find the notebook's kernel",
            )
    else:
        found = find_live(engine, notebook=str(notebook))
        if not found and notebook.resolve() != notebook:
            found = find_live(engine, notebook=str(notebook.resolve()))
    return next(iter(found), None)
