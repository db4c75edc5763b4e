"""The real engine: containers, images and streams that end too early."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import docker.errors
import pytest

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec, Mount, Resources
from kernel_containers.core.owner import current_owner
from kernel_containers.core.progress import silent
from kernel_containers.core.reference import ImageReference
from kernel_containers.engine import connect, containers, images
from kernel_containers.engine.attach import attach
from kernel_containers.engine.containers import PlacedFile
from kernel_containers.errors import InvalidInput, NotFound, Unavailable
from tests.support.engine_proxy import EngineProxy

if TYPE_CHECKING:
    import socket

    from kernel_containers.engine import Engine

LABELS = {"io.kernel-containers": "build", "io.kernel-containers.test": uuid.uuid4().hex}


def shell(base_image: str, script: str, **options: object) -> ContainerSpec:
    return ContainerSpec(
        image=base_image, command=("sh", "-c", script), network="none", labels=LABELS, **options
    )


def test_a_container_runs_to_its_end_and_is_gone(engine: Engine, base_image: str) -> None:
    finished = containers.run_once(engine, shell(base_image, "echo out; echo err >&2; exit 3"))

    assert finished == (3, b"out\n", b"err\n")
    assert containers.find(engine, LABELS) == []


def test_a_running_container_names_the_process_it_belongs_to(
    engine: Engine, base_image: str
) -> None:
    script = "until test -e /tmp/seen; do sleep 0.05; done"
    running = threading.Thread(target=containers.run_once, args=(engine, shell(base_image, script)))
    running.start()
    while not containers.find(engine, LABELS | {"io.kernel-containers.owner": None}):
        assert running.is_alive()
    found = containers.find(engine, LABELS)

    assert found[0].labels[labels.OWNER] == current_owner()
    containers.put_files(engine, found[0].id, [PlacedFile("tmp/seen", b"")])
    running.join()


def test_a_container_that_can_not_start_is_gone_too(engine: Engine, base_image: str) -> None:
    spec = ContainerSpec(image=base_image, command=("/no/such/program",), labels=LABELS)

    with pytest.raises(InvalidInput, match="not able to start"):
        containers.run_once(engine, spec)

    assert containers.find(engine, LABELS) == []


def test_a_missing_folder_is_refused_instead_of_created(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    mount = Mount(source=str(missing), target="/data")

    with pytest.raises(InvalidInput, match="bind source path does not exist"):
        containers.run_once(engine, shell(base_image, "true", mounts=(mount,)))

    assert not missing.exists()


def test_limits_user_and_rights_arrive_in_the_container(engine: Engine, base_image: str) -> None:
    spec = shell(
        base_image,
        "id -u; id -g; grep CapEff /proc/self/status; touch /x 2>&1 | grep -c Read-only",
        user="1234:5",
        resources=Resources(memory=64 * 1024**2, cpus=0.5, pids=50),
        read_only=True,
        drop_capabilities=True,
    )

    finished = containers.run_once(engine, spec)

    assert finished.stdout.split() == [b"1234", b"5", b"CapEff:", b"0000000000000000", b"1"]


def test_an_image_whose_program_is_not_run_is_not_asked_for_its_health(
    engine: Engine, base_image: str
) -> None:
    name = f"kernel-containers-test/health:{uuid.uuid4().hex[:8]}"
    first = engine.api.create_container(base_image, ["true"], healthcheck={"test": ["CMD", "no"]})
    engine.api.commit(first, *name.split(":"))
    spec = ContainerSpec(image=name, entrypoint=(), command=("true",), labels=LABELS)

    second = containers.create(engine, spec)

    found = containers.inspect(engine, second)["Config"]["Healthcheck"]
    for container in (first["Id"], second):
        containers.remove(engine, container)
    engine.api.remove_image(name)
    assert found == {"Test": ["NONE"]}


def test_volumes_of_the_image_go_with_the_container(engine: Engine, base_image: str) -> None:
    name = f"kernel-containers-test/volume:{uuid.uuid4().hex[:8]}"
    first = engine.api.create_container(base_image, ["true"])
    engine.api.commit(first, *name.split(":"), changes='VOLUME ["/data"]')
    second = containers.create(engine, ContainerSpec(image=name, labels=LABELS))
    (mount,) = containers.inspect(engine, second)["Mounts"]

    for container in (first["Id"], second):
        containers.remove(engine, container)
    engine.api.remove_image(name)

    assert mount["Destination"] == "/data"
    with pytest.raises(docker.errors.NotFound):
        engine.api.inspect_volume(mount["Name"])


def test_out_of_memory_is_told_from_a_kill(engine: Engine, base_image: str) -> None:
    greedy = "python3 -c 'x = bytearray(200 * 1024**2)'"
    spec = ContainerSpec(
        image=base_image,
        command=("sh", "-c", f"exec {greedy}"),
        network="none",
        labels=LABELS,
        resources=Resources(memory=32 * 1024**2),
    )
    container = containers.create(engine, spec)
    try:
        containers.start(engine, container)
        state = containers.wait(engine, container)
    finally:
        containers.remove(engine, container)

    assert (state.code, state.out_of_memory) == (137, True)


def test_files_are_placed_with_owner_and_mode(engine: Engine, base_image: str) -> None:
    spec = shell(base_image, "stat -c '%u %a' /run/x/secret; cat /run/x/secret")
    container = containers.create(engine, spec)
    try:
        files = [PlacedFile("run/x", None, 0o755), PlacedFile("run/x/secret", b"s", 0o400, 7, 0)]
        containers.put_files(engine, container, files)
        output = containers.output(engine, container)
        containers.start(engine, container)
        text = b"".join(data for _, data in output)
    finally:
        containers.remove(engine, container)

    assert text == b"7 400\ns"


def test_removing_and_stopping_what_is_gone_is_fine(engine: Engine, base_image: str) -> None:
    container = containers.create(engine, shell(base_image, "true"))
    containers.remove(engine, container)

    containers.remove(engine, container)
    containers.stop(engine, container)
    containers.kill(engine, container)

    with pytest.raises(NotFound):
        containers.wait(engine, container)


def test_an_image_goes_out_and_in_again(engine: Engine, base_image: str) -> None:
    image = images.inspect(engine, base_image)
    assert image is not None

    loaded = images.load(engine, images.save(engine, [base_image]))

    assert loaded == [base_image]
    assert image.config.diff_ids in images.diff_id_chains(engine)


def test_an_unknown_image_is_none_and_can_not_be_saved(engine: Engine) -> None:
    name = f"kernel-containers/missing:{secrets.token_hex(4)}"

    assert images.inspect(engine, name) is None
    assert images.remove(engine, name) is False
    with pytest.raises(NotFound):
        list(images.save(engine, [name]))


def test_a_broken_archive_is_not_loaded(engine: Engine) -> None:
    with pytest.raises(Unavailable) as caught:
        images.load(engine, iter([b"x" * 10_000]))

    assert "tar" in str(caught.value.why)


def test_a_pull_from_nowhere_gives_the_registrys_words(engine: Engine) -> None:
    with pytest.raises(Unavailable) as caught:
        images.pull(engine, ImageReference.parse("127.0.0.1:1/a:1"), silent)

    assert "connection refused" in str(caught.value.why)


def test_a_socket_of_others_is_refused_with_the_command_that_helps(open_folder: Path) -> None:
    """As a plain user: root may use every socket."""
    socket = open_folder / "docker.sock"
    script = f"""
import os, socket, sys
server = socket.socket(socket.AF_UNIX); server.bind({str(socket)!r}); server.listen()
os.chmod({str(socket)!r}, 0o600)
sys.path[:] = {sys.path!r}
import kernel_containers.engine, docker, requests, urllib3  # before the rights go
import kernel_containers.errors
os.setgid(65534); os.setuid(65534)
try:
    kernel_containers.engine.connect({{"DOCKER_HOST": "unix://{socket}"}})
except kernel_containers.errors.Refused as error:
    print(error)
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert "usermod -aG docker" in answer.stdout, answer.stderr


class _Deaf(EngineProxy):
    """An engine that never hears of attachments."""

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if b"/attach" not in data:
                    target.sendall(data)


def test_an_engine_that_says_nothing_is_given_up(
    engine: Engine, base_image: str, tmp_path: Path
) -> None:
    container = containers.create(engine, shell(base_image, "true"))
    with _Deaf(tmp_path / "d", Path("/var/run/docker.sock")) as deaf:
        asked = connect({"DOCKER_HOST": f"unix://{deaf.path}"}, timeout=0.5)
        try:
            with pytest.raises(Unavailable, match="did not answer in time"):
                attach(asked, container)
        finally:
            asked.close()
            containers.remove(engine, container)
