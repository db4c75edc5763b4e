"""Whether kernels can start as a kernelspec wants them: tried once, when it is installed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.engine import containers
from kernel_containers.errors import InvalidInput, KernelContainersError
from kernel_containers.kernels.container_spec import Place, container_spec, host_user
from kernel_containers.kernels.failures import with_advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.containers import ContainerSpec
    from kernel_containers.core.snapshot import Interpreter
    from kernel_containers.engine import Engine
    from kernel_containers.kernels.config import KernelConfig

# What a kernel needs before it can say anything; a missing system library shows here.
_IMPORTS = "import ipykernel, zmq, ssl, sqlite3, ctypes"
_OLDEST = (3, 8)  # what the programs inside the container are written for
_KILLED = 137  # exit code; with nobody else to do it, by the memory's limit


def check_version(interpreter: Interpreter, where: str) -> None:
    """Refuse a Python that the programs beside the kernel don't run on.

    Raises:
        InvalidInput: it is too old.
    """
    if interpreter.version < _OLDEST:
        raise InvalidInput(
            f"{where} has Python {interpreter.version_text}, which is too old for a kernel in a "
            "container.",
            todo="use Python 3.8 or newer",
        )


def check_python(engine: Engine, config: KernelConfig, image_user: str, python: str) -> None:
    """Let `python` import a kernel's modules in a container as its kernels will have it.

    Raises:
        InvalidInput: it does not, or the engine refuses the container; its words are the cause.
        NotFound: a network or a folder to mount is not there.
        Unavailable: the engine has no such GPUs, or does not answer.
    """
    spec = _spec(config, image_user, (python, "-c", _IMPORTS))
    with _advice():
        finished = containers.run_once(engine, spec)
    if finished.code == 0:
        return
    lines = finished.stderr.decode(errors="replace").strip().splitlines()
    why = lines[-1] if lines else f"exit code {finished.code}"
    if config.prefix:
        raise InvalidInput(
            f"The environment {config.prefix} does not run on the base image {config.image}.",
            why=why,
            todo="choose a base image of this machine's operating system with --base",
        )
    raise InvalidInput(
        f"{python} does not start in a container of {config.image} with these settings.",
        why=f"{why}, which is no memory left" if finished.code == _KILLED else why,
        todo="correct them; the kernel was not installed",
    )


def check_command(
    engine: Engine, config: KernelConfig, image_user: str, command: tuple[str, ...]
) -> None:
    """Start what will start the kernels, and remove it at once.

    Raises:
        InvalidInput, NotFound, Unavailable: as from `check_python`.
    """
    with _advice():
        container = containers.create(engine, _spec(config, image_user, command))
        try:
            containers.start(engine, container)
        finally:
            containers.remove(engine, container)


@contextmanager
def _advice() -> Iterator[None]:
    """Say what to do about what the engine refuses."""
    try:
        yield
    except KernelContainersError as error:
        with_advice(error)
        raise


def _spec(config: KernelConfig, image_user: str, command: tuple[str, ...]) -> ContainerSpec:
    spec = container_spec(
        replace(config, workspace="none"),
        kernel_name="",
        command=command,
        place=Place(directory="/"),
        user=host_user(),
        image_user=image_user,
    )
    return replace(spec, labels={}, auto_remove=False, stdin=False)
