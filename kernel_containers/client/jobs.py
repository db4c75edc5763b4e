"""A job that a notebook has asked the front end for, followed by its messages.

The messages come on a comm while no cell runs, so nothing here waits. Each one has some of:
`job` as the server shows it, `report` of a run that has ended, `error` with what, why and todo.
"""

from __future__ import annotations

import html
import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = "kernel-containers"
VERSION = 1
FINAL = ("succeeded", "failed", "cancelled", "lost")


class Job:
    """What became of `%containerize` or `%run_image`; it changes while the job goes on.

    `state` is `asked` until the server has answered. `image` is what was made or is run, `report`
    what `report.json` of an ended run says, `scraps` its named results.
    """

    def __init__(self, title: str, command: str) -> None:
        self.title = title
        self.command = command
        self.state = "asked"
        self.image: str | None = None
        self.error: dict[str, Any] | None = None
        self.report: dict[str, Any] | None = None
        self.job: dict[str, Any] = {}
        self._comm: Any = None
        self._changed: list[Callable[[], None]] = []
        self._shown_in = 0

    def on_change(self, call: Callable[[], None]) -> None:
        """Call a function after each message."""
        self._changed.append(call)

    def show(self) -> None:
        """Show it in the cell's output, and how it goes on."""
        self._shown_in = sys.modules["IPython"].get_ipython().execution_count
        display = sys.modules["IPython.display"].display
        try:
            widgets = importlib.import_module("ipywidgets")
        except ImportError:
            view = View(self)
            handle = display(view, display_id=True)
            self.on_change(lambda: handle.update(view))
            return
        bar, text = widgets.FloatProgress(min=0.0, max=1.0), widgets.HTML()

        def update() -> None:
            bar.value, text.value = self.fraction, as_html(self)
            if self.state in FINAL:
                bar.bar_style = "success" if self.state == "succeeded" else "danger"

        update()
        display(widgets.VBox([bar, text]))
        self.on_change(update)

    @property
    def scraps(self) -> dict[str, Any]:
        """The named values of an ended run; what has a file is not among them."""
        return dict((self.report or {}).get("scraps") or {})

    @property
    def frame(self) -> Any:
        """One row of a pandas DataFrame, with columns as `read_runs()` has them."""
        pandas = importlib.import_module("pandas")
        report = self.report or {}
        row = {name: report.get(name) for name in ("run_id", "status", "seconds", "image")}
        for name in ("parameters", "scraps"):
            row.update({f"{name}.{key}": item for key, item in (report.get(name) or {}).items()})
        return pandas.DataFrame([row])

    def cancel(self) -> None:
        """Ask the server to stop; the job says when it has."""
        if self._comm is not None and self.state not in FINAL:
            self._comm.send({"cancel": True})

    def follow(self, comm: Any) -> None:
        """Take what comes on a comm."""
        self._comm = comm
        comm.on_msg(lambda message: self.take(message["content"]["data"]))
        comm.on_close(lambda _: self.end())

    def take(self, data: dict[str, Any]) -> None:
        """Take one message."""
        self.report = data.get("report") or self.report
        job = data.get("job")
        if isinstance(job, dict):
            self.job = job
            self.state = str(job.get("state", self.state))
            self.error = job.get("error") or self.error
            result = job.get("result") or {}
            self.image = result.get("reference") or job.get("image") or self.image
        if data.get("error"):
            self.state, self.error = "failed", data["error"]
        self._tell()

    def end(self) -> None:
        """Take it that nothing more comes."""
        self._comm = None
        if self.state == "asked":
            what = "This front end does not know what was asked for."
            todo = f"install kernel_containers beside JupyterLab, or run: {self.command}"
            self.state, self.error = "failed", {"what": what, "todo": todo}
        elif self.state not in FINAL:
            self.state, self.error = "lost", {"what": "The front end does not follow it any more."}
        self._tell()

    def _tell(self) -> None:
        for call in list(self._changed):
            call()

    @property
    def fraction(self) -> float:
        """How much is done, from 0 to 1."""
        return 1.0 if self.state == "succeeded" else float(self.job.get("fraction") or 0)

    def __repr__(self) -> str:
        """Return how it stands, in one line or a few."""
        lines = [f"{self.title}: {self.state}{self._where()}"]
        if self.state == "asked":
            lines.append(f"The same by the command line: {self.command}")
        error = self.error or {}
        lines += [str(error[name]) for name in ("what", "why", "todo") if error.get(name)]
        if self.state == "succeeded" and self.image and self.report is None:
            lines.append(f"Image: {self.image}")
        lines += [f"  {name} = {value!r}" for name, value in self.scraps.items()]
        html_place = ((self.report or {}).get("outputs") or {}).get("html")
        return "\n".join(lines + ([f"Page: {html_place}"] if html_place else []))

    def _ipython_display_(self) -> None:
        # A magic has shown it already, where it is the last line of a cell.
        if self._shown_in != sys.modules["IPython"].get_ipython().execution_count:
            self.show()

    def _where(self) -> str:
        if self.state in FINAL or self.state == "asked":
            return ""
        cell = self.job.get("cell") or {}
        if cell:
            return f", cell {cell.get('number')} of {cell.get('count')}"
        stages = [stage for stage in self.job.get("stages") or () if not stage.get("ended")]
        stage = stages[-1] if stages else {}
        words = " ".join(filter(None, (stage.get("name"), stage.get("message"))))
        return f", {words} {self.fraction:.0%}" if words else f" {self.fraction:.0%}"


def ask(job: Job, data: dict[str, Any]) -> bool:
    """Ask the front end for a job; False where there is no way to it."""
    shell = sys.modules["IPython"].get_ipython()
    if getattr(shell, "kernel", None) is None:
        return False
    try:
        create = importlib.import_module("comm").create_comm
    except ImportError:
        create = importlib.import_module("ipykernel.comm").Comm
    job.follow(create(target_name=TARGET, data={"version": VERSION, **data}))
    return True


def as_html(job: Job) -> str:
    """Return how a job stands, as a part of a page."""
    return f"<pre>{html.escape(repr(job))}</pre>"


class View:
    """A job as it stands each time that it is shown."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __repr__(self) -> str:
        """Return how it stands."""
        return repr(self._job)
