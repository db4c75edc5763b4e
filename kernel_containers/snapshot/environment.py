"""A Python environment of this machine as layers of files."""

from __future__ import annotations

import shlex
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kernel_containers.core.collecting import no_collecting
from kernel_containers.core.snapshot import Environment, Exclusion, FileEntry, FileSet
from kernel_containers.errors import Refused
from kernel_containers.snapshot.debian import MODULES, data_of_modules
from kernel_containers.snapshot.exclusions import (
    EVERYWHERE,
    IN_ENVIRONMENTS,
    IN_FILES,
    Rule,
    compile_rules,
)
from kernel_containers.snapshot.fingerprint import fingerprint
from kernel_containers.snapshot.interpreter_files import (
    interpreter_files,
    links_outside,
    standard_library,
)
from kernel_containers.snapshot.links import LinkedFiles
from kernel_containers.snapshot.outside import PACKAGE_FOLDERS, outside
from kernel_containers.snapshot.walk import UNREADABLE, ByteCode, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kernel_containers.core.snapshot import Interpreter
    from kernel_containers.snapshot.exclusions import Rules

# The system's own Python. Its files belong to a package manager and to libraries all over the
# system, so the base image's Python of the same version stands in for it.
SYSTEM_PREFIX = "/usr"
INTERPRETER = "interpreter"  # the name of the set below a venv
OUTSIDE = "modules outside the environment"  # the name of their set: code of the user, mostly

_BY_PEOPLE = (
    *(".pth", "/sitecustomize.py", "/usercustomize.py"),
    *("/bin/activate", "/bin/postactivate", "/bin/preactivate"),
)
Walked = tuple[list[FileEntry], list[Exclusion], ByteCode]

# Modules for each `__pycache__`. Of an environment that pip has compiled it is 7; where uv has
# installed, and only a kernel was started since, above 60.
_COMPILED = 30
_FEW = 200  # modules that are compiled in no time


def walk_venv(prefix: Path) -> Walked | None:
    """Return what a venv holds, which can be had while its Python is asked; None for others.

    Raises:
        NotFound: it vanished.
    """
    if not (prefix / "pyvenv.cfg").is_file():
        return None
    with no_collecting():
        return _walk(prefix, IN_ENVIRONMENTS)


def _walk(prefix: Path, rules: Rules) -> Walked:
    byte_code = ByteCode()
    return *walk(prefix, rules, byte_code), byte_code


def local_environment(
    interpreter: Interpreter, walked: Walked | None = None
) -> tuple[Environment, tuple[Exclusion, ...]]:
    """Return the files of a venv, conda environment or bare Python, and what is left out.

    A venv becomes two sets, the base interpreter without its own packages below the
    environment; a conda environment or a Python without venv is one. Of the system's Python in
    `/usr` only packages are taken: the base image must have the same one. Modules outside of the
    prefix, such as editable installs, are the last set. What links find elsewhere is in their
    place. `walked` is what `walk_venv` gave for the same prefix.

    Raises:
        Refused: this user can't read files of the environment; the cause names them.
        InvalidInput: the interpreter has no standard library.
    """
    plan = _Plan(interpreter)
    with no_collecting():
        if plan.kind == "conda":
            plan.add("environment", *_walk_conda(Path(interpreter.prefix)))
        elif plan.kind == "venv":
            plan.add_interpreter()
            plan.add("environment", *(walked or _walk(Path(interpreter.prefix), IN_ENVIRONMENTS)))
        elif plan.stands_in:
            plan.add_packages()
        else:
            plan.add("environment", *_interpreter(interpreter, with_packages=True))
        plan.add_outside()
    plan.note_links()
    plan.check_readable()
    return plan.environment(), tuple(plan.exclusions)


def written_by_people(entries: Iterable[FileEntry]) -> list[FileEntry]:
    """Return the files of an environment that its user may have written, with secrets in them."""
    return [
        entry
        for entry in entries
        if entry.target.endswith(_BY_PEOPLE) or "/etc/conda/" in entry.target
    ]


def _walk_conda(prefix: Path) -> Walked:
    if not (prefix / "condabin").is_dir():
        return _walk(prefix, IN_ENVIRONMENTS)
    # Only conda's own prefix has these folders; packages may have others of the same names.
    here = str(prefix).lstrip("/")
    apart = (
        Rule("conda's cache of packages", (f"{here}/pkgs/",)),
        Rule("other environments", (f"{here}/envs/",)),
    )
    return _walk(prefix, compile_rules((*apart, *EVERYWHERE)))


def _interpreter(interpreter: Interpreter, *, with_packages: bool = False) -> Walked:
    byte_code = ByteCode()
    found = interpreter_files(interpreter, byte_code, with_packages=with_packages)
    return *found, byte_code


def _is_compiled(entries: Sequence[FileEntry], byte_code: ByteCode) -> bool:
    modules = sum(entry[0].endswith(".py") for entry in entries)
    return modules <= max(_FEW, _COMPILED * len(byte_code))


class _Plan:
    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.stands_in = interpreter.base_prefix == SYSTEM_PREFIX
        self.sets: list[FileSet] = []
        self.exclusions: list[Exclusion] = []
        self.python_path: list[str] = []
        self.elsewhere: list[str] = []
        self.notes: list[str] = []
        self.linked = LinkedFiles(interpreter.prefix, interpreter.base_prefix)

    @property
    def kind(self) -> Literal["venv", "conda", "system"]:
        if self.interpreter.prefix != self.interpreter.base_prefix:
            return "venv"
        is_conda = (Path(self.interpreter.prefix) / "conda-meta").is_dir()
        return "conda" if is_conda else "system"

    def add(
        self,
        name: str,
        entries: Iterable[FileEntry],
        left_out: Iterable[Exclusion],
        byte_code: ByteCode | None = None,
        rules: Rules = IN_ENVIRONMENTS,
    ) -> None:
        """Add a set, unless it is empty; `rules` are for what its links find elsewhere."""
        followed = self.linked.follow(list(entries), rules, byte_code)
        unique = {entry[0]: entry for entry in followed}
        ordered = tuple(sorted(unique.values(), key=itemgetter(0)))
        self.exclusions += left_out
        if not ordered:
            return
        compiled = byte_code is None or _is_compiled(ordered, byte_code)
        if not compiled:
            self.notes.append(self.compile_first())
        self.sets.append(
            FileSet(
                name=name,
                entries=ordered,
                fingerprint=fingerprint(ordered),
                byte_code=None if byte_code is None else byte_code.entries,
                compiled=compiled,
            )
        )

    def compile_first(self) -> str:
        """Return what to do where each run would compile what it imports."""
        prefix = self.interpreter.prefix
        command = [self.interpreter.executable, "-m", "compileall", "-q", f"{prefix}/lib"]
        return (
            f"Most modules in {prefix} have no byte code, so that each run compiles anew what it "
            f"imports. To have it in the image: {shlex.join(command)}"
        )

    def add_interpreter(self) -> None:
        """Add what a venv needs from below itself."""
        if self.stands_in:
            self.add_packages()
            return
        entries, left_out, byte_code = _interpreter(self.interpreter)
        roots = [self.interpreter.prefix, self.interpreter.base_prefix]
        links = links_outside(self.interpreter.executable, roots)
        self.add(INTERPRETER, [*entries, *links], left_out, byte_code)
        self.add_packages()

    def add_packages(self) -> None:
        """Add the packages of the base interpreter, where they are used."""
        entries: list[FileEntry] = []
        byte_code = ByteCode()
        for folder in self.base_packages():
            found, left_out = walk(folder, IN_ENVIRONMENTS, byte_code)
            entries += found
            self.exclusions += left_out
            if str(folder) == MODULES:
                entries += data_of_modules()
            self.notes.append(f"Packages in {folder}, of the base interpreter, are included.")
        self.add("packages of the base interpreter", entries, [], byte_code)

    def base_packages(self) -> list[Path]:
        """Return the folders for packages below the base prefix that `sys.path` names."""
        prefix, base = self.interpreter.prefix, self.interpreter.base_prefix
        return [
            folder
            for folder in map(Path, self.interpreter.path)
            if folder.name in PACKAGE_FOLDERS
            and folder.is_relative_to(base)
            and (prefix == base or not folder.is_relative_to(prefix))
            and folder.is_dir()
        ]

    def add_outside(self) -> None:
        """Add modules that `sys.path` finds elsewhere."""
        library = str(standard_library(self.interpreter))
        roots = [self.interpreter.prefix, self.interpreter.base_prefix, library]
        packages = [
            folder
            for folder in map(Path, self.interpreter.path)
            if folder.name in PACKAGE_FOLDERS and folder.is_dir()
        ]
        found = outside(self.interpreter.path, roots, packages, self.interpreter.user_base)
        self.add("packages outside the environment", found.packages, [])
        self.add(OUTSIDE, found.entries, found.exclusions, rules=IN_FILES)
        self.python_path += found.python_path
        self.elsewhere += found.places
        self.notes += found.notes

    def note_links(self) -> None:
        """Tell which links lead out of the environment."""
        self.exclusions += self.linked.exclusions
        self.elsewhere += self.linked.followed.values()
        if links := list(self.linked.followed):
            more = f" and {len(links) - 1} other links" if len(links) > 1 else ""
            self.notes.append(
                f"{links[0]}{more} lead out of the environment: "
                "the image has what they find, in their place."
            )

    def check_readable(self) -> None:
        """Refuse an environment that would arrive with holes."""
        unreadable = [item.path for item in self.exclusions if item.reason == UNREADABLE]
        if unreadable:
            more = f" and {len(unreadable) - 5} more" if len(unreadable) > 5 else ""
            raise Refused(
                "Files of the environment can't be read by this user.",
                why=", ".join(unreadable[:5]) + more,
                todo="give this user the right to read them",
            )

    def environment(self) -> Environment:
        """Return the result."""
        if self.stands_in:
            version = ".".join(map(str, self.interpreter.version[:2]))
            self.notes.insert(
                0,
                f"The base image's own /usr/bin/python{version} runs the notebook: "
                "the system's Python is not copied.",
            )
        return Environment(
            kind=self.kind,
            interpreter=self.interpreter,
            file_sets=tuple(self.sets),
            python_path=tuple(self.python_path),
            elsewhere=tuple(dict.fromkeys(self.elsewhere)),
            notes=tuple(self.notes),
        )
