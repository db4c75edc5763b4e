"""What goes into a gallery: a run's notebook and page, or a notebook as it stands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernel_containers.core.snapshot import FileEntry, FileKind
from kernel_containers.core.uris import NOTEBOOK, PAGE
from kernel_containers.errors import InvalidInput, NotFound, Refused
from kernel_containers.notebook import document
from kernel_containers.snapshot.secrets import find_secrets
from kernel_containers.workflow.runs.results import (
    Picture,
    Results,
    showcase,
    showcase_of,
)
from kernel_containers.workflow.runs.stores import Pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.runner.places import Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A notebook with its outputs, its page, and what a card says of it.

    `name` is the file's. `image` runs it for others.
    """

    notebook: Content
    page: Content
    name: str
    title: str
    picture: Picture | None
    description: str = ""
    image: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def worded(self, title: str | None, description: str | None) -> Publication:
        """Return it with the publisher's own words, where there are any."""
        return replace(
            self,
            title=title or self.title,
            description=self.description if description is None else description,
        )


def of_run(results: Results, notebook: str, run_id: str) -> Publication:
    """Return what a run wrote.

    Raises:
        NotFound: there is no such run, or it wrote no page.
    """
    summary, report, files = results.run(notebook, run_id)
    places = {uri.name: uri for uri in files}
    for name in (NOTEBOOK, PAGE):
        if name not in places:
            raise NotFound(f"The run {summary['run_id']} wrote no {name}.")
    return Publication(
        notebook=Pieces(places[NOTEBOOK]),
        page=Pieces(places[PAGE]),
        picture=_picture(lambda: showcase_of(places[NOTEBOOK])),
        name=Path(str(report.get("notebook") or f"{notebook}.ipynb")).name,
        title=notebook,
        image=summary["image"],
        parameters=summary["parameters"],
    )


def of_notebook(path: Path, image: str | None, *, allow_secrets: bool) -> Publication:
    """Return a notebook with the outputs it has; what it lacks stays out.

    Raises:
        NotFound, InvalidInput: it is no notebook.
        Refused: it shows likely secrets, in its outputs too.
    """
    notebook = document.read(path)
    content = path.read_bytes()
    if not allow_secrets:
        _check_secrets(path)
    return Publication(
        notebook=(content,),
        page=(_page(notebook, content).encode("utf-8", "replace"),),
        picture=_picture(lambda: showcase(content)),
        name=path.name,
        title=notebook.title,
        description=notebook.description,
        image=image,
    )


def _picture(find: Callable[[], Picture]) -> Picture | None:
    try:
        return find()
    except NotFound:
        return None


def _check_secrets(path: Path) -> None:
    entry = FileEntry(path.name, FileKind.FILE, 0o644, source=str(path))
    found = find_secrets((), (entry,))
    if found:
        raise Refused(
            "Likely secrets would be published.",
            why="; ".join(map(str, found)),
            todo="take them out, or say that they are none",
        )


def _page(notebook: document.Notebook, content: bytes) -> str:
    from kernel_containers.runner import nodes, render  # noqa: PLC0415 - 0.5 s, only to publish

    facts = render.Facts(title=notebook.title, status="notebook", facts=[], parameters=[])
    try:
        shown = nodes.nodes_of_file(content)
        return render.render(shown, facts, notebook.path.parent, hide_input=False)
    except Exception as error:  # the exporter raises anything for what is only nearly a notebook
        why = f"{type(error).__name__}: {error}"
        raise InvalidInput(f"{notebook.path.name} can't be shown as a page.", why=why) from error
