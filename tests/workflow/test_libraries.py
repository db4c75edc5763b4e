"""An environment over a base image that lacks libraries."""

from __future__ import annotations

import _ctypes
import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel_containers.cli.main import run
from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.snapshot import FileSet
from kernel_containers.engine import containers
from kernel_containers.errors import InvalidInput
from kernel_containers.snapshot.environment import local_environment
from kernel_containers.snapshot.exclusions import IN_FILES
from kernel_containers.snapshot.interpreter import inspect_local
from kernel_containers.snapshot.walk import walk
from kernel_containers.workflow.images.libraries import keep_nothing, supply_libraries
from tests.acceptance.product import write_notebook
from tests.support.environments import make_kernel_venv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.engine import Engine

NEEDED = "libffi libsqlite3 libssl libcrypto"
CHECK = "import ctypes, sqlite3, ssl; print('found')"

pytestmark = pytest.mark.skipif(
    sys.base_prefix == "/usr", reason="the system's Python stays in the base image"
)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv with ipykernel, whose interpreter needs libraries of the system."""
    return make_kernel_venv(tmp_path_factory.mktemp("libraries") / "venv")


@pytest.fixture(scope="module")
def changed_base(engine: Engine, base_image: str) -> Iterator[Callable[[str], str]]:
    """Return an image that a shell script made of the base image."""
    made: list[str] = []

    def change(script: str) -> str:
        name = f"tests/changed-base:{uuid.uuid4().hex[:12]}"
        container = containers.create(
            engine,
            ContainerSpec(
                image=base_image,
                entrypoint=("/bin/sh", "-c"),
                command=(script,),
                user="0:0",
                network="none",
                labels={labels.KIND: "build"},
            ),
        )
        try:
            containers.start(engine, container)
            assert containers.wait(engine, container).code == 0
            engine.api.commit(container, *name.split(":"))
        finally:
            containers.remove(engine, container)
        made.append(name)
        return name

    yield change
    for name in made:
        engine.api.remove_image(name)


@pytest.fixture(scope="module")
def poor_base(changed_base: Callable[[str], str]) -> str:
    """A base image that lacks what the interpreter's modules were linked with."""
    return changed_base(f"cd /usr/lib/*-linux-gnu && for n in {NEEDED}; do rm -f $n.so*; done")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("KERNEL_CONTAINERS_CACHE", str(shared_cache))


def test_a_kernel_gets_the_libraries_that_the_base_lacks_and_its_image_will_too(
    poor_base: str, prefix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["kernel", "add", "local", "--prefix", str(prefix), "--base", poor_base, "--json"]
    assert run(command) == 0
    added = json.loads(capsys.readouterr().out)
    assert {"libffi.so.8", "libcrypto.so.3"} <= set(added["libraries"])

    notebook = write_notebook(tmp_path / "n.ipynb", "x = 1", kernel="local")
    assert run(["containerize", str(notebook), "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in plan["layers"]][:4] == [
        "interpreter",
        "time zones",
        "libraries",
        "environment",
    ]
    assert any("libffi.so.8" in note for note in plan["notes"])


@pytest.mark.full
def test_an_image_on_a_base_that_lacks_libraries_finds_them(
    engine: Engine, poor_base: str, prefix: Path, tmp_path: Path
) -> None:
    name = f"tests/libraries:{uuid.uuid4().hex[:12]}"
    added = run(["kernel", "add", "local", "--prefix", str(prefix), "--base", poor_base])
    notebook = write_notebook(tmp_path / "n.ipynb", "x = 1", kernel="local")

    assert added == run(["containerize", str(notebook), "--to", f"docker:{name}"]) == 0
    try:
        spec = ContainerSpec(
            image=name,
            entrypoint=(f"{prefix}/bin/python",),
            command=("-c", CHECK),
            network="none",
            labels={labels.KIND: "build"},
        )
        assert containers.run_once(engine, spec).stdout == b"found\n"
    finally:
        engine.api.remove_image(name)


def test_what_was_learned_once_is_not_asked_again(
    engine: Engine, base_image: str, prefix: Path
) -> None:
    environment, _ = local_environment(inspect_local(f"{prefix}/bin/python"))
    kept: dict[str, object] = {}
    made: list[str] = []

    def keep(key: str, make: Callable[[], object]) -> object:
        if key not in kept:
            made.append(key)
            kept[key] = json.loads(json.dumps(make()))
        return kept[key]

    first = supply_libraries(environment.file_sets, engine, base_image, "base", keep)
    asked = list(made)
    second = supply_libraries(environment.file_sets, engine, base_image, "base", keep)

    assert first == second
    assert asked == made != []


def test_a_library_of_the_base_that_is_too_old_is_named(
    engine: Engine, changed_base: Callable[[str], str], prefix: Path
) -> None:
    # Another library's file has none of the versions that Python's module asks for.
    old = changed_base("cd /usr/lib/*-linux-gnu && cp -L libz.so.1 libssl.so.3")
    environment, _ = local_environment(inspect_local(f"{prefix}/bin/python"))

    with pytest.raises(InvalidInput) as caught:
        supply_libraries(environment.file_sets, engine, old, "old", keep_nothing)

    assert "libssl.so.3 in the base image old is too old: it lacks OPENSSL_3" in str(caught.value)
    assert "_ssl" in str(caught.value.why)


def test_a_base_without_a_shell_is_used_with_a_note(
    engine: Engine, changed_base: Callable[[str], str], prefix: Path
) -> None:
    bare = changed_base("rm -f /bin/sh /usr/bin/sh")
    environment, _ = local_environment(inspect_local(f"{prefix}/bin/python"))

    supplied = supply_libraries(environment.file_sets, engine, bare, "bare", keep_nothing)

    assert supplied.libraries is None
    assert "Whether bare has the libraries" in supplied.notes[0]


def test_a_library_that_nobody_has_is_named_and_stops_nothing(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    compiled = Path(getattr(_ctypes, "__file__", "")).read_bytes()
    (tmp_path / "x.so").write_bytes(compiled.replace(b"libffi.so", b"libgpu.so"))
    entries, _ = walk(tmp_path / "x.so", IN_FILES)
    made = FileSet(name="x", entries=tuple(entries))

    supplied = supply_libraries([made], engine, base_image, "base", keep_nothing)

    assert supplied.libraries is None
    (note,) = supplied.notes
    assert "libgpu.so" in note
    assert "is neither in base nor on this machine" in note
