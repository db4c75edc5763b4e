"""Containers of the engine."""

from __future__ import annotations

import io
import tarfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from kernel_containers.core import labels
from kernel_containers.core.owner import current_owner
from kernel_containers.engine.attach import Attachment, attach, frames
from kernel_containers.engine.client import Engine, engine_errors
from kernel_containers.engine.host_config import host_config
from kernel_containers.errors import NotFound, TryAgain, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kernel_containers.core.containers import ContainerSpec


class ExitState(NamedTuple):
    """How a container ended; 137 alone does not mean that memory ran out."""

    code: int
    out_of_memory: bool
    error: str


class Finished(NamedTuple):
    """A container that ran to its end."""

    code: int
    stdout: bytes
    stderr: bytes


class PlacedFile(NamedTuple):
    """A file for `put_files`; `content` None makes a folder."""

    name: str  # its path, relative to the root
    content: bytes | None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A container in a list; `created` is seconds since the epoch."""

    id: str
    name: str
    image: str
    state: str
    labels: Mapping[str, str]
    created: int


def create(engine: Engine, spec: ContainerSpec) -> str:
    """Create a container and return its id.

    Raises:
        NotFound: the image is not there.
        InvalidInput, Unavailable: the engine refused the settings; its words are the cause.
    """
    what = f"The engine was not able to create a container of {spec.image}."
    with engine_errors(what):
        settings = engine.api.create_host_config(**host_config(spec))
        created = engine.api.create_container(
            spec.image,
            command=list(spec.command) or None,
            entrypoint=None if spec.entrypoint is None else list(spec.entrypoint),
            name=spec.name,
            environment=dict(spec.environment),
            labels=dict(spec.labels),
            user=spec.user or None,
            working_dir=spec.working_directory,
            # The image's own looks after the program that it starts, which is not run here.
            healthcheck={"test": ["NONE"]} if spec.entrypoint is not None else None,
            stdin_open=spec.stdin,
            ports=list(spec.ports) or None,
            detach=not spec.stdin,
            host_config=settings,
        )
    return str(created["Id"])


def start(engine: Engine, container: str) -> None:
    """Start a created container.

    Raises:
        InvalidInput, Unavailable: the engine's words are the cause.
    """
    with engine_errors("The engine was not able to start the container."):
        engine.api.start(container)


def stop(engine: Engine, container: str, grace: float = 10.0) -> None:
    """Send SIGTERM, and SIGKILL after `grace` seconds; a container that is gone is fine."""
    try:
        with engine_errors("The engine was not able to stop the container."):
            engine.api.stop(container, timeout=int(grace))  # which are added to its own limit
    except NotFound:
        return


def kill(engine: Engine, container: str, signal: str = "SIGKILL") -> None:
    """Send a signal; a container that is gone or has ended is fine."""
    try:
        with engine_errors("The engine was not able to signal the container."):
            engine.api.kill(container, signal)
    except (NotFound, TryAgain):
        return


def wait(engine: Engine, container: str) -> ExitState:
    """Return how the container ended, once it has.

    Raises:
        NotFound: it is gone, so that nobody can tell.
        Unavailable: the connection broke.
    """
    with engine_errors("The engine was not able to wait for the container."):
        answer = cast("dict[str, Any]", engine.patient.wait(container))
    try:
        state = inspect(engine, container)["State"]
        return ExitState(
            int(state["ExitCode"]), bool(state.get("OOMKilled")), str(state.get("Error") or "")
        )
    except NotFound:  # removed by itself in the meantime
        error = (answer.get("Error") or {}).get("Message", "")
        return ExitState(int(answer["StatusCode"]), out_of_memory=False, error=str(error))


def inspect(engine: Engine, container: str) -> dict[str, Any]:
    """Return the engine's description of a container.

    Raises:
        NotFound: it does not exist.
    """
    with engine_errors(f"The engine was not able to look up the container {container[:12]}."):
        description: dict[str, Any] = engine.api.inspect_container(container)
    return description


def remove(engine: Engine, container: str) -> None:
    """Remove a container and its anonymous volumes, whatever its state; return when it is gone.

    Raises:
        Unavailable: it is still there after 10 seconds.
    """
    deadline = time.monotonic() + 10
    while True:
        try:
            with engine_errors("The engine was not able to remove the container."):
                engine.api.remove_container(container, force=True, v=True)
            return
        except NotFound:
            return
        except TryAgain as error:  # its removal is already under way
            if time.monotonic() > deadline:
                raise Unavailable(error.what, why=error.why) from error
            time.sleep(0.05)


def rename(engine: Engine, container: str, name: str) -> None:
    """Give a container another name.

    Raises:
        NotFound: it does not exist.
        TryAgain: another one has the name.
    """
    with engine_errors("The engine was not able to rename the container."):
        engine.api.rename(container, name)


def put_files(engine: Engine, container: str, files: Iterable[PlacedFile]) -> None:
    """Write files into a container, which need not run.

    Raises:
        InvalidInput: the container's root is read-only.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for file in files:
            member = tarfile.TarInfo(file.name)
            member.uid, member.gid, member.mode = file.uid, file.gid, file.mode
            member.mtime = int(time.time())
            if file.content is None:
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
            else:
                member.size = len(file.content)
                tar.addfile(member, io.BytesIO(file.content))
    with engine_errors("The engine was not able to write files into the container."):
        engine.api.put_archive(container, "/", archive.getvalue())


def has_path(engine: Engine, container: str, path: str) -> bool:
    """Whether a file or a small folder is in the container, which may have ended."""
    what = f"The engine was not able to read {path} in the container."
    with suppress(NotFound), engine_errors(what):
        list(engine.api.get_archive(container, path)[0])  # unread, it would hold its connection
        return True
    return False


def output(engine: Engine, container: str) -> Iterator[tuple[str, bytes]]:
    """Yield ("stdout" | "stderr", bytes) from the start to the container's end.

    The connection is made by the call, which comes before `start`: nothing is missed then,
    while an attachment to a container that has ended waits for its next start.

    Raises:
        Unavailable: the output was cut.
    """
    return _frames(attach(engine, container, stdin=False))


def _frames(attachment: Attachment) -> Iterator[tuple[str, bytes]]:
    with closing(attachment):
        yield from frames(attachment)


def run_once(engine: Engine, spec: ContainerSpec) -> Finished:
    """Run a short-lived container to its end and remove it, whatever happens to it.

    Its labels name this process, so that others can tell what is left when that is killed.

    Raises:
        NotFound, InvalidInput, Unavailable: as from `create` and `start`.
    """
    own = {labels.KIND: "build", labels.OWNER: current_owner()}
    container = create(engine, replace(spec, labels={**own, **spec.labels}))
    parts: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    try:
        lines = output(engine, container)
        start(engine, container)
        for stream, data in lines:
            parts[stream].append(data)
        state = wait(engine, container)
    finally:
        remove(engine, container)
    return Finished(state.code, b"".join(parts["stdout"]), b"".join(parts["stderr"]))


def find(engine: Engine, labels: Mapping[str, str | None]) -> list[Found]:
    """Return all containers with these labels, newest first; a value of None matches any.

    Raises:
        Unavailable: the engine does not answer.
    """
    wanted = [name if value is None else f"{name}={value}" for name, value in labels.items()]
    with engine_errors("The engine was not able to list its containers."):
        answer = engine.api.containers(all=True, filters={"label": wanted})
    return [
        Found(
            id=str(item["Id"]),
            name=str((item.get("Names") or [""])[0]).lstrip("/"),
            image=str(item.get("Image", "")),
            state=str(item.get("State", "")),
            labels=dict(item.get("Labels") or {}),
            created=int(item.get("Created", 0)),
        )
        for item in answer
    ]
