"""A run as a job: started or found again, followed line by line, stopped on demand."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kernel_containers.core import labels
from kernel_containers.core.uris import Uri
from kernel_containers.dispatch.docker import DockerBackend, DockerRun
from kernel_containers.engine import connect, containers
from kernel_containers.engine.attach import kept_frames
from kernel_containers.errors import Interrupted
from kernel_containers.workflow.images.describe import describe
from kernel_containers.workflow.jobs.commands import docker_command, run_command
from kernel_containers.workflow.runs.outcome import failure, words
from kernel_containers.workflow.runs.run_values import check_values
from kernel_containers.workflow.runs.submit import (
    GRACE,
    conclude,
    image_to_run,
    make_request,
    schema_of,
)
from kernel_containers.workflow.runs.watch import Follower, parse_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.runs import RunRequest
    from kernel_containers.engine import Engine
    from kernel_containers.workflow.jobs.job import Job
    from kernel_containers.workflow.runs.run_arguments import RunOptions
    from kernel_containers.workflow.runs.submit import Outcome
    from kernel_containers.workflow.settings import Settings

LOOK = 0.25  # seconds between two looks whether the run is to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """A run to start. `options` has the secrets; `values` are parameters in JSON terms."""

    options: RunOptions
    values: Mapping[str, Any]
    run_id: str
    environ: Mapping[str, str]

    @property
    def output(self) -> str:
        """Where results go."""
        return str(self.options.output)

    @property
    def command(self) -> str:
        """The same by the command line."""
        options = self.options
        values, resources = self.values, options.resources
        return run_command(options.image, values, options.secrets, self.output, resources)

    @property
    def docker_command(self) -> str:
        """The same by Docker's."""
        return docker_command(self.options.image, self.values, self.options.secrets, self.output)

    def __call__(self, job: Job) -> dict[str, Any]:
        """Run to the end; an image that the engine lacks is pulled first."""
        with closing(connect(self.environ)) as engine:
            request = self._request(engine, job)
            backend = DockerBackend(engine)
            job.check()
            run = backend.create(request)
            try:
                follower = Follower(backend.follow(run), _Lines(job))
                backend.start(run)
            except BaseException:
                backend.remove(run)
                raise
            return _Watch(job, backend, run, follower, self.output, self.docker_command).to_end()

    def _request(self, engine: Engine, job: Job) -> RunRequest:
        image = image_to_run(engine, self.options.image, job.report)
        schema = schema_of(image.config, self.options.image)
        values, secrets = check_values(schema, self.values, self.options.secrets)
        options = replace(self.options, secrets=secrets)
        request = make_request(image, options, self.environ)
        return replace(request, parameters=values, run_id=self.run_id)


def prepare(job: RunJob, settings: Settings) -> RunJob:
    """Return the job with its values checked, and its secrets among the secrets.

    Raises:
        NotFound: neither the engine nor a registry has the image.
        InvalidInput: the values do not fit, or the image is not one of ours.
    """
    schema = describe(job.options.image, settings)
    values, secrets = check_values(schema, job.values, job.options.secrets)
    return replace(job, values=values, options=replace(job.options, secrets=secrets))


def find_again(
    run_id: str, output: str, docker_command: str, environ: Mapping[str, str]
) -> FoundRun | None:
    """Return the work that takes up a run of an earlier server; None where it is gone.

    A container that was never started is removed: nobody will start it, and it holds secrets.

    Raises:
        Unavailable, Refused: the engine does not tell.
    """
    with closing(connect(environ)) as engine:
        found = containers.find(engine, {labels.KIND: "run", labels.RUN_ID: run_id})
        if not found:
            return None
        if found[0].state == "created":
            containers.remove(engine, found[0].id)
            return None
        run = DockerRun(run_id=run_id, container=found[0].id, image=found[0].image)
    return FoundRun(run=run, output=output, docker_command=docker_command, environ=environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRun:
    """A run that goes on, or has ended, in a container that is still there."""

    run: DockerRun
    output: str
    docker_command: str
    environ: Mapping[str, str]

    def __call__(self, job: Job) -> dict[str, Any]:
        """Follow it to the end, from its first line."""
        with closing(connect(self.environ)) as engine:
            follower = Follower(kept_frames(engine, self.run.container), _Lines(job))
            backend = DockerBackend(engine)
            watch = _Watch(job, backend, self.run, follower, self.output, self.docker_command)
            return watch.to_end()


@dataclass(frozen=True, slots=True)
class _Watch:
    job: Job
    backend: DockerBackend
    run: DockerRun
    follower: Follower
    output: str
    docker_command: str

    def to_end(self) -> dict[str, Any]:
        """Return the result of a success; anything else is raised, with the result in the job.

        Raises:
            LeftAlone: the server ends; the run goes on.
            Interrupted: the run was cancelled, and has written its outputs.
        """
        self.follower.start()
        stopped = self._wait()
        self.follower.wait()
        state = self.backend.wait(self.run)
        end = self.follower.end
        outcome = conclude(self.backend, self.run, state, end)
        self.job.result = self._result(outcome)
        if stopped and state.code != 0:
            self.job.cleaned = "The run was stopped. " + (
                "Its outputs were written." if end.get("outputs") else "It wrote no outputs."
            )
            raise Interrupted("The run was stopped.", why=self.job.cleaned)
        if state.code != 0:
            raise failure(outcome)
        return self.job.result

    def _wait(self) -> bool:
        while not self.follower.ended:
            if self.job.wait(LOOK):
                try:
                    self.job.check()  # raises LeftAlone where the run is to go on
                except Interrupted:
                    self.backend.cancel(self.run, GRACE)
                    return True
        return False

    def _result(self, outcome: Outcome) -> dict[str, Any]:
        end = outcome.end
        outputs = {str(name): str(uri) for name, uri in (end.get("outputs") or {}).items()}
        status = end.get("status") or ("succeeded" if outcome.code == 0 else "failed")
        return {
            "run_id": outcome.run_id,
            "exit_code": outcome.code,
            "status": status,
            "cause": end.get("cause"),
            "message": words(outcome)[0] or "",
            "prefix": self.output,
            "notebook": _notebook_folder(outputs),
            "outputs": outputs,
            "kept": outcome.kept,
            "docker_run": self.docker_command,
        }


def _notebook_folder(outputs: Mapping[str, str]) -> str | None:
    """The folder between the prefix and the run's own, as the outputs tell."""
    for uri in outputs.values():
        parts = Uri.parse(uri).path.split("/")
        if len(parts) >= 3:
            return parts[-3]
    return None


@dataclass(slots=True)
class _Lines:
    """Takes a run's lines: where it is, and what its cells print."""

    job: Job

    def __call__(self, stream: str, line: str) -> None:
        event = parse_event(line) if stream == "stdout" else None
        if event is None:
            self.job.log("stderr" if stream == "stderr" else "stdout", line)
        elif event["event"] in ("cell-start", "cell-end"):
            self._cell(event)
        elif event["event"] == "warning":
            self.job.note(str(event.get("message", "")))
        elif event["event"] in ("output", "kernel-output"):
            name = "stderr" if event.get("name") == "stderr" else "stdout"
            self.job.log(name, str(event.get("text", "")))

    def _cell(self, event: Mapping[str, Any]) -> None:
        running = event["event"] == "cell-start"
        self.job.at_cell(
            {
                "number": int(event.get("number", 0)),
                "count": int(event.get("count", 0)),
                "index": event.get("index"),
                "status": "running" if running else str(event.get("status", "failed")),
                "error": event.get("error"),
            }
        )
