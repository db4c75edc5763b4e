"""What the kernel of the operating system says about this container's memory, cgroup v1 and v2."""

from __future__ import annotations

import re
import resource
from dataclasses import dataclass
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
_OOM_KILL = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MemoryFiles:
    """The counters of this process's control group; None where there is none."""

    kills: Path | None
    peak: Path | None
    limit: Path | None

    def oom_kills(self) -> int:
        """Return how many processes were killed for memory so far; 0 where nobody counts."""
        match = _OOM_KILL.search(_read(self.kills))
        return int(match[1]) if match else 0

    def peak_bytes(self) -> int | None:
        """Return the most memory in use at once, else the largest process's."""
        text = _read(self.peak).strip()
        if text.isdigit():
            return int(text)
        kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return kilobytes * 1024 or None

    def limit_bytes(self) -> int | None:
        """Return the limit; None for none."""
        text = _read(self.limit).strip()
        # cgroup v1 says "none" as a number close to 2**63.
        return int(text) if text.isdigit() and int(text) < 2**60 else None


def find_memory_files(
    root: Path = CGROUP_ROOT, membership: Path = Path("/proc/self/cgroup")
) -> MemoryFiles:
    """Return where the counters are."""
    v1, v2 = "", ""
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            v1 = path
        elif not controllers:
            v2 = path
    # In a container the path is that of the host, and its end is mounted at the root.
    for folder in (root / "memory" / v1.lstrip("/"), root / "memory"):
        if (folder / "memory.oom_control").is_file():
            return MemoryFiles(
                folder / "memory.oom_control",
                folder / "memory.max_usage_in_bytes",
                folder / "memory.limit_in_bytes",
            )
    for folder in (root / v2.lstrip("/"), root / "unified" / v2.lstrip("/"), root):
        if (folder / "memory.events").is_file():
            return MemoryFiles(
                folder / "memory.events", folder / "memory.peak", folder / "memory.max"
            )
    return MemoryFiles(None, None, None)


def _read(path: Path | None) -> str:
    try:
        return path.read_text() if path else ""
    except OSError:
        return ""
