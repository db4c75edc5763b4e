"""What the supervisor finds in its container: a home, a place for packages, spent memory.

This file runs on any Python from 3.8 on, with the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from pathlib import Path

TYPE_CHECKING = False  # importing `typing` would take 3 ms of each start
if TYPE_CHECKING:
    from typing import Any

# How often processes of a control group were killed for lack of memory: version 2, version 1.
OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def kernel_environment(program: str, message: dict[str, Any]) -> dict[str, str]:
    """Return the kernel's environment: HOME can be written to, pip has a place to install, and
    what the message has as `client`, texts by path, can be imported.
    """
    environment = {**os.environ, **message["environment"]}
    home, packages = message.get("home"), message.get("packages")
    if home and not os.access(environment.get("HOME", "/"), os.W_OK | os.X_OK):
        environment["HOME"] = home
    if packages and not installs_in_place(program, environment):
        environment["PIP_TARGET"] = packages
        paths = [packages, environment.get("PYTHONPATH")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        paths = [environment.get("PATH"), packages + "/bin"]
        environment["PATH"] = os.pathsep.join(filter(None, paths))
    if message.get("client"):
        client = place_client(Path(message["folder"]).parent / "client", message["client"])
        paths = [environment.get("PYTHONPATH"), client]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


def regain_access(folder: Path) -> None:
    """Let this user into a folder and the one above, whatever the last kernel did to them."""
    for place in (folder.parent, folder):
        with contextlib.suppress(OSError):  # it is somebody else's, or not there
            place.chmod(stat.S_IMODE(place.stat().st_mode) | stat.S_IRWXU)


def place_client(folder: Path, files: dict[str, str]) -> str:
    """Write what the notebook may import of ours below a folder of its own, and return that."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return str(folder)


def installs_in_place(program: str, environment: dict[str, str]) -> bool:
    """Whether pip can write where the packages of this Python are."""
    for folder in os.get_exec_path(environment):
        path = Path(folder, program)  # where `program` is absolute, the folder does not count
        if os.access(path, os.X_OK):
            found = path.parent.parent.glob("lib/python3*/*-packages")
            return any(os.access(packages, os.W_OK) for packages in found)
    return False


def kill_processes(group: int | None, spared: int | None) -> None:
    """Kill the container's processes but this one and `spared`; elsewhere, those of a group."""
    with contextlib.suppress(OSError):
        if os.getpid() == 1 and spared is None:
            os.kill(-1, signal.SIGKILL)
        elif os.getpid() != 1 and group is not None:
            os.killpg(group, signal.SIGKILL)
    if os.getpid() != 1 or spared is None:
        return
    done = {1, spared}
    while found := {int(path.name) for path in Path("/proc").glob("[1-9]*")} - done:
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        done |= found  # the killed stay in sight until they are reaped


def killed_for_memory(counters: tuple[str, ...] = OOM_COUNTERS) -> int | None:
    """Return how many processes were killed for lack of memory; None where nobody tells."""
    for path in counters:
        with contextlib.suppress(OSError):
            for line in Path(path).read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
    return None
