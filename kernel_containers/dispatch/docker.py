"""Runs on a Docker engine.

What a run is given that may be secret goes into files of the created container, owned by its
user with mode 0400: an environment variable or an argument would show in `docker inspect`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kernel_containers.core import labels
from kernel_containers.core.containers import ContainerSpec, Mount
from kernel_containers.core.contract import (
    IMAGE_VARIABLE,
    OUTPUT_VARIABLE,
    REQUEST_PATH,
    RUN_ID_VARIABLE,
    SECRETS_FOLDER,
)
from kernel_containers.core.owner import current_owner
from kernel_containers.core.runs import new_run_id
from kernel_containers.core.uris import Uri
from kernel_containers.engine import containers, images
from kernel_containers.engine.containers import PlacedFile
from kernel_containers.engine.fetch import fetch_folder
from kernel_containers.errors import CannotWrite, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.runs import RunRequest
    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import ExitState
    from kernel_containers.engine.images import EngineImage

AWS_CREDENTIALS = f"{SECRETS_FOLDER}/aws-credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerRun:
    """A started run: its container, and the command's own name for it."""

    run_id: str
    container: str
    image: str


class DockerBackend:
    """Runs images on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def submit(self, request: RunRequest) -> DockerRun:
        """Create and start the container of a run; nothing is left behind when that fails.

        Raises:
            NotFound, InvalidInput, CannotWrite: as from `create`.
            Unavailable: the engine did not start it.
        """
        run = self.create(request)
        try:
            self.start(run)
        except BaseException:
            self.remove(run)
            raise
        return run

    def create(self, request: RunRequest) -> DockerRun:
        """Create the container of a run; nothing is left behind when that fails.

        Raises:
            NotFound: the engine does not have the image.
            InvalidInput: outputs to a folder of this machine on an engine elsewhere.
            CannotWrite: the output folder can't be made.
        """
        image = images.inspect(self._engine, request.image)
        if image is None:
            raise NotFound(f"The engine does not have the image {request.image}.")
        run_id = request.run_id or new_run_id()
        spec = self._spec(request, image, run_id)
        container = containers.create(self._engine, spec)
        try:
            containers.put_files(self._engine, container, _files(request, spec.user))
        except BaseException:
            containers.remove(self._engine, container)
            raise
        return DockerRun(run_id=run_id, container=container, image=request.image)

    def follow(self, run: DockerRun) -> Iterator[tuple[str, bytes]]:
        """Yield ("stdout" | "stderr", bytes) from the start of the run to its end.

        To be called before `start`: nothing is missed then, and nothing waits for ever.
        """
        return containers.output(self._engine, run.container)

    def start(self, run: DockerRun) -> None:
        """Start a created run.

        Raises:
            InvalidInput, Unavailable: the engine did not start it.
        """
        containers.start(self._engine, run.container)

    def wait(self, run: DockerRun) -> ExitState:
        """Return how the run's container ended, once it has."""
        return containers.wait(self._engine, run.container)

    def cancel(self, run: DockerRun, grace: float) -> None:
        """Send SIGTERM, which makes the runner write its outputs; SIGKILL after `grace` seconds."""
        containers.stop(self._engine, run.container, grace)

    def kept_outputs(self, run: DockerRun) -> str | None:
        """Return `container:folder` of outputs that their place refused; None without any."""
        folder = _kept_folder(run)
        if not containers.has_path(self._engine, run.container, folder):
            return None
        return f"{run.container[:12]}:{folder}"

    def fetch_kept(self, run: DockerRun, to: Path) -> Path:
        """Copy those outputs into a folder of this machine; return the folder they are in.

        Raises:
            NotFound, Unavailable: what the engine said.
            OSError: there is no room here, or no right to write.
        """
        return fetch_folder(self._engine, run.container, _kept_folder(run), to)

    def remove(self, run: DockerRun) -> None:
        """Remove the run's container, whatever its state."""
        containers.remove(self._engine, run.container)

    def _spec(self, request: RunRequest, image: EngineImage, run_id: str) -> ContainerSpec:
        environment = {
            **request.environment,
            IMAGE_VARIABLE: _identity(image),
            RUN_ID_VARIABLE: run_id,
        }
        if request.output:
            environment[OUTPUT_VARIABLE] = request.output
        spec = ContainerSpec(
            image=str(image.id),
            command=request.arguments,
            name=f"kernel-containers-run-{run_id.lower()}",
            environment=environment,
            labels={labels.KIND: "run", labels.RUN_ID: run_id, labels.OWNER: current_owner()},
            user=image.config.user,
            network=_network(request),
            resources=request.resources,
            drop_capabilities=image.config.user not in ("", "0", "0:0"),
        )
        output = Uri.parse(request.output) if request.output else None
        if output is None or output.scheme != "file":
            return spec
        return self._with_output_folder(spec, Path(output.path))

    def _with_output_folder(self, spec: ContainerSpec, folder: Path) -> ContainerSpec:
        if not self._engine.is_local:
            raise InvalidInput(
                f"The engine is on another machine, so outputs can't go to {folder}.",
                todo="give an s3:// prefix with --output",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(
                f"The folder {folder} can't be made.", why=error.strerror, todo="choose another"
            ) from error
        mount = Mount(source=str(folder), target=str(folder))
        if spec.user in ("", "0", "0:0"):
            return replace(spec, mounts=(mount,))
        # The image's own uid may not write to the caller's folder; its gid 0 may read the rest.
        # Root has no rights over others' folders in there, so it hands the run to the owner.
        found = folder.stat()
        user = f"{os.getuid() or found.st_uid}:0"
        groups = (str(found.st_gid),) if found.st_gid in os.getgroups() else ()
        return replace(spec, mounts=(mount,), user=user, groups=groups)


def _kept_folder(run: DockerRun) -> str:
    return f"/tmp/kernel-containers-{run.run_id}"  # noqa: S108 - the container's own


def _identity(image: EngineImage) -> str:
    return image.repository_digests[0] if image.repository_digests else str(image.id)


def _network(request: RunRequest) -> str:
    """The host's network where the store listens on this machine's loopback only.

    A network that was asked for stays.
    """
    if request.network != "bridge":
        return request.network
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        host = urlsplit(request.environment.get(name, "")).hostname or ""
        if host == "localhost" or host.startswith("127.") or host == "::1":
            return "host"
    return request.network


def _files(request: RunRequest, user: str) -> list[PlacedFile]:
    uid, gid = _ids(user)
    content = json.dumps({"parameters": dict(request.parameters)}).encode()
    folders = [str(Path(path).parent) for path in (REQUEST_PATH, f"{SECRETS_FOLDER}/x")]
    made = [PlacedFile(folder.lstrip("/"), None, 0o755) for folder in folders]
    placed = {REQUEST_PATH: content} if request.parameters else {}
    placed |= {f"{SECRETS_FOLDER}/{name}": text.encode() for name, text in request.secrets.items()}
    placed |= dict(request.files)
    made += [PlacedFile(path.lstrip("/"), data, 0o400, uid, gid) for path, data in placed.items()]
    return made


def _ids(user: str) -> tuple[int, int]:
    uid, _, gid = user.partition(":")
    try:
        return int(uid or 0), int(gid or 0)
    except ValueError as error:
        raise Unavailable(
            f"The image's user {user!r} is a name.",
            why="images made by this program have a numeric user",
        ) from error
