"""How the values of kernel.json are read: each of these takes what stands there, and returns it
checked, or raises InvalidInput."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from kernel_containers.core import labels
from kernel_containers.core.containers import LARGEST_SIZE, SMALLEST_MEMORY, Mount, parse_size
from kernel_containers.core.reference import ImageReference
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

# They describe this machine's processes or folders, or would end the kernel: ipykernel stops
# when the process in JPY_PARENT_PID is not its parent.
NEVER_PASSED = frozenset({"PATH", "HOME", "JPY_PARENT_PID", "PYTHONHOME", "PYTHONPATH"})
SMALLEST_SHARE = 0.01  # of a processor
MOST_PROCESSES = 4_194_304  # Linux has no more numbers for them
LARGEST_ID = 2**31 - 1  # of a user or group
_USER = re.compile(r"host|image|\d+(:\d+)?")
_DEVICE = r"[A-Za-z0-9][A-Za-z0-9-]*"
_GPUS = re.compile(rf"all|[1-9]\d*|(?!\d+$){_DEVICE}(,{_DEVICE})*")
_MOUNT_KEYS = {"source", "target", "read_only"}


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise InvalidInput(f"{value!r} is not a text.")
    return value


def image(value: Any) -> str:
    name = text(value)
    if not name.startswith("sha256:"):
        ImageReference.parse(name)
    return name


def folder(value: Any) -> str:
    path = os.path.expanduser(text(value))  # noqa: PTH111 - a text with the same meaning
    if not path.startswith("/"):
        raise InvalidInput(f"{value!r} is not an absolute path.")
    return os.path.normpath(path)


def folders(value: Any) -> tuple[str, ...]:
    return tuple(map(folder, a_list(value)))


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{value!r} is not true or false.")
    return value


def positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise InvalidInput(f"{value!r} is not a number above 0 and below a million.")
    return float(value)


def count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_SIZE:
        raise InvalidInput(f"{value!r} is not a whole number above 0, or too large.")
    return value


def size(value: Any) -> int:
    return parse_size(value) if isinstance(value, str) else count(value)


def memory(value: Any) -> int:
    found = size(value)
    if found < SMALLEST_MEMORY:
        raise InvalidInput(f"{value!r} is less than 6m, the engine's minimum.")
    return found


def choice(*known: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in known:
            raise InvalidInput(f"{value!r} is not one of {', '.join(known)}.")
        return str(value)

    return read


def user(value: Any) -> str:
    found = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
    if not _USER.fullmatch(found):
        raise InvalidInput(
            f"{value!r} is not a user.", todo='give "host", "image" or numbers as in "1000:100"'
        )
    _check_ids(found)
    # The engine would put a uid without a gid into the group of root.
    return f"{found}:{found}" if found.isdigit() else found


def groups(value: Any) -> tuple[str, ...]:
    found = tuple(str(count(item)) for item in a_list(value))
    _check_ids(*found)
    return found


def _check_ids(*found: str) -> None:
    for number in ":".join(found).split(":"):
        if number.isdigit() and int(number) > LARGEST_ID:
            raise InvalidInput(f"{number} is more than {LARGEST_ID}, the engine's largest id.")


def gpus(value: Any) -> str:
    found = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
    if not _GPUS.fullmatch(found):
        raise InvalidInput(
            f"{value!r} names no GPUs.", todo='give "all", a count, or device ids with commas'
        )
    return found


def cpus(value: Any) -> float:
    share = positive(value)
    if share < SMALLEST_SHARE:
        raise InvalidInput(f"{value!r} is less than 0.01, the engine's minimum.")
    return share


def pids(value: Any) -> int:
    if count(value) > MOST_PROCESSES:
        raise InvalidInput(f"{value!r} is more than {MOST_PROCESSES}, which no system has.")
    return int(value)


def a_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(f"{value!r} is not a list.")
    return value


def passed(value: Any) -> tuple[str, ...]:
    names = tuple(text(item) for item in a_list(value))
    for name in names:
        if "=" in name:
            raise InvalidInput(
                f"{name!r} is not a variable's name.",
                why="its value is taken over from this machine at each start",
                todo='give a value as "env" at the top of kernel.json',
            )
        if name in NEVER_PASSED or name.startswith("LD_"):
            raise InvalidInput(
                f"{name} belongs to this machine and is never passed.",
                todo='give the container\'s own value as "env" at the top of kernel.json',
            )
    return names


def mount(value: Any) -> Mount:
    if not isinstance(value, dict) or not {"source"} <= value.keys() <= _MOUNT_KEYS:
        raise InvalidInput(
            f"{value!r} is not a mount.",
            todo='give {"source": "/here", "target": "/there", "read_only": true}',
        )
    source = folder(value["source"])
    return Mount(
        source=source,
        target=folder(value.get("target", source)),
        read_only=boolean(value.get("read_only", False)),
    )


def mounts(value: Any) -> tuple[Mount, ...]:
    found = tuple(mount(item) for item in a_list(value))
    targets = [one.target for one in found]
    for target in targets:
        if targets.count(target) > 1:
            raise InvalidInput(f"{target} is mounted twice.", todo="give each another `target`")
    return found


def texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise InvalidInput(f"{value!r} is not an object with texts.")
    return dict(value)


def own_labels(value: Any) -> dict[str, str]:
    found = texts(value)
    if "" in found:
        raise InvalidInput("a label has no name.")
    own = [name for name in found if name.startswith(labels.PREFIX)]
    if own:
        raise InvalidInput(f"the label {own[0]} is set by this program.")
    return found
