"""Runs on the real engine, with an image whose command is the run's arguments."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.containers import ContainerSpec
from kernel_containers.core.runs import RunRequest
from kernel_containers.dispatch.docker import DockerBackend
from kernel_containers.engine import containers, images
from kernel_containers.errors import CannotWrite, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.dispatch.docker import DockerRun
    from kernel_containers.engine import Engine

Finish = Callable[[RunRequest], tuple[int, str]]


@pytest.fixture
def backend(engine: Engine) -> DockerBackend:
    return DockerBackend(engine)


def request(base_image: str, script: str, **options: object) -> RunRequest:
    return RunRequest(image=base_image, arguments=("sh", "-c", script), **options)


@pytest.fixture
def finish(backend: DockerBackend) -> Iterator[Finish]:
    runs: list[DockerRun] = []

    def finish(asked: RunRequest) -> tuple[int, str]:
        run = backend.create(asked)
        runs.append(run)
        lines = backend.follow(run)
        backend.start(run)
        text = b"".join(data for _, data in lines).decode()
        return backend.wait(run).code, text

    yield finish
    for run in runs:
        backend.remove(run)


def test_output_and_exit_code_come_back(finish: Finish, base_image: str) -> None:
    assert finish(request(base_image, "echo hello; exit 7")) == (7, "hello\n")


def test_parameters_and_secrets_come_as_files_for_the_runs_user_only(
    finish: Finish, base_image: str
) -> None:
    asked = request(
        base_image,
        "cat /run/kernel-containers/request.json; echo; "
        "cat /run/secrets/KEY; stat -c ' %a' /run/secrets/KEY",
        parameters={"n": 3},
        secrets={"KEY": "hunter2"},
    )

    code, text = finish(asked)

    request_text, secret = text.splitlines()
    assert code == 0
    assert json.loads(request_text) == {"parameters": {"n": 3}}
    assert secret == "hunter2 400"


def test_a_secret_is_not_in_docker_inspect_nor_in_the_requests_own_text(
    backend: DockerBackend, engine: Engine, base_image: str
) -> None:
    secret = uuid.uuid4().hex
    asked = request(
        base_image, "true", secrets={"KEY": secret}, files={"/run/secrets/f": secret.encode()}
    )
    run = backend.submit(asked)
    try:
        description = json.dumps(containers.inspect(engine, run.container))
    finally:
        backend.remove(run)

    assert secret not in description
    assert secret not in repr(asked)


def test_the_output_folder_is_made_and_mounted_at_its_own_path(
    finish: Finish, base_image: str, tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "runs"

    code, _ = finish(request(base_image, f"echo x > {folder}/out", output=f"file://{folder}"))

    assert code == 0
    assert (folder / "out").read_text() == "x\n"
    assert (folder / "out").stat().st_uid == os.getuid()


def test_an_output_folder_that_can_not_be_made_is_said_before_anything_starts(
    backend: DockerBackend, base_image: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotWrite, match="can't be made"):
        backend.submit(request(base_image, "true", output=f"file://{tmp_path}/file/runs"))


def test_a_store_on_the_loopback_is_reached_through_the_hosts_network(
    finish: Finish, base_image: str
) -> None:
    asked = request(
        base_image,
        "readlink /proc/self/ns/net",
        environment={"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"},
    )

    code, text = finish(asked)

    assert code == 0
    assert text.strip() == os.readlink("/proc/self/ns/net")  # noqa: PTH115


def test_a_network_that_was_asked_for_is_kept(finish: Finish, base_image: str) -> None:
    store = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    asked = request(base_image, "ls /sys/class/net", environment=store, network="none")

    assert finish(asked) == (0, "lo\n")


def test_an_unknown_image_is_not_found(backend: DockerBackend) -> None:
    with pytest.raises(NotFound):
        backend.submit(RunRequest(image="kernel-containers/never:made"))


def test_a_run_that_can_not_start_leaves_no_container(
    backend: DockerBackend, engine: Engine, base_image: str
) -> None:
    run_id = f"test-{uuid.uuid4().hex[:8]}"

    with pytest.raises(InvalidInput):
        backend.submit(RunRequest(image=base_image, arguments=("/no/such",), run_id=run_id))

    assert containers.find(engine, {"io.kernel-containers.run-id": run_id}) == []


def test_cancelling_gives_the_run_time_to_end_well(backend: DockerBackend, base_image: str) -> None:
    run = backend.create(
        request(
            base_image, "trap 'echo bye; exit 143' TERM; echo ready; while :; do sleep 0.1; done"
        )
    )
    try:
        lines = backend.follow(run)
        backend.start(run)
        assert next(lines) == ("stdout", b"ready\n")
        backend.cancel(run, grace=20)
        rest = b"".join(data for _, data in lines)
        state = backend.wait(run)
    finally:
        backend.remove(run)

    assert rest == b"bye\n"
    assert state.code == 143


def test_the_image_is_told_the_id_that_the_caller_gets(
    backend: DockerBackend, engine: Engine, base_image: str
) -> None:
    run = backend.create(request(base_image, "true"))
    try:
        environment = containers.inspect(engine, run.container)["Config"]["Env"]
    finally:
        backend.remove(run)

    assert f"KERNEL_CONTAINERS_RUN_ID={run.run_id}" in environment


@pytest.fixture
def image_with_user(engine: Engine, base_image: str) -> Iterator[str]:
    """An image that runs as 1000:0, as ours do."""
    container = containers.create(engine, ContainerSpec(image=base_image))
    name = f"kernel-containers/test-user:{uuid.uuid4().hex[:8]}"
    repository, _, tag = name.partition(":")
    engine.api.commit(container, repository=repository, tag=tag, changes="USER 1000:0")
    containers.remove(engine, container)
    yield name
    images.remove(engine, name)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_root_hands_a_run_to_the_owner_of_the_output_folder(
    backend: DockerBackend, engine: Engine, image_with_user: str, tmp_path: Path
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    os.chown(folder, 1234, 1234)

    run = backend.create(request(image_with_user, "true", output=str(folder)))
    try:
        user = containers.inspect(engine, run.container)["Config"]["User"]
    finally:
        backend.remove(run)

    assert user == "1234:0"


def test_a_copy_of_outputs_in_the_container_is_found(
    backend: DockerBackend, base_image: str
) -> None:
    script = "f=/tmp/kernel-containers-$KERNEL_CONTAINERS_RUN_ID; mkdir $f; echo x > $f/report.json"
    kept = backend.submit(request(base_image, script))
    none = backend.submit(request(base_image, "true"))
    try:
        backend.wait(kept)
        backend.wait(none)
        places = [backend.kept_outputs(run) for run in (kept, none)]
    finally:
        backend.remove(kept)
        backend.remove(none)

    assert places == [f"{kept.container[:12]}:/tmp/kernel-containers-{kept.run_id}", None]
