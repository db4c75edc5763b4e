"""Links of an environment that lead out of it, to what its image would not have.

`uv pip install --link-mode symlink` makes such a link of every file, people link the package
they work on or one of the system's, and folders of packages move to a larger disk.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.paths import is_below
from kernel_containers.core.snapshot import Exclusion, FileEntry, FileKind
from kernel_containers.snapshot.exclusions import credential_reason
from kernel_containers.snapshot.outside import PACKAGE_FOLDERS
from kernel_containers.snapshot.walk import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.snapshot.exclusions import Rules
    from kernel_containers.snapshot.walk import ByteCode

# The base image has its own, but for what was put into /usr/local.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", "/run")
_ADDED = "/usr/local"


class LinkedFiles:
    """Puts what links find elsewhere in the place of these links.

    Links to what lies in `prefix`, the environment's folder, stay links, and so do those to the
    Python in `base_prefix`, to other things than packages there.
    """

    def __init__(self, prefix: str, base_prefix: str) -> None:
        self._prefix = os.path.realpath(prefix)
        self._base_prefix = os.path.realpath(base_prefix)
        self.followed: dict[str, str] = {}  # what links led to
        self.exclusions: list[Exclusion] = []

    def follow(
        self,
        entries: Sequence[FileEntry],
        rules: Rules,
        byte_code: ByteCode | None = None,
        inside: Sequence[str] = (),
    ) -> Sequence[FileEntry]:
        """Return a set's entries with files and folders in the place of links, in no order.

        `inside` are the folders that links have led to on the way to these entries.
        """
        links = [entry for entry in entries if entry[1] is FileKind.LINK]
        if not links:
            return entries
        targets = {entry[0] for entry in entries}
        found: list[FileEntry] = []
        gone: set[str] = set()
        for link in links:
            real = os.path.realpath(link.target)
            if _leads_to(link) in targets or not self._would_miss(real, [link.target, *inside]):
                continue
            gone.add(link.target)
            if reason := credential_reason(Path(real)):
                self.exclusions.append(Exclusion(path=link.target, reason=reason))
                continue
            self.followed[link.target] = real
            brought, left_out = walk(Path(link.target), rules, byte_code)
            found += self.follow(brought, rules, byte_code, [*inside, real])
            self.exclusions += left_out
        return [*(entry for entry in entries if entry[0] not in gone), *found]

    def _would_miss(self, real: str, inside: Sequence[str]) -> bool:
        """Whether the image would not have `real` and can have it inside of these folders."""
        if not os.path.exists(real) or is_below(real, self._prefix):  # noqa: PTH110
            return False
        if any(is_below(folder, real) for folder in inside):  # it would be in itself
            return False
        if not set(PACKAGE_FOLDERS).isdisjoint(real.split("/")):
            return True
        of_system = is_below(real, *_SYSTEM) and not is_below(real, _ADDED)
        return not of_system and not is_below(real, self._base_prefix)


def _leads_to(link: FileEntry) -> str:
    return os.path.normpath(f"{link.target.rpartition('/')[0]}/{link.link}")
