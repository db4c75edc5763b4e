"""From a user's words to a run on this machine's engine, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core import labels
from kernel_containers.core.containers import Resources
from kernel_containers.core.contract import CONTRACT_FOLDER
from kernel_containers.core.oci_json import read_object
from kernel_containers.core.reference import ImageReference
from kernel_containers.core.runs import RunRequest
from kernel_containers.core.uris import Uri
from kernel_containers.dispatch.docker import AWS_CREDENTIALS, DockerBackend
from kernel_containers.engine import images
from kernel_containers.errors import InvalidInput, NotFound, UsageError
from kernel_containers.workflow.watch import Follower, OnLine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.progress import Report
    from kernel_containers.dispatch.docker import DockerRun
    from kernel_containers.engine import Engine
    from kernel_containers.engine.images import EngineImage

# Told to the container besides the credentials themselves, which go into a file.
AWS_VARIABLES = (
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
)
GRACE = 30.0  # seconds for the runner to write its outputs after it was told to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """A run as given on the command line; pairs are (name, text). `secrets` is name → value."""

    image: str
    parameters: tuple[tuple[str, str], ...] = ()
    raw_parameters: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    yaml: tuple[str, ...] = ()
    base64: tuple[str, ...] = ()
    output: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = field(default_factory=Resources)
    network: str = "bridge"
    further: tuple[str, ...] = ()  # arguments of the image's entrypoint, unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended. `code` is the image's exit code; `end` its last word, if it had one.

    `kept` is `container:folder` where a copy is of outputs that their place refused.
    """

    run_id: str
    code: int
    out_of_memory: bool
    end: Mapping[str, Any]
    kept: str | None = None


def find_image(engine: Engine, text: str, report: Report) -> EngineImage:
    """Return an image by name, digest or id, pulled where the engine lacks it.

    Raises:
        NotFound, Refused, Unavailable: what the engine or the registry said.
    """
    found = images.inspect(engine, text)
    if found:
        return found
    reference = ImageReference.parse(text)
    if not reference.repository.host:
        raise NotFound(
            f"The engine has no image {text!r}.",
            todo="list them with `docker images`; give a registry's host to pull one",
        )
    return images.pull(engine, reference, report)


def schema_of(image: EngineImage, name: str) -> dict[str, Any]:
    """Return the JSON Schema of an image's parameters.

    Raises:
        InvalidInput: the image was not made by this program.
    """
    text = image.config.labels.get(labels.PARAMETERS)
    if labels.CONTRACT not in image.config.labels or text is None:
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
    schema = schema_of(image, options.image)
    output = str(Uri.parse(_absolute(options.output))) if options.output else None
    arguments, files, secrets = _arguments(options, schema)
    environment: dict[str, str] = {}
    if any(text.startswith(("s3://", "@s3://")) for text in (output or "", *arguments)):
        environment = {name: environ[name] for name in AWS_VARIABLES if environ.get(name)}
        if credentials := _aws_credentials():
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


def _absolute(output: str) -> str:
    return output if "://" in output else str(Path(output).expanduser().absolute())


def _arguments(
    options: RunOptions, schema: Mapping[str, Any]
) -> tuple[list[str], dict[str, bytes], dict[str, str]]:
    properties = schema.get("properties", {})
    unknown = sorted(set(options.secrets) - set(properties))
    if unknown:
        raise InvalidInput(
            f"The image has no parameter {', '.join(unknown)}.",
            todo=f"its parameters are: {', '.join(properties) or 'none'}",
        )
    pairs = [("-p", *pair) for pair in options.parameters]
    pairs += [("-r", *pair) for pair in options.raw_parameters]
    # An argument would show in `docker inspect`.
    hidden = {name: text for _, name, text in pairs if properties.get(name, {}).get("writeOnly")}
    arguments: list[str] = []
    files: dict[str, bytes] = {}
    for flag, name, text in pairs:
        if name not in hidden:
            large = flag == "-p" and text.startswith("@") and not text.startswith("@s3://")
            arguments += [flag, name, f"@{_place(files, text[1:])}" if large else text]
    for text in options.files:
        arguments += ["-f", text if text.startswith("s3://") else _place(files, text)]
    arguments += [item for text in options.yaml for item in ("-y", text)]
    arguments += [item for text in options.base64 for item in ("-b", text)]
    return arguments, files, {**hidden, **options.secrets}


def _place(files: dict[str, bytes], text: str) -> str:
    path = Path(text).expanduser()
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"The file {path} does not exist.") from error
    except OSError as error:
        raise InvalidInput(f"The file {path} can't be read.", why=error.strerror) from error
    target = f"{CONTRACT_FOLDER}/files/{len(files)}{path.suffix}"
    files[target] = content
    return target


def _aws_credentials() -> bytes | None:
    import boto3  # noqa: PLC0415 - 0.3 s, and only for s3

    found = boto3.Session().get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    lines = [
        "[default]",
        f"aws_access_key_id = {frozen.access_key}",
        f"aws_secret_access_key = {frozen.secret_key}",
    ]
    if frozen.token:
        lines.append(f"aws_session_token = {frozen.token}")
    return "\n".join([*lines, ""]).encode()


def start(engine: Engine, request: RunRequest) -> DockerRun:
    """Start a run and return at once.

    Raises:
        KernelContainersError: as from `DockerBackend.submit`.
    """
    return DockerBackend(engine).submit(request)


def execute(engine: Engine, request: RunRequest, on_line: OnLine) -> Outcome:
    """Run an image to its end and remove its container; each line of its output is handed on.

    The container stays where it has the only copy of the outputs.
    An interrupt stops the run, waits until its outputs are written, and is raised again.

    Raises:
        KernelContainersError: as from `DockerBackend.submit`.
    """
    backend = DockerBackend(engine)
    run = backend.create(request)
    kept: str | None = None
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
        if follower.end.get("cause") == "outputs":
            kept = backend.kept_outputs(run)
    finally:
        if kept is None:
            backend.remove(run)
    return Outcome(
        run_id=run.run_id,
        code=state.code,
        out_of_memory=state.out_of_memory,
        end=follower.end,
        kept=kept,
    )


def parse_environment(items: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables from `NAME=value` or `NAME`, the latter taken from this process.

    Raises:
        UsageError: a name alone that this process does not have.
    """
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            if name not in environ:
                raise UsageError(f"The variable {name} is not set here, so it can't be passed on.")
            value = environ[name]
        found[name] = value
    return found
