"""The HTML page of a run: self-contained, with the run's facts on top."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import nbconvert
from jinja2 import pass_context
from nbconvert.exporters.html import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from kernel_containers.core.cells import outputs_of, tags_of
from kernel_containers.errors import UsageError
from kernel_containers.runner.formulas import Renderer, latex_to_html
from kernel_containers.runner.nodes import to_nodes
from kernel_containers.runner.widgets import show_widgets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PAGE = Path(__file__).with_name("page.html.j2")
# Interactive widgets and scripts that need a loader show their text instead.
_PRIORITY = [
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/vnd.mermaid",
    "image/png",
    "image/jpeg",
    "text/latex",
    "application/javascript",
    "text/plain",
]
# No tag is searched beyond the next one's begin: linear in time where none ends.
_LOADS = re.compile(
    r"""<(?:script|img|iframe|embed|audio|video|source|track|object|input|link)\b[^<>]*?\s
        (?:src|href|data|poster)\s*=\s*["']?(?P<url>(?:https?:)?//[^"'\s>]+)
      | \burl\(\s*["']?(?P<css>(?:https?:)?//[^"')\s]+)
      | @import\s+["'](?P<sheet>(?:https?:)?//[^"']+)
      | \b(?:import|from)\s*(?:\(\s*)?["'](?P<module>https?://[^"']+)
      | ["'](?P<script>https://(?:cdn\.jsdelivr\.net|unpkg\.com|cdnjs\.cloudflare\.com
                               |cdn\.bokeh\.org|esm\.sh)/[^"']+)""",
    re.IGNORECASE | re.VERBOSE,
)
_FRAMED = re.compile(r"""<iframe\b[^<>]*\ssrcdoc\s*=\s*("[^"]*"|'[^']*')""", re.IGNORECASE)
_TEXT = re.compile(r"<pre\b")
_INDEX = "index.html.j2"
_MOST_REFERENCES = 100
_MOST_OUTPUTS = 2000  # of a cell; a browser takes no 100,000
_LONGEST_SOURCE = 100_000  # characters of one cell


class Facts(NamedTuple):
    """What stands above the notebook; texts, secrets masked."""

    title: str
    status: str
    facts: list[tuple[str, str]]
    parameters: list[tuple[str, str]]
    message: str = ""
    warnings: tuple[str, ...] = ()
    failing: dict[str, Any] | None = None  # anchor and number of a cell
    unrun: tuple[tuple[str, str], ...] = ()  # anchors and statuses of cells that did not run


class _Exporter(HTMLExporter):
    def get_prefix_root_dirs(self) -> list[str]:
        # Not the user's folders: they may hold templates of another release.
        return [str(_share_folder())]

    def _validate_preprocessor(self, nbc: Any, preprocessor: Any) -> None:
        """Accept every notebook: what the schema refuses, such as tags as one text, has run."""

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        cell = context.get("cell", {})
        path = context.get("resources", {}).get("metadata", {}).get("path", "")
        make_renderer: Any = Renderer
        renderer = make_renderer(
            escape=False,
            attachments=cell.get("attachments", {}),
            embed_images=True,
            path=path,
            anchor_link_text=self.anchor_link_text,
        )
        return str(MarkdownWithMath(renderer=renderer).render(source))

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **kw: Any
    ) -> Any:
        # HTMLExporter parses the whole page again to add alternative texts, which takes a
        # minute for 10 MB of output.
        untyped: Any = self
        highlight: Any = Highlight2HTML
        lexer = nb.metadata.get("language_info", {}).get("name") or "text"
        untyped.register_filter("highlight_code", highlight(pygments_lexer=lexer, parent=self))
        untyped.register_filter("latex2html", latex_to_html)
        resources = untyped._init_resources(resources)  # noqa: SLF001 - as the parent does
        return TemplateExporter.from_notebook_node(self, nb, resources, **kw)


def _share_folder() -> Path:
    """Where nbconvert's templates are: in the runner's own folder, else in the prefix."""
    package = Path(nbconvert.__file__).parent
    for folder in package.parents:
        if (folder / "share" / "jupyter" / "nbconvert" / "templates" / "lab").is_dir():
            return folder / "share" / "jupyter"
    message = "nbconvert's templates are not installed beside it"
    raise FileNotFoundError(message)


def check_template(template: str) -> None:
    """Look whether a template is there, before anything runs.

    Raises:
        UsageError: there is none of this name, or the folder holds none.
    """
    if "/" in template or Path(template).is_dir():
        if not (Path(template) / _INDEX).is_file():
            raise UsageError(
                f"{template!r} is no template for pages.",
                why=f"there is no {_INDEX} in it" if Path(template).is_dir() else "no such folder",
                todo="give a folder of the image in nbconvert's layout",
            )
        return
    known = _share_folder() / "nbconvert" / "templates"
    names = sorted(path.parent.name for path in known.glob(f"*/{_INDEX}"))
    if template not in names:
        raise UsageError(
            f"There is no template {template!r}.",
            why=f"known are {', '.join(names)}",
            todo="give one of these, or the path of a folder",
        )


def render(
    notebook: Any, facts: Facts, folder: Path, *, hide_input: bool, template: str | None = None
) -> str:
    """Return the page of a notebook whose texts are masked; images of `folder` are embedded.

    A template of the user's finds the facts as `resources.run`.
    """
    notebook = to_nodes({**notebook, "cells": list(map(_shown_cell, notebook["cells"]))})
    for cell, anchor in zip(notebook.cells, anchors(notebook.cells), strict=True):
        cell["id"] = anchor
        left = len(cell.source) - _LONGEST_SOURCE
        if left > 0 and cell.cell_type == "code":
            # Colouring 10 MB of code, such as a large parameter's, takes 20 s.
            cell.source = f"{cell.source[:_LONGEST_SOURCE]}\n… {left} more characters"
    notebook.cells = list(_without_removed(notebook.cells, facts))
    show_widgets(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            _name_what_no_page_shows(output)
    make_exporter: Any = _Exporter
    exporter = make_exporter(
        **_template_settings(template),
        optimistic_validation=True,  # once, not after each of twelve preprocessors
        exclude_input=hide_input,
        exclude_input_prompt=hide_input,
        exclude_output_prompt=hide_input,
    )
    exporter.config.NbConvertBase.display_data_priority = _PRIORITY
    resources = {"metadata": {"name": facts.title, "path": str(folder)}, "run": facts}
    page, _ = exporter.from_notebook_node(notebook, resources)
    return str(page)


def anchors(cells: Sequence[Any]) -> list[str]:
    """Return what tells cells apart on the page: their ids, unless there is none or one twice."""
    found: dict[str, None] = {}
    for index, cell in enumerate(cells):
        name = cell.get("id") or f"cell-{index}"
        while name in found:
            name = f"{name}-{index}"
        found[name] = None
    return list(found)


def _without_removed(cells: Sequence[Any], facts: Facts) -> Iterator[Any]:
    """Yield the cells without what their tags say a page does not show: `remove-input` and likes.

    A cell that failed or did not run is shown, whatever its tags say.
    """
    told = {anchor for anchor, _ in facts.unrun} | {(facts.failing or {}).get("anchor")}
    for cell in cells:
        tags = {tag.replace("_", "-") for tag in tags_of(cell)}  # nbconvert's manual has both
        failed = any(output.get("output_type") == "error" for output in outputs_of(cell))
        if failed or cell["id"] in told:
            tags = set()
        if "remove-input" in tags:
            cell.metadata["transient"] = {"remove_source": True}
        if "remove-output" in tags:
            cell["outputs"] = []
        if "remove-cell" not in tags:
            yield cell


def _template_settings(template: str | None) -> dict[str, Any]:
    if template is None:
        return {"raw_template": _PAGE.read_text(encoding="utf-8")}
    path = Path(template).resolve()
    if "/" in template or path.is_dir():
        return {"template_name": path.name, "extra_template_basedirs": [str(path.parent)]}
    return {"template_name": template}


def _shown_cell(cell: Any) -> Any:
    more = len(cell.get("outputs", ())) - _MOST_OUTPUTS
    if more <= 0:
        return cell
    words = f"[{more} more outputs of this cell are in the notebook]\n"
    note = {"output_type": "stream", "name": "stderr", "text": words}
    return {**cell, "outputs": [*cell["outputs"][:_MOST_OUTPUTS], note]}


def _name_what_no_page_shows(output: Any) -> None:
    data = output.get("data")
    if data and not data.keys() & set(_PRIORITY) and "scrapbook" not in output.get("metadata", {}):
        kinds = ", ".join(data)
        data["text/plain"] = f"[An output of type {kinds} is in the notebook; no page shows it]"


def external_references(page: str) -> tuple[str, ...]:
    """Return the addresses that a browser would load from elsewhere, each once, at most 100."""
    found: dict[str, None] = {}
    framed = "".join(html.unescape(match[1]) for match in _FRAMED.finditer(page))
    for match in _LOADS.finditer(_without_text(page + framed)):
        found[html.unescape(next(filter(None, match.groups())))] = None
        if len(found) == _MOST_REFERENCES:
            break
    return tuple(found)


def _without_text(page: str) -> str:
    """Return the page without code and streams, which load nothing."""
    before, *blocks = _TEXT.split(page)
    ended = (block.partition("</pre>") for block in blocks)
    return before + "".join(after if end else text for text, end, after in ended)
