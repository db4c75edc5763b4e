"""From a user's words to a run on this machine's engine, and how it ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core import labels
from kernel_containers.core.oci_json import read_object
from kernel_containers.core.progress import Progress
from kernel_containers.core.reference import ImageReference
from kernel_containers.core.runs import RunRequest
from kernel_containers.core.uris import Uri
from kernel_containers.dispatch.docker import AWS_CREDENTIALS, DockerBackend
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, NotFound, Refused, Unavailable, UsageError
from kernel_containers.workflow.runs.rescue import rescue
from kernel_containers.workflow.runs.run_arguments import RunOptions, place_arguments
from kernel_containers.workflow.runs.watch import Follower, OnLine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.oci import ImageConfig
    from kernel_containers.core.progress import Report
    from kernel_containers.dispatch.docker import DockerRun
    from kernel_containers.engine import Engine
    from kernel_containers.engine.containers import ExitState
    from kernel_containers.engine.images import EngineImage

logger = logging.getLogger(__name__)

# Told to the container besides the credentials themselves, which go into a file.
AWS_VARIABLES = (
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
)
GRACE = 30.0  # seconds for the runner to write its outputs after it was told to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. `code` is the image's exit code; `end` its last word, if it had one.

    `kept` says where a copy is of outputs that their place refused: a folder of this machine,
    or `container:folder`.
    """

    run_id: str
    code: int
    out_of_memory: bool
    end: Mapping[str, Any]
    kept: str | None = None


def place_of(text: str) -> Uri:
    """Return a place for outputs; a path without a scheme is one of this machine.

    Raises:
        InvalidInput: another scheme, or a home folder that nobody has.
    """
    if text.startswith(("s3:", "file:")) or "://" in text:
        return Uri.parse(text)
    try:
        return Uri.parse(str(Path(text).expanduser().absolute()))
    except RuntimeError as error:
        raise InvalidInput(f"{text!r} is not a place for outputs.", why=str(error)) from error


def find_image(engine: Engine, text: str, report: Report) -> EngineImage:
    """Return an image by name, digest or id, pulled where the engine lacks it.

    Raises:
        UsageError: it lies in a folder.
        NotFound, Refused, Unavailable: what the engine or the registry said.
    """
    if text.startswith("oci:"):
        raise UsageError(
            "An image in a folder can't be run.",
            why="the engine does not read folders",
            todo="containerize with --to docker:NAME:TAG, or bring it there: "
            f"skopeo copy {text} docker-daemon:NAME:TAG",
        )
    text = text.removeprefix("docker:")  # as `containerize --to` has it
    reference = ImageReference.parse(text)  # before the engine, whose words on names are poor
    found = images.inspect(engine, text)
    if found:
        return found
    if not reference.repository.host:
        raise no_image(text)
    return images.pull(engine, reference, report)


def image_to_run(engine: Engine, text: str, report: Report) -> EngineImage:
    """Return an image as `find_image` does, but of a registry's tag what it names now.

    Where the registry does not say, the engine's copy counts, and `report` is told.

    Raises:
        KernelContainersError: as from `find_image`.
    """
    found = find_image(engine, text, report)
    if not may_have_moved(found, text):
        return found
    try:
        return images.pull(engine, ImageReference.parse(text), report)
    except (NotFound, Refused, Unavailable) as error:
        words = f"{error.what} Its copy of {text} is taken."
        report(Progress(stage="pull", message=words))
        logger.warning(words)  # bars on a terminal are gone when the run begins
        return found


def may_have_moved(image: EngineImage, text: str) -> bool:
    """Whether `text` is a tag of the registry that the engine once pulled this image from."""
    reference = None if text.startswith("docker:") else ImageReference.parse(text)
    if reference is None or reference.digest or not reference.repository.host:
        return False
    name = str(ImageReference(reference.repository))
    return any(digest.startswith(f"{name}@") for digest in image.repository_digests)


def no_image(name: str) -> NotFound:
    """Return the error for a name without a registry that the engine does not know."""
    library = "" if "/" in name else "library/"
    return NotFound(
        f"The engine has no image {name!r}.",
        why="a name without a registry's host is not pulled",
        todo=f"list them with `docker images`; on Docker Hub it would be docker.io/{library}{name}",
    )


def schema_of(config: ImageConfig, name: str) -> dict[str, Any]:
    """Return the JSON Schema of an image's parameters.

    Raises:
        InvalidInput: the image was not made by this program.
    """
    text = config.labels.get(labels.PARAMETERS)
    if labels.CONTRACT not in config.labels or text is None:
        raise InvalidInput(
            f"{name} was not made by kernel-containers.",
            why=f"it has no label {labels.CONTRACT}",
            todo="make one with `kernel-containers containerize NOTEBOOK`",
        )
    return read_object(text, f"the label {labels.PARAMETERS} of {name}")


def make_request(image: EngineImage, options: RunOptions, environ: Mapping[str, str]) -> RunRequest:
    """Return the request of a run; files of this machine are read here.

    Raises:
        InvalidInput: the image is not one of ours, or the output is not a place.
        NotFound: a file of parameters does not exist.
    """
    schema = schema_of(image.config, options.image)
    output = str(place_of(options.output)) if options.output else None
    arguments, files, secrets = place_arguments(options, schema)
    environment: dict[str, str] = {}
    if any(text.startswith(("s3://", "@s3://")) for text in (output or "", *arguments)):
        environment, credentials = _aws(environ)
        if credentials:
            environment["AWS_SHARED_CREDENTIALS_FILE"] = AWS_CREDENTIALS
            files[AWS_CREDENTIALS] = credentials
    return RunRequest(
        image=str(image.id),
        arguments=(*arguments, *options.further),
        output=output,
        secrets=secrets,
        environment=environment,
        files=files,
        resources=options.resources,
        network=options.network,
    )


def _aws(environ: Mapping[str, str]) -> tuple[dict[str, str], bytes | None]:
    """Return the variables, and the content of a credentials file, that AWS needs in there."""
    import boto3  # noqa: PLC0415 - 0.3 s, and only for s3
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    variables = {name: environ[name] for name in AWS_VARIABLES if environ.get(name)}
    try:
        session = boto3.Session()
        found = session.get_credentials()
        frozen = found.get_frozen_credentials() if found else None
    except BotoCoreError as error:
        raise Refused(
            "The AWS credentials can't be read.",
            why=str(error),
            todo="check AWS_PROFILE, or sign in again: `aws configure`, `aws sso login`",
        ) from error
    if session.region_name:  # may come from a profile
        variables.setdefault("AWS_DEFAULT_REGION", session.region_name)
    if frozen is None:
        return variables, None
    lines = [
        "[default]",
        f"aws_access_key_id = {frozen.access_key}",
        f"aws_secret_access_key = {frozen.secret_key}",
    ]
    if frozen.token:
        lines.append(f"aws_session_token = {frozen.token}")
    return variables, "\n".join([*lines, ""]).encode()


def start(engine: Engine, request: RunRequest) -> DockerRun:
    """Start a run and return at once.

    Raises:
        KernelContainersError: as from `DockerBackend.submit`.
    """
    return DockerBackend(engine).submit(request)


def execute(engine: Engine, request: RunRequest, on_line: OnLine) -> Outcome:
    """Run an image to its end and remove its container; each line of its output is handed on.

    Where the container has the only copy of the outputs, that is saved first, see `rescue`.
    An interrupt stops the run, waits until its outputs are written, and is raised again.

    Raises:
        KernelContainersError: as from `DockerBackend.submit`.
    """
    backend = DockerBackend(engine)
    run = backend.create(request)
    try:
        follower = Follower(backend.follow(run), on_line)
        backend.start(run)
        follower.start()
        try:
            follower.wait()
        except KeyboardInterrupt:
            backend.cancel(run, GRACE)
            follower.wait()
            raise
        state = backend.wait(run)
    except BaseException:
        backend.remove(run)
        raise
    return conclude(backend, run, state, follower.end)


def conclude(
    backend: DockerBackend, run: DockerRun, state: ExitState, end: Mapping[str, Any]
) -> Outcome:
    """Remove the container of a run that has ended, outputs that only it has saved first."""
    kept = None
    if end.get("cause") == "outputs":
        kept = rescue(backend, run)
    else:
        backend.remove(run)
    return Outcome(
        run_id=run.run_id,
        code=state.code,
        out_of_memory=state.out_of_memory,
        end=end,
        kept=kept,
    )
