"""What a Python says about itself, on this machine or inside an image."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.snapshot import Interpreter
from kernel_containers.engine import containers
from kernel_containers.errors import InvalidInput, NotFound, Refused, TryAgain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.engine import Engine

TIMEOUT = 60.0  # seconds; a cold network disk has to read the standard library
_MARK = "kernel-containers-interpreter:"
_VENV_VERSION = re.compile(r"^version(?:_info)?\s*=\s*(\d+\.\d+(?:\.\d+)?)", re.MULTILINE)
_NOT_FOUND = (126, 127)  # exit codes of engines and shells for what can't be started

# Runs in any Python from 2.7 on, so that an old one can be named in the refusal. `sitecustomize`
# may print things, so the answer is marked.
PROBE = """
import json, os, platform, sys
def kernel():
    try:
        from importlib.metadata import version
    except ImportError:
        try:
            import ipykernel
            return ipykernel.__version__
        except Exception:
            return None
    try:
        return version("ipykernel")
    except Exception:
        return None
def libc():
    try:
        name, _, version = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")
        return [name, version]
    except Exception:
        pass
    import sysconfig
    host = sysconfig.get_config_var("HOST_GNU_TYPE") or ""
    return ["musl", ""] if "musl" in host else ["", ""]
def user_base():
    import site
    used = site.ENABLE_USER_SITE and site.getusersitepackages() in sys.path
    return site.getuserbase() if used else ""
def path():
    # An empty part of PYTHONPATH is the working folder, here `/`.
    found = [os.path.abspath(p) for p in sys.path if p and os.path.exists(p)]
    return [p for p in found if p != "/"]
answer = {
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "implementation": getattr(getattr(sys, "implementation", None), "name", "cpython"),
    "machine": platform.machine(),
    "prefix": sys.prefix,
    "base_prefix": getattr(sys, "base_prefix", sys.prefix),
    "libc": libc(),
    "kernel_version": kernel(),
    "path": path(),
    "user_base": user_base(),
}
print("MARK" + json.dumps(answer))
""".replace("MARK", _MARK)


def inspect_local(python: str, variables: Mapping[str, str] | None = None) -> Interpreter:
    """Return what a Python of this machine says about itself; a bare name is looked up in PATH.

    It runs with this process's environment and `variables`, as a kernel would.

    Raises:
        NotFound: there is no such file or command.
        Refused: this user may not run it.
        InvalidInput: it is not a Python 3, or does not start.
        TryAgain: it did not answer in a minute.
    """
    found = shutil.which(python)
    if found is None:
        if os.path.isfile(python):  # noqa: PTH113 - may be a bare name
            raise Refused(f"{python} can't be run.", why="it is not executable by this user")
        if os.path.islink(python):  # noqa: PTH114
            raise NotFound(
                f"{python} leads to a Python that is not there.",
                why=f"there is no {os.path.realpath(python)}: it was removed or upgraded",
                todo="make the environment anew",
            )
        raise NotFound(f"There is no Python {python}.", todo="give the path of its executable")
    try:
        done = subprocess.run(
            [os.path.abspath(found), "-c", PROBE],  # noqa: PTH100 - links must stay
            cwd="/",
            env={**os.environ, **_expanded(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except OSError as error:
        raise InvalidInput(f"{python} does not start.", why=error.strerror) from error
    except subprocess.TimeoutExpired as error:
        raise TryAgain(
            f"{python} did not say what it is.", why=f"no answer in {TIMEOUT:.0f} s"
        ) from error
    return _read(python, done.returncode, done.stdout, done.stderr)


def _expanded(variables: Mapping[str, str]) -> dict[str, str]:
    # `${NAME}`, as Jupyter does.
    return {name: Template(value).safe_substitute(os.environ) for name, value in variables.items()}


def made_for(interpreter: Interpreter) -> str | None:
    """Return the minor version that a venv was made for, where its Python is of another now."""
    version = venv_version(Path(interpreter.prefix))
    minor = ".".join(version.split(".")[:2]) if version else None
    return minor if minor != "{}.{}".format(*interpreter.version) else None


def venv_version(prefix: Path) -> str | None:
    """Return the version that a venv says it was made for, such as `3.11.2`; None without one."""
    try:
        found = _VENV_VERSION.search((prefix / "pyvenv.cfg").read_text("utf-8", "replace"))
    except OSError:
        return None
    return found[1] if found else None


def inspect_image(engine: Engine, image: str, python: str | None = None) -> Interpreter:
    """Return what a Python inside an image says about itself.

    Without `python` the first of `python` and `python3` with ipykernel is taken, else the first
    of them that is there.

    Raises:
        NotFound: the image, or a Python in it, does not exist.
        InvalidInput: it is not a Python 3, or does not start.
        Unavailable: the engine does not answer.
    """
    found: list[Interpreter] = []
    for name in [python] if python else ["python", "python3"]:
        answer = _ask(engine, image, name)
        if answer is not None and answer.kernel_version is not None:
            return answer
        if answer is not None:
            found.append(answer)
    if not found:
        raise NotFound(
            f"The image {image} has no {python or 'python or python3'}.",
            todo="name an image with Python, or the path of the Python in it",
        )
    return found[0]


def _ask(engine: Engine, image: str, python: str) -> Interpreter | None:
    spec = ContainerSpec(
        image=image,
        entrypoint=(python,),
        command=("-c", PROBE),
        user="0:0",
        network="none",
    )
    try:
        done = containers.run_once(engine, spec)
    except (NotFound, InvalidInput) as error:
        # Engines refuse to start a container whose program is missing.
        if "executable file not found" in str(error) or "no such file" in str(error):
            return None
        raise
    if done.code in _NOT_FOUND and _MARK.encode() not in done.stdout:
        return None
    return _read(f"{python} in {image}", done.code, done.stdout, done.stderr)


def _read(python: str, code: int, stdout: bytes, stderr: bytes) -> Interpreter:
    marked = [line for line in stdout.decode(errors="replace").splitlines() if _MARK in line]
    if not marked:
        last = stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise InvalidInput(
            f"{python} is not a Python that works.",
            why=last[0] if last else f"it ended with exit code {code} and no answer",
        )
    answer: dict[str, Any] = json.loads(marked[-1].partition(_MARK)[2])
    major, minor, _ = answer["version"]
    if major < 3:
        raise InvalidInput(
            f"{python} is Python {major}.{minor}.", todo="use a kernel with Python 3"
        )
    return interpreter_from_json(answer)


def interpreter_from_json(value: Mapping[str, Any]) -> Interpreter:
    """Return what the fields of an interpreter say, as JSON has them."""
    tuples = {name: tuple(value[name]) for name in ("version", "libc", "path")}
    return Interpreter(**{**value, **tuples})
