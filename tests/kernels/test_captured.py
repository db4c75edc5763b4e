"""A live kernel's own changes on their way into an image."""

from __future__ import annotations

import os
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.progress import silent
from kernel_containers.core.reference import parse_destination
from kernel_containers.errors import NotFound
from kernel_containers.workflow.images.containerize import containerize
from kernel_containers.workflow.images.plan import ContainerizeRequest, make_plan
from kernel_containers.workflow.registries import Registries
from kernel_containers.workflow.settings import read_settings
from tests.acceptance.product import write_notebook
from tests.kernels.support import running, tiny_wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kernel_containers.engine import Engine
    from kernel_containers.workflow.images.plan import Plan

DOCKER = "/usr/bin/docker"


@pytest.fixture(autouse=True)
def _cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNEL_CONTAINERS_CACHE", str(shared_cache))


def run_once(image: str) -> subprocess.CompletedProcess[str]:
    """Run an image without a network; what it writes goes with its container."""
    command = [DOCKER, "run", "--rm", "--network=none", image, "--output", "file:///tmp/out"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def plan_of(engine: Engine, notebook: Path, **options: str) -> Plan:
    request = ContainerizeRequest(
        notebook=notebook,
        destination=parse_destination(f"docker:tests/captured:{uuid.uuid4().hex[:12]}"),
        **options,
    )
    return make_plan(request, engine, read_settings(), silent)


@pytest.mark.full
def test_what_a_plain_user_installs_and_writes_is_in_the_image_of_the_notebook(
    engine: Engine, install: Callable[..., str], workspace: Path
) -> None:
    name = install("captured", user="1234:1234", env_passthrough=[])
    notebook = write_notebook(
        workspace / "captured.ipynb",
        "import kctiny, os, pathlib\n"
        "assert kctiny.value == 42\n"
        "assert pathlib.Path.home().joinpath('kept').read_text() == 'mine'",
        kernel=name,
    )
    wheel = tiny_wheel(workspace)
    environment = {**os.environ, "JPY_SESSION_NAME": str(notebook)}
    with running(name, workspace, env=environment) as kernel:
        kernel.execute(f"%pip install --no-index {wheel.name}", timeout=120)
        kernel.restart()
        written = kernel.execute(
            "import kctiny, pathlib; pathlib.Path.home().joinpath('kept').write_text('mine')"
        )
        assert written.status == "ok"

        plan = plan_of(engine, notebook)
        by_id = plan_of(engine, notebook, kernel_id=str(kernel.provisioner.kernel_id))

        variables = dict(plan.snapshot.variables)
        assert any(note.startswith("What the live kernel changed") for note in plan.snapshot.notes)
        assert variables["PYTHONPATH"] == "/var/lib/kernel-containers/packages"
        assert [item.fingerprint for item in plan.snapshot.file_sets if item.exact] == [
            item.fingerprint for item in by_id.snapshot.file_sets if item.exact
        ]
        settings = read_settings()
        made = containerize(plan, engine, Registries(settings), settings, silent)
    try:
        done = run_once(made.reference)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        subprocess.run([DOCKER, "rmi", made.reference], check=True, capture_output=True)


@pytest.mark.full
def test_what_root_installs_with_apt_and_pip_is_in_the_image_of_the_notebook(
    engine: Engine, install: Callable[..., str], workspace: Path
) -> None:
    name = install("installed")
    notebook = write_notebook(
        workspace / "installed.ipynb",
        "import kctiny, subprocess\n"
        "said = subprocess.run(['kc-greet'], capture_output=True, text=True, check=True).stdout\n"
        "state = subprocess.check_output(['dpkg', '-s', 'kc-greet'], text=True)\n"
        "print(kctiny.value, said, 'install ok installed' in state, open('/opt/made').read())\n"
        "assert (kctiny.value, said) == (42, 'greetings\\n') and 'ok installed' in state",
        kernel=name,
    )
    wheel, package = tiny_wheel(workspace), tiny_package(workspace)
    environment = {**os.environ, "JPY_SESSION_NAME": str(notebook)}
    with running(name, workspace, env=environment) as kernel:
        apt = f"!apt-get install -y -o APT::Sandbox::User=root ./{package.name}"
        said = kernel.execute(f"%pip install --no-index {wheel.name}\n{apt}", timeout=180)
        made = kernel.execute(
            "open('/opt/made', 'w').write('by hand'); __import__('os').chmod('/opt/made', 0o600)"
        )
        assert (said.status, made.status) == ("ok", "ok")
        plan = plan_of(engine, notebook)
        settings = read_settings()
        made_image = containerize(plan, engine, Registries(settings), settings, silent)
    try:
        done = run_once(made_image.reference)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "42 greetings" in done.stdout
        assert "by hand" in done.stdout
        assert plan.snapshot.user_reason == "/opt/made of the live kernel can only be read by root"
    finally:
        subprocess.run([DOCKER, "rmi", made_image.reference], check=True, capture_output=True)


def tiny_package(folder: Path) -> Path:
    """Make a package of Debian with a command that its script links, as alternatives are."""
    tree = folder / "kc-greet"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr" / "lib" / "kc-greet").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: kc-greet\nVersion: 1\nArchitecture: all\nMaintainer: Tests <t@example.org>\n"
        "Description: greets\n"
    )
    script = tree / "DEBIAN" / "postinst"
    script.write_text("#!/bin/sh\nln -sf /usr/lib/kc-greet/greet /usr/bin/kc-greet\n")
    greet = tree / "usr" / "lib" / "kc-greet" / "greet"
    greet.write_text("#!/bin/sh\necho greetings\n")
    for file in (script, greet):
        file.chmod(0o755)
    made = folder / "kc-greet_1_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True)
    return made


def test_a_notebook_without_a_live_kernel_says_so_and_an_unknown_id_is_not_found(
    engine: Engine, install: Callable[..., str], workspace: Path
) -> None:
    notebook = write_notebook(workspace / "alone.ipynb", "x = 1", kernel=install("alone"))

    plan = plan_of(engine, notebook)

    assert any(note.startswith("No live kernel") for note in plan.snapshot.notes)
    assert [item.name for item in plan.snapshot.file_sets] == ["notebook"]
    with pytest.raises(NotFound):
        plan_of(engine, notebook, kernel_id="no-such-kernel")


@pytest.mark.full
def test_copies_go_with_their_plan(
    engine: Engine, install: Callable[..., str], workspace: Path
) -> None:
    name = install("spooled")
    notebook = write_notebook(workspace / "spooled.ipynb", "x = 1", kernel=name)
    environment = {**os.environ, "JPY_SESSION_NAME": str(notebook)}
    with running(name, workspace, env=environment) as kernel:
        kernel.execute("open('/opt/made', 'w').write('x')")
        plan = plan_of(engine, notebook)

    assert plan.live.spool is not None
    folder = plan.live.spool.folder
    assert (folder / "opt" / "made").read_text() == "x"
    del plan
    assert not folder.exists()
