"""Which process a container or folder belongs to, so that leftovers of a dead one can be told."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path


def current_owner() -> str:
    """Return `host:pid:start` of this process; `start` tells it from a later one of that pid.

    `start` is in clock ticks since boot, and 0 where /proc does not exist.
    """
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_start(pid) or 0}"


def is_gone(owner: str) -> bool:
    """Whether the process ran on this machine and has ended. False where nobody can tell."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    start = owner.rpartition(":")[2]
    if host != socket.gethostname() or not (rest.isdigit() and start.isdigit()):
        return False
    if start == "0" or not Path("/proc/self/stat").exists():
        return False
    return _start(int(rest)) != int(start)


def owner_token() -> str:
    """Return `current_owner()` in letters that names of files and image tags may have."""
    host, pid, start = current_owner().rsplit(":", 2)
    return f"{_short(host)}-{pid}-{start}"


def is_gone_token(token: str) -> bool:
    """Whether `token` is of a process that ran on this machine and has ended."""
    host, _, process = token.partition("-")
    here = socket.gethostname()
    return host == _short(here) and is_gone(f"{here}:{process.replace('-', ':')}")


def _short(host: str) -> str:
    return hashlib.sha256(host.encode()).hexdigest()[:8]


def _start(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold spaces and brackets.
    return int(text.rpartition(")")[2].split()[19])
