"""Results of runs, below any prefix that this server may name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from kernel_containers.core.uris import NOTEBOOK, PAGE
from kernel_containers.server.services import Answer, Call, Content, Download
from kernel_containers.workflow.runs.results import (
    Results,
    showcase_of,
    size_of,
)
from kernel_containers.workflow.runs.stores import open_file

if TYPE_CHECKING:
    from kernel_containers.core.uris import Uri

# Scripts of the page run, as plots need them, in an origin of their own: no cookie, no storage,
# no request to anywhere, no way out of the frame.
SANDBOX = (
    "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; "
    "script-src 'unsafe-inline' 'unsafe-eval' blob: data:; "
    "style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; "
    "media-src data: blob:; worker-src blob:; frame-ancestors 'self'"
)
KEPT_OUT = {"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'"}


def list_results(call: Call) -> Answer:
    """List one page of runs."""
    results = _results(call)
    query = call.query
    found = results.page(query["notebook"], query["limit"], query["after"])
    return Answer(200, {"prefix": str(results.prefix), **found})


def get_result(call: Call) -> Answer:
    """Show one run."""
    summary, report, uris = _results(call).run(call.path["notebook"], call.path["run"])
    places = call.services.places
    files = [
        {
            "name": uri.name,
            "size": size_of(places.check(uri)),
            "uri": str(uri),
            "path": places.relative(uri.path) if uri.scheme == "file" else None,
        }
        for uri in uris
    ]
    return Answer(200, {"run": summary, "report": report, "files": files})


def get_page(call: Call) -> Download:
    """Hand out a run's HTML."""
    return html_page(_place(call, PAGE))


def get_thumbnail(call: Call) -> Content:
    """Hand out a run's last plot."""
    picture = showcase_of(_place(call, NOTEBOOK))
    return Content(picture.data, picture.type, {**KEPT_OUT, "Cache-Control": "private"})


def get_file(call: Call) -> Download:
    """Hand out a file as a download."""
    name = call.path["name"]
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    file = open_file(_place(call, name))
    return Download(file, "application/octet-stream", {**KEPT_OUT, **headers})


def html_page(place: Uri) -> Download:
    """Return somebody's page, kept in its sandbox."""
    headers = {"Content-Security-Policy": SANDBOX, "Referrer-Policy": "no-referrer"}
    return Download(open_file(place), "text/html; charset=UTF-8", headers)


def _place(call: Call, name: str) -> Uri:
    folder = _results(call).folder(call.path["notebook"], call.path["run"])
    return call.services.places.check(folder.join(name))  # a link in there may lead elsewhere


def _results(call: Call) -> Results:
    return Results(prefix_of(call, call.query["prefix"]))


def prefix_of(call: Call, text: str | None) -> Uri:
    """Return the place of results that a request means."""
    return call.services.places.uri(text or call.services.results)
