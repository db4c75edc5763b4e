"""How the supervisor gets into a container: as text on stdin, so that nothing is mounted or
copied, and a read-only image works.

Texts are read once: a process that goes on while this package is upgraded must not mix versions.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import NamedTuple

_MODULES = (
    "link",
    "door",
    "surroundings",
    "process",
    "supervisor",
)  # in the order of their imports
_PACKAGE = "kernel_containers.kernels"
# Modules in sys.modules are found by `from kernel_containers.kernels.link import …` although
# their packages are not there. The length is an argument: the stream goes on with frames.
_BOOT = """
import json, os, sys, types
if sys.version_info < (3, 8):
    sys.exit("Python %d.%d is too old: kernels in containers need 3.8." % sys.version_info[:2])
length, data = int(sys.argv[1]), b""
while len(data) < length:
    block = os.read(0, length - len(data))
    if not block:
        sys.exit(0)
    data += block
for name, source in json.loads(data.decode()):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
module.main()
"""


# Between a supervisor's door and this program's stdin and stdout.
_BRIDGE = """
import os, socket, sys, threading
door = socket.socket(socket.AF_UNIX)
door.connect(sys.argv[1])
def inward():
    while True:
        data = os.read(0, 262144)
        if not data:
            os._exit(0)
        door.sendall(data)
threading.Thread(target=inward, daemon=True).start()
while True:
    data = door.recv(262144)
    if not data:
        os._exit(0)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
"""


def bridge_command(python: str, door: str) -> list[str]:
    """Return the program that returns to a supervisor through its door."""
    return [python, "-I", "-S", "-c", _BRIDGE, door]


@functools.cache
def client_files() -> dict[str, str]:
    """Return what lets a kernel import `kernel_containers.client`: texts by path in a folder."""
    package = Path(__file__).parents[1]
    sources = sorted((package / "client").glob("*.py"))
    texts = {f"{package.name}/client/{path.name}": path.read_text("utf-8") for path in sources}
    return {**texts, f"{package.name}/__init__.py": texts[f"{package.name}/client/placed.py"]}


@functools.cache
def worker_program() -> str:
    """Return the text of the process that becomes a kernel."""
    return Path(__file__).with_name("worker.py").read_text("utf-8")


class Boot(NamedTuple):
    """A container's command, and what its stdin gets first."""

    command: tuple[str, ...]
    payload: bytes


@functools.cache
def _payload() -> bytes:
    folder = Path(__file__).parent
    sources = [
        (f"{_PACKAGE}.{name}", (folder / f"{name}.py").read_text("utf-8")) for name in _MODULES
    ]
    return json.dumps(sources).encode()


def supervisor_boot(python: str) -> Boot:
    """Return how to start the supervisor with an interpreter of the container."""
    payload = _payload()
    # -I and -S: neither the image's variables nor its packages change how this runs.
    return Boot((python, "-I", "-S", "-c", _BOOT, str(len(payload))), payload)
