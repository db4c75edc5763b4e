"""The Jupyter server extension."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Int, List, Unicode

from kernel_containers.core import scratch
from kernel_containers.core.daemon_threads import DaemonThreads
from kernel_containers.kernels import events as kernel_events
from kernel_containers.kernels import handover, reaper
from kernel_containers.server.contract import Contract
from kernel_containers.server.events import JobEvents
from kernel_containers.server.handlers import Handler
from kernel_containers.server.operations.jobs import resume
from kernel_containers.server.places import Places
from kernel_containers.server.routes import API, OPERATIONS, PEERS, STREAM, pattern, peer
from kernel_containers.server.running import RunningKernels
from kernel_containers.server.services import Services
from kernel_containers.server.stream import Listeners, StreamHandler
from kernel_containers.workflow.jobs.job_store import JobStore
from kernel_containers.workflow.jobs.jobs import Jobs
from kernel_containers.workflow.settings import read_settings

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

    from kernel_containers.workflow.jobs.job import Event, Job

THREADS = 16  # requests that wait at the same time for the same: an engine, registries or stores


class KernelContainersApp(ExtensionApp):
    """What the front end talks to, below `/kernel-containers/api/`."""

    name = "kernel_containers"
    description = "Notebooks as container images."
    extension_url = API
    load_other_extensions = True

    at_once = Int(4, min=1, config=True, help="How many jobs run at once.")
    longest_queue = Int(100, min=0, config=True, help="How many more jobs may wait.")
    results = Unicode(
        "runs", config=True, help="Where runs write: s3://…, or a folder below the root folder."
    )
    gallery = Unicode(
        "", config=True, help="Where notebooks are published: s3://…, or a folder as above."
    )
    folders = List(
        Unicode(), config=True, help="Folders besides the root folder that requests may name."
    )
    longest_answer = Float(
        100.0,
        min=0.1,
        config=True,
        help="Seconds that a request waits for an engine, a registry or a store.",
    )
    records = Unicode(
        "", config=True, help="Where jobs are recorded. [kernel-containers/jobs in Jupyter's data]"
    )

    def initialize_settings(self) -> None:
        """Read the configuration once; what follows gets frozen values."""
        server = self.serverapp
        assert server is not None  # noqa: S101 - an extension has one by now
        assert server.event_logger is not None  # noqa: S101 - and that has this
        loop = asyncio.get_event_loop()
        self._executors = {
            name: DaemonThreads(THREADS, f"kernel-containers-{name}") for name in PEERS
        }
        self._listeners = Listeners(loop)
        self._events = JobEvents(server.event_logger, loop)
        kernel_events.register(server.event_logger)
        root = Path(self.settings["server_root_dir"]).expanduser().absolute()
        folder = self.records or Path(jupyter_data_dir(), "kernel-containers", "jobs")
        jobs = Jobs(
            JobStore(Path(folder)),
            at_once=self.at_once,
            longest_queue=self.longest_queue,
            listener=self._hear,
        )
        self.services = Services(
            settings=read_settings(),
            places=Places(
                root,
                (*(Path(name).expanduser() for name in self.folders), *self._configured(root)),
                hidden=bool(getattr(server.contents_manager, "allow_hidden", False)),
            ),
            jobs=jobs,
            kernels=RunningKernels(server.kernel_manager),
            results=self.results,
            gallery=self.gallery or None,
        )
        self._starting = threading.Thread(target=self._look_back, name="look-back", daemon=True)
        self._starting.start()

    def initialize_handlers(self) -> None:
        """Add the routes of the contract; the server adds its base URL."""
        contract = Contract()
        common = {"services": self.services, "contract": contract}
        limits = {"longest": self.longest_answer}
        for path, operations in OPERATIONS.items():
            executors = {verb: self._executors[peer(path, verb)] for verb in operations}
            own = {"path": path, "operations": operations, "executors": executors}
            self.handlers.append((pattern(path), Handler, {**common, **limits, **own}))
        stream = {"path": STREAM, "listeners": self._listeners}
        self.handlers.append((pattern(STREAM), StreamHandler, {**common, **stream}))

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Take over the kernels that an earlier server has left, once requests are answered."""
        await handover.take_over(
            serverapp.kernel_manager, serverapp.session_manager, str(self.services.places.root)
        )

    def _configured(self, root: Path) -> list[Path]:
        """Return the folders that the configuration names for results, hidden or not."""
        places = [text for text in (self.results, self.gallery) if text and "://" not in text]
        return [folder for folder in (root / text for text in places) if folder != root]

    async def stop_extension(self) -> None:
        """Leave kernels that outlive their server; cancel what runs, and wait for its end."""
        assert self.serverapp is not None  # noqa: S101 - it is what ends
        handover.leave(self.serverapp.kernel_manager)
        await asyncio.to_thread(self.services.jobs.close)
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)

    def _hear(self, job: Job, event: Event) -> None:
        self._listeners(job, event)
        self._events(job, event)

    def _look_back(self) -> None:
        """Take over what earlier servers left; a slow engine keeps nobody waiting."""
        self.services.jobs.restore(resume(self.services))
        reaper.sweep()
        scratch.remove_abandoned()
