"""Kernelspecs in Jupyter's folders: ours, whose kernels run in containers, and all others."""

from __future__ import annotations

import difflib
import importlib.util
import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_data_dir, jupyter_path

from kernel_containers.core.oci_json import read_object
from kernel_containers.errors import CannotWrite, InvalidInput, NotFound, Refused
from kernel_containers.kernels.config import PROVISIONER, KernelConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NATIVE = "python3"  # the name under which Jupyter offers its own Python
_NAME = re.compile(r"(?!\.{1,2}$)[a-z0-9._-]+")  # Jupyter's rule; the folder's name in lower case
# jupyter_client takes these for its own interpreter.
_OWN_PYTHON = {
    "python",
    "python{}".format(*sys.version_info),
    "python{}.{}".format(*sys.version_info),
}
_LOGOS = Path(__file__).parent / "logos"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSpec:
    """An installed kernelspec.

    `config` is None for one whose kernels do not run in our containers. `argv[0]` is then the
    program that Jupyter would start. `problem` says why a kernelspec of ours can't be used.
    """

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    interrupt_mode: str = "signal"
    folder: Path | None = None
    config: KernelConfig | None = None
    ours: bool = False
    problem: str | None = None


def install(
    name: str,
    config: KernelConfig,
    *,
    display_name: str | None = None,
    language: str = "python",
    argv: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    prefix: str | None = None,
) -> KernelSpec:
    """Write a kernelspec, in place of one of ours of this name, and return it.

    It goes to the user's Jupyter folder; with `prefix`, to that environment. Without `argv`,
    ipykernel of the environment or of the image's `python3` starts.

    Raises:
        InvalidInput: a name that Jupyter does not allow.
        Refused: a kernelspec of this name is there that is not ours, or that hides this one.
        CannotWrite: the folder is read-only or full.
    """
    name = name.lower()
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is not a kernel's name.", todo="use letters, digits, '.', '_' and '-'"
        )
    target = Path(prefix, "share", "jupyter") if prefix else Path(jupyter_data_dir())
    target /= "kernels"
    folder = _folder(target, name)
    if other := _taken_before(target, name):
        raise Refused(
            f"Jupyter would take the kernel {name!r} in {other} instead.",
            why="it looks there first",
            todo=f"choose another name, or remove that one: `jupyter kernelspec remove {name}`",
        )
    if folder.exists() and not _is_ours(folder):
        raise Refused(
            f"There is another kernel named {name!r} in {folder}.",
            why="it was not made by this program",
            todo="choose another name, or remove that one with `jupyter kernelspec remove`",
        )
    python = f"{config.prefix}/bin/python" if config.prefix else "python3"
    content = {
        "argv": list(argv or (python, "-m", "ipykernel_launcher", "-f", "{connection_file}")),
        "display_name": display_name or name,
        "language": language,
        # ipykernel interrupts its children by itself; others may know signals only.
        "interrupt_mode": "message" if language == "python" else "signal",
        "env": dict(environment or {}),
        "metadata": {
            "debugger": language == "python",
            "supported_encryption": ["curve"] if language == "python" else [],
            "kernel_provisioner": {"provisioner_name": PROVISIONER, "config": config.to_json()},
        },
    }
    try:
        _write(folder, content)
    except OSError as error:
        raise CannotWrite(f"{folder} can't be written.", why=str(error)) from error
    return _read(folder)


def list_kernels() -> tuple[KernelSpec, ...]:
    """Return our kernelspecs by name, those that can't be used too: see `problem`."""
    return tuple(spec for _, spec in sorted(_all().items()) if spec.ours)


def names() -> frozenset[str]:
    """Return the names of all kernelspecs, ours or not."""
    return frozenset(_all())


def native_pythons() -> tuple[KernelSpec, ...]:
    """Return the Python kernels that run on this machine, not in containers."""
    specs = (spec for spec in _all().values() if not spec.ours and spec.language == "python")
    return tuple(spec for spec in specs if spec.argv)


def find(name: str) -> KernelSpec:
    """Return a kernelspec of this machine, ours or not, as Jupyter would find it.

    Raises:
        NotFound: there is none; near names are suggested.
        InvalidInput: its kernel.json can't be used.
    """
    known = _all()
    spec = known.get(name.lower())
    if spec is None:
        raise _not_found(name, known)
    if spec.problem:
        raise InvalidInput(f"The kernel {spec.name!r} can't be used.", why=spec.problem)
    return spec


def remove(name: str) -> KernelSpec:
    """Remove a kernelspec of ours from the disk and return what it was.

    Raises:
        NotFound: there is none of ours.
        Refused: it is not ours.
        CannotWrite: this user may not remove it.
    """
    known = _all()
    spec = known.get(name.lower())
    if spec is None:
        raise _not_found(name, {name: spec for name, spec in known.items() if spec.ours})
    if not spec.ours or spec.folder is None:
        raise Refused(
            f"The kernel {spec.name!r} was not made by this program.",
            todo=f"remove it with `jupyter kernelspec remove {spec.name}`",
        )
    try:
        shutil.rmtree(spec.folder)
    except OSError as error:
        raise CannotWrite(f"{spec.folder} can't be removed.", why=str(error)) from error
    return spec


def _not_found(name: str, known: Mapping[str, KernelSpec]) -> NotFound:
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    names = ", ".join(near or sorted(known)) or "none"
    return NotFound(
        f"There is no kernel named {name!r}.",
        todo=f"did you mean {names}?" if near else f"the kernels of this machine are: {names}",
    )


def _taken_before(target: Path, name: str) -> Path | None:
    places = jupyter_path("kernels")
    before = places[: places.index(str(target))] if str(target) in places else []
    found = (_folder(Path(place), name) for place in before)
    return next((folder for folder in found if (folder / "kernel.json").is_file()), None)


def _folder(parent: Path, name: str) -> Path:
    """Return the folder of a kernelspec, in whatever case its name is written there."""
    try:
        return next(path for path in parent.iterdir() if path.name.lower() == name)
    except (OSError, StopIteration):  # writing says what is wrong with the place
        return parent / name


def _write(folder: Path, content: Mapping[str, Any]) -> None:
    """Put a whole folder in the place of an old one, so that nobody reads half a kernelspec."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Jupyter's scan passes over it, as it has no kernel.json of its own.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as place:
        fresh = Path(place, "fresh")
        fresh.mkdir(0o755)
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (fresh / "kernel.json").write_text(text, "utf-8")
        if _LOGOS.is_dir():
            for logo in _LOGOS.iterdir():
                shutil.copyfile(logo, fresh / logo.name)
        if folder.exists():
            folder.rename(Path(place, "old"))
        fresh.rename(folder)


def _all() -> dict[str, KernelSpec]:
    """Return all kernelspecs by name. Of two with one name, Jupyter takes the first it finds."""
    found: dict[str, KernelSpec] = {}
    for folder in _folders():
        if folder.name.lower() not in found:
            found[folder.name.lower()] = _read(folder)
    if NATIVE not in found and importlib.util.find_spec("ipykernel"):
        found[NATIVE] = KernelSpec(
            name=NATIVE,
            display_name="Python 3 (ipykernel)",
            language="python",
            argv=(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        )
    return found


def _folders() -> Iterator[Path]:
    for place in map(Path, jupyter_path("kernels")):
        try:
            folders = sorted(place.iterdir())
        except OSError:  # most of Jupyter's folders do not exist
            continue
        for folder in folders:
            if _NAME.fullmatch(folder.name.lower()) and (folder / "kernel.json").is_file():
                yield folder


def _is_ours(folder: Path) -> bool:
    try:
        return _read(folder).ours
    except OSError:
        return False


def _read(folder: Path) -> KernelSpec:
    """Return the kernelspec in a folder, with what is wrong with it."""
    name = folder.name.lower()
    path = folder / "kernel.json"
    value: dict[str, Any] = {}
    config: KernelConfig | None = None
    problem: str | None = None
    try:
        value = read_object(path.read_bytes(), str(path))
        _check(value, path)
        provisioner = _provisioner(value)
        if provisioner.get("provisioner_name") == PROVISIONER:
            config = KernelConfig.parse(provisioner.get("config") or {})
    except (InvalidInput, OSError) as error:
        problem = " ".join(str(error).splitlines())
    argv = () if problem else tuple(value["argv"])
    if argv and argv[0] in _OWN_PYTHON and config is None:
        argv = (sys.executable, *argv[1:])
    return KernelSpec(
        name=name,
        display_name=str(value.get("display_name") or name),
        language=str(value.get("language") or ""),
        argv=argv,
        environment={} if problem else dict(value.get("env") or {}),
        interrupt_mode=str(value.get("interrupt_mode") or "signal"),
        folder=folder,
        config=config,
        ours=_provisioner(value).get("provisioner_name") == PROVISIONER,
        problem=problem,
    )


def _check(value: Mapping[str, Any], path: Path) -> None:
    argv, environment = value.get("argv"), value.get("env") or {}
    if not isinstance(argv, list) or not argv or not all(isinstance(part, str) for part in argv):
        raise InvalidInput(f"{path} has no argv.")
    if not isinstance(environment, dict) or not all(
        isinstance(text, str) for text in environment.values()
    ):
        raise InvalidInput(f"{path} has an env whose values are not texts.")


def _provisioner(value: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = value.get("metadata")
    found = metadata.get("kernel_provisioner") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}
