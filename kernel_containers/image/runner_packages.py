"""The runner's dependencies for one interpreter: the locked wheels, installed into a folder.

They stand apart from the user's packages, so neither can break the other.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_containers.core.contract import RUNNER_HOME
from kernel_containers.core.progress import Progress, Report
from kernel_containers.core.redaction import hide_user_info
from kernel_containers.core.scratch import scratch
from kernel_containers.errors import InvalidInput, Unavailable
from kernel_containers.image.bytecode import Compiler, compile_folder
from kernel_containers.image.once import build_once
from kernel_containers.image.programs import run_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.core.snapshot import Interpreter

SITE = f"{RUNNER_HOME}/site"
RECIPE = 3  # raise it when this file makes another folder of the same lock
OLDEST_PYTHON = (3, 10)
# botocore describes 400 services in 25 MB; a runner writes to S3 and may need a token for it.
AWS_SERVICES = frozenset({"s3", "sts", "sso", "sso-oidc"})
_UNUSED = frozenset({"tests", "test", "__pycache__"})  # not "docs": botocore imports its own
_OWN_RECORDS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}  # minor versions that wheels of old were built for
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def install_packages(
    interpreter: Interpreter, lock: str, compiler: Compiler | None, cache: Path, report: Report
) -> Path:
    """Return a folder with the packages of `lock` for exactly this interpreter.

    The first call downloads them (seconds to a minute), later ones find them in `cache`.
    `compiler` adds byte code; without one the runner starts about a second later.

    Raises:
        InvalidInput: the interpreter is too old, or what wheels it takes is unknown.
        Unavailable: pip failed; its words are the cause.
    """
    tags = platform_tags(interpreter)
    check_version(interpreter)
    made_from = (
        RECIPE,
        interpreter.version,
        interpreter.machine,
        tags,
        lock,
        compiler and compiler.version,
    )
    key = hashlib.sha256(repr(made_from).encode()).hexdigest()[:24]

    def waiting() -> None:
        report(Progress(stage="runner", message=f"packages for Python {interpreter.version_text}"))

    def build(folder: Path) -> None:
        waiting()
        _pip_install(interpreter, tags, requirements(lock, interpreter), folder, waiting)
        _prune(folder)
        if compiler:
            compile_folder(compiler, folder, SITE, waiting)

    return build_once(cache / f"packages-{key}", build, waiting)


def platform_tags(interpreter: Interpreter) -> tuple[str, ...]:
    """Return the platforms whose wheels the interpreter takes, best first.

    Raises:
        InvalidInput: its C library is unknown.
    """
    name, version = interpreter.libc
    machine = interpreter.machine
    match = re.match(r"(\d+)\.(\d+)", version)
    if not match or name not in ("glibc", "musl"):
        raise InvalidInput(
            f"The C library of {interpreter.executable} is unknown.",
            why="which wheels it takes follows from that",
            todo="choose an interpreter on glibc or musl",
        )
    major, minor = int(match[1]), int(match[2])
    if name == "musl":
        return tuple(f"musllinux_{major}_{n}_{machine}" for n in range(minor, -1, -1))
    tags = []
    for number in range(minor, _OLDEST_GLIBC.get(machine, 17) - 1, -1):
        tags.append(f"manylinux_{major}_{number}_{machine}")
        if number in _LEGACY:
            tags.append(f"{_LEGACY[number]}_{machine}")
    return tuple(tags)


def check_version(interpreter: Interpreter) -> None:
    """Refuse what no lock file is for.

    Raises:
        InvalidInput: the interpreter is older than the lock knows, or not CPython.
    """
    if interpreter.implementation != "cpython" or interpreter.version[:2] < OLDEST_PYTHON:
        raise InvalidInput(
            f"The runner can't use {interpreter.implementation} {interpreter.version_text}.",
            why="it needs CPython 3.10 or newer",
            todo="choose a base image whose python3 is newer",
        )


def requirements(lock: str, interpreter: Interpreter) -> str:
    """Return the lines of a lock file that count for this interpreter, without their markers.

    pip would judge markers by the Python that it runs on.

    Raises:
        InvalidInput: the interpreter is older than the lock knows.
    """
    from packaging.markers import Marker  # noqa: PLC0415 - 0.04 s, and only for a new folder

    check_version(interpreter)
    known = {
        "implementation_name": "cpython",
        "implementation_version": interpreter.version_text,
        "os_name": "posix",
        "platform_machine": interpreter.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": interpreter.version_text,
        "python_version": "{}.{}".format(*interpreter.version),
        "sys_platform": "linux",
    }
    lines = []
    for line in lock.replace("\\\n", " ").splitlines():
        text = line.partition(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        requirement, separator, hashes = text.partition(" --hash=")
        name, _, marker = requirement.partition(";")
        if not marker.strip() or Marker(marker).evaluate(known):
            lines.append(f"{name.strip()}{separator}{hashes}")
    return "\n".join(lines) + "\n"


def _pip_install(
    interpreter: Interpreter,
    tags: tuple[str, ...],
    wanted: str,
    folder: Path,
    waiting: Callable[[], None],
) -> None:
    with scratch() as own:
        lock = own / "requirements.txt"
        lock.write_text(wanted)
        command = _command(interpreter, tags, folder, lock)
        # When it is cancelled, pip has no time to remove what it has downloaded.
        environment = {**_pip_environment(), "TMPDIR": str(own)}
        code, output = run_program(command, environment, waiting)
    if code:
        raise Unavailable(
            f"The runner's packages for Python {interpreter.version_text} were not installed.",
            why=_cause(output),
            todo="check that this machine reaches its package index: `pip download nbclient`",
        )


def _command(
    interpreter: Interpreter, tags: tuple[str, ...], folder: Path, lock: Path
) -> list[str]:
    abi = "cp{}{}".format(*interpreter.version)
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile", "--quiet"]
    options += ["--no-input", "--disable-pip-version-check", "--target", str(folder)]
    options += ["--python-version", interpreter.version_text, "--implementation", "cp"]
    options += ["--abi", abi, *(f"--platform={tag}" for tag in tags)]
    return [sys.executable, "-m", "pip", "install", *options, "--requirement", str(lock)]


def _pip_environment() -> dict[str, str]:
    # Settings for installing elsewhere contradict --target; those for the index are kept.
    elsewhere = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV"}
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return {**kept, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}


def _cause(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return hide_user_info("; ".join((errors or lines)[-2:])) or "pip said nothing"


def _prune(folder: Path) -> None:
    """Leave out what a runner never loads: 35 of 60 MB."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    services = folder / "botocore" / "data"
    if services.is_dir():
        for service in services.iterdir():
            if service.is_dir() and service.name not in AWS_SERVICES:
                shutil.rmtree(service)
    for parent, folders, files in os.walk(folder, topdown=True):
        for name in _UNUSED.intersection(folders):
            shutil.rmtree(Path(parent, name))
            folders.remove(name)
        if parent.endswith(".dist-info"):
            for name in _OWN_RECORDS.intersection(files):
                Path(parent, name).unlink()
