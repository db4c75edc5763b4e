"""The page opens without a network and says what the run was."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.contract import IMAGE_VARIABLE
from kernel_containers.errors import InvalidInput
from kernel_containers.runner.notebook_file import read_notebook
from kernel_containers.runner.render import external_references
from tests.runner.image import code, edit_of, markdown, parameter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runner.image import Image

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def test_the_page_has_the_runs_facts_and_loads_nothing_from_elsewhere(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        markdown("# Sales & <b>costs</b>\n$x^2$ ![local](pixel.png) [link](https://example.org)"),
        "rows = 1",
        "from IPython.display import display, SVG, Image, Markdown, Latex, Javascript\n"
        f"import base64\ndisplay(Image(base64.b64decode({PIXEL!r})))\n"
        'display(SVG(\'<svg xmlns="http://www.w3.org/2000/svg"><circle r="1"/></svg>\'))\n'
        "display(Markdown('*marked*'), Latex('$y$'), Javascript('1'))\n"
        "display({'application/vnd.jupyter.widget-view+json': {'model_id': 'x'},\n"
        "         'text/plain': 'a slider'}, raw=True)\n"
        "display({'text/vnd.mermaid': 'graph TD; A-->B', 'text/plain': 'x'}, raw=True)\n"
        "print('\\x1b[31mred\\x1b[0m')",
        environment={IMAGE_VARIABLE: "registry.example/report@sha256:abc"},
    )
    image.parameters = (
        parameter("rows", "int", 1, edits=(edit_of(image.cells, 1, "1"),)),
        parameter("key", "str", secret=True),
    )
    image.write()
    (image.root / "work" / "pixel.png").write_bytes(base64.b64decode(PIXEL))

    run = image.run("-p", "rows", "500", "-p", "key", "hunter2")

    assert run.code == 0, run.report["message"]
    assert run.report["external_references"] == []
    header = run.html.split("</section>")[0]
    for fact in ("registry.example/report@sha256:abc", "500", "********", "succeeded"):
        assert fact in header
    assert run.report["run_id"] in header
    body = run.html.split("</section>")[1]
    for shown in ("*marked*", "a slider", "graph TD", "ansi-red-fg", "image/svg+xml", "costs"):
        assert shown.replace("*", "") in body
    assert body.count("data:image/png;base64,") == 2
    assert not re.search(r"<script[^>]+src=", run.html)
    assert "hunter2" not in run.html


def test_references_of_the_users_own_outputs_are_listed(
    make_image: Callable[..., Image],
) -> None:
    run = make_image(
        markdown("![remote](https://example.org/a.png?b=1&c=2)"),
        "from IPython.display import HTML\n"
        "HTML('<script src=\"https://cdn.example.org/plot.js\"></script>'\n"
        "     '<style>@import \"https://example.org/x.css\";'\n"
        "     'p {background: url(//e.org/i.png)}</style>'\n"
        "     '<a href=\"https://example.org/link\">no load</a>')",
    ).run()

    assert run.report["external_references"] == [
        "https://example.org/a.png?b=1&c=2",
        "https://cdn.example.org/plot.js",
        "https://example.org/x.css",
        "//e.org/i.png",
    ]


def test_the_page_can_leave_code_out(make_image: Callable[..., Image]) -> None:
    run = make_image("answer = 42\nprint('shown')").run("--no-input")

    assert "shown" in run.html
    assert "answer" not in run.html


def test_a_template_of_the_image_takes_the_pages_place(
    make_image: Callable[..., Image], tmp_path: Path
) -> None:
    folder = tmp_path / "house style"
    folder.mkdir()
    (folder / "conf.json").write_text('{"base_template": "basic"}')
    (folder / "index.html.j2").write_text(
        "{%- extends 'basic/index.html.j2' -%}"
        "{%- block body_header -%}<h1>{{ resources.run.status }}</h1>{%- endblock -%}"
    )

    run = make_image("print('shown')").run("--html-template", str(folder))

    assert run.code == 0, run.stdout
    assert run.html.startswith("<h1>succeeded</h1>")
    assert "shown" in run.html


@pytest.mark.parametrize(
    ("template", "words"),
    [("no-such-one", "known are"), ("/nowhere", "no such folder"), ("/tmp", "index.html.j2")],
)
def test_a_template_that_is_not_there_is_told_before_anything_runs(
    make_image: Callable[..., Image], template: str, words: str
) -> None:
    run = make_image("1").run("--html-template", template)

    assert run.code == 64
    assert words in run.stderr
    assert run.stdout == ""


def test_a_pdf_is_printed_where_the_image_has_chromium(
    make_image: Callable[..., Image],
) -> None:
    run = make_image("print('shown')").run("--pdf")

    assert run.code == 0, run.stdout
    assert (run.run_folder / "notebook.pdf").read_bytes().startswith(b"%PDF-")
    assert run.report["outputs"]["notebook.pdf"].endswith("/notebook.pdf")


def test_a_pdf_without_chromium_is_told_before_anything_runs(
    make_image: Callable[..., Image], tmp_path: Path
) -> None:
    run = make_image("1", environment={"PATH": str(tmp_path)}).run("--pdf")

    assert run.code == 64
    assert "--pdf needs Chromium in the image." in run.stderr


def test_hostile_names_and_values_are_text_on_the_page(make_image: Callable[..., Image]) -> None:
    image = make_image("s = 'x'\nprint(s)")
    image.parameters = (parameter("s", "str", "x", edits=(edit_of(image.cells, 0, "'x'"),)),)

    run = image.run("-p", "s", "<script>alert(1)</script>")

    assert "<script>alert(1)</script>" not in run.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in run.html


def test_an_output_that_no_page_shows_is_named_on_it(make_image: Callable[..., Image]) -> None:
    run = make_image("display({'application/x-chart+json': {'a': 1}}, raw=True)").run()

    assert "An output of type application/x-chart+json is in the notebook" in run.html
    (output,) = run.notebook["cells"][0]["outputs"]
    assert output["data"] == {"application/x-chart+json": {"a": 1}}


def test_figures_of_plotly_are_drawn_by_the_script_of_its_package(
    make_image: Callable[..., Image],
) -> None:
    kind = "application/vnd.plotly.v1+json"
    image = make_image(
        f"figure = {{{kind!r}: {{'data': [], 'layout': {{'title': 'a </script> b'}}}}}}\n"
        "display(figure, raw=True)",
        f"display({{{kind!r}: {{'data': ['<' * 300_000]}}}}, raw=True)",
        f"display({{{kind!r}: {{'data': []}}, 'text/html': '<b>own</b>'}}, raw=True)",
    )
    image.place("work/plotly/__init__.py", "")
    image.place("work/plotly/package_data/plotly.min.js", "var Plotly = {is: 'drawn'};")

    run = image.run()

    assert run.html.count("var Plotly = {is: 'drawn'};") == 1
    assert run.html.count("Plotly.newPlot(") == 2
    assert "a \\u003c/script> b" in run.html
    assert "\\u003c" * 300_000 in run.html
    assert "<b>own</b>" in run.html
    assert list(run.notebook["cells"][0]["outputs"][0]["data"]) == [kind]


def test_only_what_a_browser_loads_is_a_reference() -> None:
    page = (
        '<img alt="" src="data:image/png;base64,AA"><a href="https://a.example">a</a>'
        "<p>https://b.example/x.png</p><img src='https://c.example/x.png'>"
        '<script>import x from "https://d.example/m.js"</script>'
        '<link rel="stylesheet" href=//e.example/s.css>'
        '<iframe class="map" srcdoc="&lt;script src=&quot;https://f.example/map.js&quot;&gt;">'
        '<script>load({"vega": "https://cdn.jsdelivr.net/npm/vega@6?noext"})</script>'
    )

    assert external_references(page) == (
        "https://c.example/x.png",
        "https://d.example/m.js",
        "//e.example/s.css",
        "https://cdn.jsdelivr.net/npm/vega@6?noext",
        "https://f.example/map.js",
    )


def test_cells_with_the_same_id_have_places_of_their_own_on_the_page(
    make_image: Callable[..., Image],
) -> None:
    cells = [{**code(source), "id": "same"} for source in ("1", "2", "1 / 0")]

    run = make_image(*cells, {**markdown("end"), "id": "same-1"}).run()

    assert run.stderr == ""
    assert [cell["id"] for cell in run.notebook["cells"]] == ["same", "same", "same", "same-1"]
    places = re.findall(r' id="cell-id=([^"]*)"', run.html)
    assert places == ["same", "same-1", "same-2", "same-1-3"]
    assert 'href="#cell-id=same-2"' in run.html


def test_what_the_format_forbids_and_jupyter_opens_is_run_and_shown(
    make_image: Callable[..., Image],
) -> None:
    odd = {"cell_type": "code", "source": None, "outputs": None, "metadata": None}
    tags = {**code("print('shown')"), "metadata": {"tags": "one-text", "collapsed": "x"}}
    heading = {"cell_type": "heading", "metadata": {}, "source": "of an old format"}

    run = make_image(odd, tags, heading, {"cell_type": "markdown"}).run()

    assert run.code == 0, run.stderr
    assert run.report["warnings"] == []
    assert "shown" in run.html
    assert run.statuses == ["succeeded"]


@pytest.mark.parametrize("cell", [[], {"metadata": {}}, {"cell_type": "code", "source": 5}])
def test_a_cell_that_is_none_is_refused(make_image: Callable[..., Image], cell: Any) -> None:
    image = make_image("1")
    image.write()
    document = json.loads(image.notebook_path.read_text())
    document["cells"].append(cell)

    with pytest.raises(InvalidInput, match="a cell is malformed"):
        read_notebook(image.place("/workspace/broken.ipynb", json.dumps(document)))
