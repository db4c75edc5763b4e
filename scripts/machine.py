"""What the scripts need of this machine: programs, packages, virtual environments, the engine.

Standard library only: the scripts run before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".services"
OLDEST_PYTHON = (3, 11)
# What an installed checkout is made from besides its Python files, which are used in place.
FRONT_END = ROOT / "labextension"
PRODUCT = ("--editable", str(ROOT))
PACKAGING = (ROOT / "setup.py", ROOT / "pyproject.toml", FRONT_END / "yarn.lock")


class Failed(Exception):
    """A step did not work; the message is what the user reads."""


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


def main_program(main: object) -> None:
    """Run a script's `main` and exit; failures are one message and exit code 1."""
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    try:
        sys.exit(main())  # type: ignore[operator]
    except Failed as failure:
        print(f"\n{Path(sys.argv[0]).name}: {failure}", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    quiet: bool = False,
) -> str:
    """Run a program and return its output, or '' when it went to the terminal.

    A quiet program's output is shown only when it fails.

    Raises:
        Failed: the program is missing or ended with another code than 0.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise Failed(f"{words[0]} is missing.") from None
    if done.returncode:
        if quiet:
            sys.stderr.write(done.stdout)
        raise Failed(f"`{' '.join(words)}` ended with code {done.returncode}.")
    return done.stdout or ""


def ask(question: str, *, yes: bool) -> None:
    """Return when the user agrees.

    Raises:
        Failed: they do not, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failed(f"{question} There is no terminal to ask at: agree with --yes.")
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise Failed("Stopped: you did not agree.")


def as_root(*command: str | Path) -> list[str]:
    """Return a command that runs with root's rights, through sudo where it must."""
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    return [*prefix, *(str(word) for word in command)]


# --- Debian packages -------------------------------------------------------------------------


def missing_packages(packages: Iterable[str]) -> list[str]:
    """Return those of `packages` that are not installed."""
    return [name for name in packages if not _is_installed(name)]


def _is_installed(package: str) -> bool:
    status = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return status.stdout == "installed"


def install_packages(packages: Sequence[str], *, yes: bool) -> None:
    """Install what is missing of `packages` from the machine's own Debian or Ubuntu mirrors."""
    if not shutil.which("apt-get"):
        raise Failed(f"apt-get is missing; install yourself: {', '.join(packages)}.")
    missing = missing_packages(packages)
    if not missing:
        return
    ask(f"Install {', '.join(missing)} with apt-get?", yes=yes)
    say(f"Installing {', '.join(missing)}")
    refresh_package_lists()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = as_root("apt-get", "install", "--yes", "--no-install-recommends", *missing)
    run(install, environment=environment, quiet=True)


def refresh_package_lists() -> None:
    """Fetch the lists of packages; those of a fresh machine are absent or out of date."""
    run(as_root("apt-get", "update"), quiet=True)


def unpack_package(package: str, folder: Path) -> None:
    """Unpack a Debian package below `folder` without installing it, so no service of it starts."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        run(["apt-get", "download", package], folder=folder, quiet=True)
    except Failed:
        refresh_package_lists()
        run(["apt-get", "download", package], folder=folder, quiet=True)
    for archive in folder.glob(f"{package}_*.deb"):
        run(["dpkg-deb", "--extract", archive, folder], quiet=True)
        archive.unlink()


def docker_registry() -> str:
    """Return the docker-registry program, unpacked from its package where it is not installed.

    Installing it would start another registry, which listens on every address.
    """
    installed = shutil.which("docker-registry")
    unpacked = STATE / "packages" / "usr" / "bin" / "docker-registry"
    if not installed and not unpacked.exists():
        say("Fetching docker-registry")
        unpack_package("docker-registry", STATE / "packages")
    return installed or str(unpacked)


# --- the base image --------------------------------------------------------------------------


def release() -> tuple[str, str]:
    """Return this system's id and code name, such as `debian` and `bookworm`."""
    fields = dict(
        line.split("=", 1)
        for line in Path("/etc/os-release").read_text().splitlines()
        if "=" in line
    )
    names = [fields.get(key, "").strip('"') for key in ("ID", "VERSION_CODENAME")]
    if names[0] not in {"debian", "ubuntu"} or not names[1]:
        raise Failed("A base image can be made on Debian and Ubuntu only; pull one instead.")
    return names[0], names[1]


def base_image_name() -> str:
    """Return the name of the base image of this system's release and Python."""
    policy = _python_package()
    if policy is None:
        refresh_package_lists()
        policy = _python_package()
    if policy is None:
        raise Failed("apt-cache knows no package python3.")
    return f"kernel-containers/base:{release()[1]}-py{policy}"


def _python_package() -> str | None:
    shown = subprocess.run(
        ["apt-cache", "policy", "python3"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    found = re.search(r"Candidate: (\d+\.\d+)", shown.stdout)
    return found[1] if found else None


# --- Docker ----------------------------------------------------------------------------------


def docker_program() -> str | None:
    """Return a docker command that can build, if there is one.

    Clients since 23 build only with the buildx plugin, which not every package brings along.
    """
    found = [
        str(Path(folder) / "docker")
        for folder in os.get_exec_path()
        if os.access(Path(folder) / "docker", os.X_OK)
    ]
    return next((program for program in found if _can_build(program)), next(iter(found), None))


def _can_build(program: str) -> bool:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    major = re.search(r"version (\d+)", version.stdout)
    if major and int(major[1]) < 23:
        return True
    return not subprocess.run(
        [program, "buildx", "version"], capture_output=True, check=False
    ).returncode


def has_image(name: str) -> bool:
    """Whether the engine has an image; an engine that does not answer has none."""
    docker = docker_program()
    if not docker:
        return False
    command = [docker, "image", "inspect", "--format", "{{.Id}}", name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


# --- virtual environments --------------------------------------------------------------------


def ensure_venv(folder: Path, *, yes: bool) -> Path:
    """Return the Python of a virtual environment, which is made when it is absent."""
    python = folder / "bin" / "python"
    if not python.exists():
        try:
            import ensurepip  # noqa: F401, PLC0415  # Debian ships it in a package of its own
        except ImportError:
            install_packages([f"python3.{sys.version_info.minor}-venv"], yes=yes)
        say(f"Making {folder.relative_to(ROOT)}")
        # Through the interpreter's real path: a shim of a version manager may vanish.
        run([Path(sys.executable).resolve(), "-m", "venv", folder], quiet=True)
    return python


def install_into(
    folder: Path, arguments: Sequence[str], made_from: Iterable[Path], *, yes: bool
) -> bool:
    """Make `pip install ARGUMENTS` true in an environment; return whether there was work to do.

    It is skipped while the arguments and the files of `made_from` are those of the last time.
    """
    marker, key = _mark(folder, arguments, made_from)
    if marker.exists() and marker.read_text() == key:
        return False
    python = ensure_venv(folder, yes=yes)
    say(f"Installing into {folder.relative_to(ROOT)}, which takes minutes: {' '.join(arguments)}")
    run([python, "-m", "pip", "install", *arguments], quiet=True)
    marker.write_text(key)
    return True


def _mark(folder: Path, arguments: Sequence[str], made_from: Iterable[Path]) -> tuple[Path, str]:
    """Return the file that says what was installed, and what it says when nothing has changed."""
    # One mark for each set of arguments: users and developers share an environment.
    words = hashlib.sha256("\n".join(arguments).encode()).hexdigest()
    content = b"".join(path.read_bytes() for path in made_from)
    return folder / f".installed-{words[:8]}", hashlib.sha256(content).hexdigest()


def install_product(*, yes: bool) -> None:
    """Install this checkout into `.venv`, editable, with what its users need."""
    install_into(ROOT / ".venv", PRODUCT, PACKAGING, yes=yes)


def install_development(*, yes: bool) -> Path:
    """Install this checkout into `.venv`, editable, with what tests need; return its Python."""
    folder = ROOT / ".venv"
    requirements = ROOT / "requirements-dev.txt"
    arguments = [*PRODUCT, "--requirement", str(requirements)]
    sources = sorted(file for file in (FRONT_END / "src").rglob("*") if file.is_file())
    if install_into(folder, arguments, [*PACKAGING, *sources, requirements], yes=yes):
        marker, key = _mark(folder, PRODUCT, PACKAGING)
        marker.write_text(key)  # a developer's environment is a user's too
    return folder / "bin" / "python"


def say_front_end() -> None:
    """Say so when the front end was left out; pip hides what setup.py prints."""
    if not (ROOT / "kernel_containers" / "labextension" / "package.json").exists():
        say(
            "Node.js 20.19 or 22.12 or newer was not found, so JupyterLab and Notebook have no "
            "Containerize button. Kernels and the command line work without it."
        )
