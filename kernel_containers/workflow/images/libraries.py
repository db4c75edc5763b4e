"""The system libraries and time zones that an environment needs and its base image lacks.

An unchanged environment costs three look-ups in the store: what its files need is kept by their
fingerprint, what a base has by the base's id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.snapshot import FileSet
from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.snapshot.base_libraries import (
    ZONES,
    BaseLibraries,
    base_libraries,
    check_against_base,
    provided_versions,
)
from kernel_containers.snapshot.elf import read_elf
from kernel_containers.snapshot.environment import INTERPRETER
from kernel_containers.snapshot.exclusions import SILENTLY, Rule, compile_rules
from kernel_containers.snapshot.fingerprint import fingerprint
from kernel_containers.snapshot.libraries import (
    LibraryNeeds,
    closure,
    is_c_library,
    libraries_here,
    merge,
    programs_and_libraries,
    scan_libraries,
)
from kernel_containers.snapshot.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kernel_containers.engine import Engine
    from kernel_containers.image.base import BaseImage
    from kernel_containers.image.store import BlobStore
    from kernel_containers.workflow.images.sources import Source

_FORMAT = 2  # of the records: raise it when they change
_SHOWN = 8  # names in one sentence
# The same zones again: with leap seconds, and without.
_ZONES = compile_rules([Rule(SILENTLY, ("right/", "posix/"))])

# Returns the JSON object of a key, and makes it by the function where there is none.
Keep = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """This machine's copies for a layer or mounts; None where the base lacks nothing."""

    libraries: FileSet | None = None
    zones: FileSet | None = None
    notes: tuple[str, ...] = ()


def keep_with_base(store: BlobStore, base: BaseImage) -> Keep:
    """Return what keeps records in the store, as long as the blobs of a base image."""

    def keep(key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        key = f"libraries {_FORMAT} {key}"
        found = store.recall_record(key)
        if found is None:
            found = make()
            store.remember_record(key, found, base.layers)
        return found

    return keep


def keep_nothing(key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Make it anew each time."""
    del key
    return make()


def with_libraries(source: Source, base: BaseImage, engine: Engine, store: BlobStore) -> Source:
    """Return a source with what its base lacks below the files that need it.

    Raises:
        InvalidInput, Unavailable: as from `supply_libraries`.
    """
    environment = source.environment
    if not environment.file_sets:
        return source
    supplied = supply_libraries(
        environment.file_sets, engine, str(base.id), base.name, keep_with_base(store, base)
    )
    sets = list(environment.file_sets)
    # On top of the interpreter, which changes less often.
    at = 1 if sets[0].name == INTERPRETER else 0
    sets[at:at] = [item for item in (supplied.zones, supplied.libraries) if item]
    notes = (*environment.notes, *supplied.notes)
    return replace(source, environment=replace(environment, file_sets=tuple(sets), notes=notes))


def supply_libraries(
    file_sets: Sequence[FileSet], engine: Engine, base: str, base_name: str, keep: Keep
) -> Supplied:
    """Return the libraries that an environment needs and a base image of the engine lacks.

    Raises:
        InvalidInput: the base does not fit: its C library, processor or another library is too
            old or of another kind, and this machine's copies would not work there.
        Unavailable: the engine does not answer.
    """
    needs = merge(_needs(file_set, keep) for file_set in file_sets)
    try:
        has = BaseLibraries.from_json(
            keep(f"of {base}", lambda: base_libraries(engine, base).to_json())
        )
    except (NotFound, InvalidInput) as error:
        note = f"Whether {base_name} has the libraries that the environment needs is not known"
        return Supplied(notes=(f"{note}: {error.why or error.what}",))
    check_against_base(needs, has, base_name)
    missing = needs.from_outside(has.paths.keys())
    found, absent = closure(missing, has.paths.keys(), has.folder)
    copies = scan_libraries(found)
    _check_copies(copies, has, base_name)
    needs = merge([needs, copies])
    paths = _with_versions(needs, has)
    provided = keep(
        f"versions in {base} of {' '.join(paths)}", lambda: _provided(engine, base, paths)
    )
    _check_versions(needs, provided, base_name)
    names = [entry.target.rpartition("/")[2] for entry in found.entries]
    return Supplied(
        libraries=found if names else None,
        zones=None if has.zones else _zones(),
        notes=tuple(_notes(names, absent, missing, base_name)),
    )


def _zones() -> FileSet | None:
    folder = Path(ZONES)
    if not folder.is_dir():
        return None
    entries = tuple(walk(folder, _ZONES)[0])
    return FileSet(name="time zones", entries=entries, fingerprint=fingerprint(entries))


def _needs(file_set: FileSet, keep: Keep) -> LibraryNeeds:
    if file_set.fingerprint is None:
        return scan_libraries(file_set)
    key = f"needed by {file_set.fingerprint}"
    return LibraryNeeds.from_json(keep(key, lambda: _of_parts(file_set, keep).to_json()))


def _of_parts(file_set: FileSet, keep: Keep) -> LibraryNeeds:
    return merge(
        LibraryNeeds.from_json(keep(f"needed by {part.fingerprint}", partial(_scan, part)))
        for part in programs_and_libraries(file_set)
    )


def _scan(file_set: FileSet) -> dict[str, Any]:
    return scan_libraries(file_set).to_json()


def _check_copies(copies: LibraryNeeds, has: BaseLibraries, base_name: str) -> None:
    """Refuse a base where this machine's copies of what it lacks would not be loaded."""
    try:
        check_against_base(copies, has, base_name)
    except InvalidInput as error:
        raise InvalidInput(
            f"The base image {base_name} lacks {_list(copies.has)}, and this machine's copies "
            "do not fit it.",
            why=error.what,
            todo=error.todo,
        ) from error


def _with_versions(needs: LibraryNeeds, has: BaseLibraries) -> dict[str, str]:
    """Return where the base has libraries of which versions are asked for."""
    return {
        name: has.paths[name]
        for name in sorted(needs.versions)
        if name in has.paths and name not in needs.has and not is_c_library(name)
    }


def _provided(engine: Engine, base: str, paths: dict[str, str]) -> dict[str, Any]:
    found = provided_versions(engine, base, paths)
    return {name: sorted(versions) for name, versions in found.items()}


def _check_versions(needs: LibraryNeeds, provided: dict[str, Any], base_name: str) -> None:
    """Refuse a base whose libraries lack versions of symbols that this machine's have."""
    for name, versions in provided.items():
        # A library without any is loaded all the same.
        lacking = needs.versions[name].keys() - set(versions) if versions else set()
        lacking &= _provided_here(name) if lacking else set()
        if lacking:
            raise InvalidInput(
                f"{name} in the base image {base_name} is too old: "
                f"it lacks {_list(sorted(lacking))}.",
                why=f"{needs.versions[name][min(lacking)]} was built for a newer one",
                todo="choose a base image of a newer release with --base",
            )


def _provided_here(library: str) -> frozenset[str]:
    path = libraries_here().get(library)
    elf = read_elf(str(path)) if path else None
    return elf.provides if elf else frozenset()


def _notes(
    names: Sequence[str],
    absent: Iterable[str],
    missing: dict[str, tuple[str, ...]],
    base_name: str,
) -> Iterable[str]:
    if names:
        yield f"System libraries that {base_name} lacks come from this machine: {_list(names)}."
    for library in absent:
        user = missing[library][0] if library in missing else "another library"
        yield f"{library}, which {user} needs, is neither in {base_name} nor on this machine."


def _list(names: Iterable[str]) -> str:
    ordered = list(names)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more
