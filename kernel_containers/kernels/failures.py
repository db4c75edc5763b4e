"""Why a kernel ended or did not start, in sentences."""

from __future__ import annotations

import os
import re
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from tornado import web

from kernel_containers.errors import (
    CannotWrite,
    InvalidInput,
    KernelContainersError,
    NotFound,
    Unavailable,
)
from kernel_containers.kernels.config import written_size

if TYPE_CHECKING:
    from kernel_containers.kernels.config import KernelConfig
    from kernel_containers.kernels.death import Death

LINES = 12  # of the kernel's own output in a message; a traceback's end says the most
_MISSING_KERNEL = re.compile(r"No module named '?ipykernel")
_FOREIGN = "exec format error"  # as for another architecture
_FULL = "No space left on device"
_NO_PROCESS = re.compile("Resource temporarily unavailable|can't start new thread")
_NOISE = re.compile(r"\d+\.\d\ds - ")  # the debugger's warnings at each import
# What the engine says → what to do.
_ADVICE = (
    (
        r"could not select device driver",
        "install the NVIDIA Container Toolkit on the engine's machine, or remove `gpus` from "
        "the kernel's kernel.json",
    ),
    (
        r"executable file not found|exec: .* no such file or directory",
        "use an image with Python, and give its path as the first word of `argv` in kernel.json",
    ),
    (
        r"no space left on device",
        "free some on the engine's disk; `docker system df` shows its use",
    ),
    (
        r"bind source path does not exist|Mounts denied",
        "mount it at the same path where Jupyter itself runs in a container or a virtual machine, "
        'or set "workspace": "none" in the kernel\'s kernel.json',
    ),
    (r"Range of CPUs", "lower `cpus` in the kernel's kernel.json"),
    (r"invalid tmpfs option|mount tmpfs:", "correct `tmpfs` in the kernel's kernel.json"),
    (
        r"directory onto a file",
        "give another `target`: the image has a file there, or the source is one and it a folder",
    ),
    (r"Cannot mkdir", "correct `workdir` in the kernel's kernel.json"),
    (
        r"network .* not found|No such container",
        "correct `network`; `docker network ls` lists them",
    ),
)


class KernelNotStarted(web.HTTPError):
    """A kernel did not start.

    Jupyter Server shows the text of an HTTPError in its dialog, and of any other exception
    only "Unhandled error".
    """

    def __init__(self, error: KernelContainersError) -> None:
        self.error = error
        super().__init__(500, reason="Kernel not started")

    @property
    def log_message(self) -> str:
        """The whole text. Tornado's own would double each '%'."""
        return str(self.error)

    @log_message.setter
    def log_message(self, value: str | None) -> None:
        """Older releases of Tornado set an attribute."""

    def get_message(self) -> str:
        """The whole text, for the log."""
        return str(self.error)

    def __str__(self) -> str:
        return str(self.error)


def last_lines(tail: str, count: int = LINES) -> str:
    """Return the last lines with anything in them."""
    lines = [line.rstrip() for line in tail.splitlines() if line.strip()]
    lines = [line for line in lines if not _NOISE.match(line)]
    return "\n".join(lines[-count:])


def reason(death: Death, config: KernelConfig) -> str:
    """Return one sentence on why a kernel ended, with what to do where that is known."""
    sentences = {
        "out-of-memory": _out_of_memory(config.resources.memory),
        "container": f"The kernel's container was stopped from outside, or its engine was "
        f"(exit code {death.code}).",
        "engine": f"The Docker Engine stopped, and the kernel with it ({death.detail}).",
        "not-started": f"The kernel's program was not started: {death.detail}.",
        "exit": f"The kernel ended by itself with exit code {death.code}.",
    }
    if death.cause == "exit" and death.code < 0:
        return f"The kernel was ended by the signal {_signal_name(-death.code)}."
    return sentences[death.cause]


def _out_of_memory(limit: int | None) -> str:
    if limit is None:
        return "The kernel was ended because the engine's machine has run out of memory."
    return (
        f"The kernel was ended because it used more memory than its container may have "
        f"({written_size(limit)}). Raise `memory` in its kernel.json."
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def start_failed(death: Death, config: KernelConfig, name: str) -> KernelContainersError:
    """Return the error for a kernel that ended before it answered."""
    what = f"The kernel {name!r} did not start."
    if _FOREIGN in death.tail:
        return InvalidInput(
            what,
            why=last_lines(death.tail),
            todo="use the image for this machine's processor: "
            "`docker pull --platform linux/$(docker version -f '{{.Server.Arch}}') IMAGE`",
        )
    ended = f"Its container ended with exit code {death.code}."
    sentence = ended if death.cause == "container" else reason(death, config)
    why = "\n".join(filter(None, (sentence, last_lines(death.tail))))
    if _MISSING_KERNEL.search(death.tail):
        place = config.prefix or f"the image {config.image}"
        return InvalidInput(
            what,
            why=f"{place} has no ipykernel",
            todo="install ipykernel there, for example with `python -m pip install ipykernel`",
        )
    if death.cause == "not-started" and _FULL in death.detail:
        return CannotWrite(
            what,
            why=f"{death.detail}, where Jupyter keeps the sockets of kernels",
            todo="free some: `jupyter --runtime-dir` names the folder",
        )
    if config.resources.pids and _NO_PROCESS.search(death.detail or death.tail):
        return InvalidInput(what, why=death.detail or why, todo="raise `pids` in its kernel.json")
    if death.cause == "not-started":
        return NotFound(
            what,
            why=death.detail,
            todo="make it, or correct `argv` or `workdir` in the kernel's kernel.json",
        )
    todo = None if death.cause == "out-of-memory" else "read what it wrote, above"
    return Unavailable(what, why=why, todo=todo)


def no_answer(seconds: float, tail: str, name: str) -> KernelContainersError:
    """Return the error for a kernel that runs and does not answer."""
    return Unavailable(
        f"The kernel {name!r} did not answer within {seconds:.0f} seconds.",
        why=last_lines(tail) or "it wrote nothing",
        todo="try again, or raise `start_timeout` in its kernel.json",
    )


def engine_hangs(name: str) -> KernelContainersError:
    """Return the error for a kernel that can be neither ended nor started."""
    return Unavailable(
        f"The kernel {name!r} was not restarted: the Docker Engine hangs.",
        why="it takes connections, and answers nothing",
        todo="restart the engine, such as with `sudo systemctl restart docker`, then the kernel",
    )


def no_image(config: KernelConfig, name: str) -> KernelContainersError:
    """Return the error for an image that the engine does not have."""
    return NotFound(
        f"The kernel's image {config.image} is not on the Docker Engine.",
        why="starting a kernel never downloads: it could take minutes without a sign",
        todo=f"fetch it with `kernel-containers kernel pull {name}` or `docker pull "
        f"{config.image}`, then start the kernel again",
    )


def no_interpreter(prefix: str, program: str, name: str) -> KernelContainersError:
    """Return the error for an environment that was made anew with another interpreter, or moved."""
    real = Path(os.path.realpath(program))
    where = "which its container does not have" if real.exists() else "which does not exist"
    return NotFound(
        f"The kernel {name!r} has no Python any more.",
        why=f"{program} leads to {real}, {where}",
        todo=f"add the kernel again: `kernel-containers kernel add {name} --prefix "
        f"{shlex.quote(prefix)}`, with the options that it had",
    )


def with_advice(error: KernelContainersError) -> KernelContainersError:
    """Return the engine's error with what to do about it, where that is known."""
    if error.todo is None:
        for words, todo in _ADVICE:
            if re.search(words, error.why or ""):
                error.todo = todo
                break
    return error
