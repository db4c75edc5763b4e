"""Named results of runs."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from kernel_containers.core.redaction import MASK
from kernel_containers.core.scraps import Scrap, scraps_of
from kernel_containers.runner.masking import Masker
from kernel_containers.runner.scraps import split_scraps, withhold_tables
from tests.runner.image import code, edit_of, parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runner.image import Image

READ = """
import json, sys, scrapbook
found = scrapbook.read_notebook(sys.argv[1]).scraps
table = found["table"].data
print(json.dumps({
    "data": {n: s.data for n, s in found.items() if s.encoder in ("json", "text")},
    "table": table.to_dict("list"),
    "displays": sorted(n for n, s in found.items() if s.display is not None),
}))
"""


def test_results_of_every_kind_are_in_the_report_or_beside_it(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "from kernel_containers import scrap\nimport pandas as pd, numpy as np",
        "scrap('rows', 1)\nscrap('rows', np.int64(1234))",
        "scrap('names', {'a': [None, float('nan')]})\nscrap('id', '0012')\nscrap('none', None)",
        "frame = pd.DataFrame({'region': ['north', 'south'], 'sales': [1.5, 2.5]})",
        "scrap('table', frame)\nscrap('Large One', 'ж' * 60_000)",
        "scrap('large-one', ['x'] * 40_000)",
        "class Chart:\n"
        "    def _repr_html_(self): return '<b>chart</b>'\n"
        "    def _repr_svg_(self): return '<svg/>'\n"
        "scrap('chart', Chart(), display=True)\nscrap('sum', 5, display=True)",
    )

    run = image.run()

    assert run.code == 0, run.report["message"]
    report = run.report
    assert report["scraps"] == {
        "rows": 1234,
        "names": {"a": [None, None]},
        "id": "0012",
        "none": None,
        "sum": 5,
    }
    files = {(file["name"], file["kind"]): file for file in report["scrap_files"]}
    assert {key: file["path"] for key, file in files.items()} == {
        ("table", "table"): "scraps/table.parquet",
        ("Large One", "value"): "scraps/large-one.json",
        ("large-one", "value"): "scraps/large-one.2.json",
        ("chart", "display"): "scraps/chart.svg",
        ("sum", "display"): "scraps/sum.txt",
    }
    for file in files.values():
        assert (run.run_folder / file["path"]).stat().st_size == file["size"]
    table = pd.read_parquet(run.run_folder / "scraps" / "table.parquet")
    assert table.to_dict("list") == {"region": ["north", "south"], "sales": [1.5, 2.5]}
    assert json.loads((run.run_folder / "scraps" / "large-one.json").read_text()) == "ж" * 60_000
    assert (run.run_folder / "scraps" / "chart.svg").read_text() == "<svg/>"
    assert "rows = 1234" in run.html
    assert "<b>chart</b>" in run.html or "<svg" in run.html

    # scrapbook is the library that others read notebooks with.
    read = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ, str(run.run_folder / "notebook.ipynb")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    found = json.loads(read.stdout)
    assert found["data"]["rows"] == 1234
    assert found["data"]["id"] == "0012"
    assert found["data"]["Large One"] == "ж" * 60_000
    assert found["table"] == {"region": ["north", "south"], "sales": [1.5, 2.5]}
    assert found["displays"] == ["chart", "sum"]


def test_a_bad_value_fails_the_cell_with_words(make_image: Callable[..., Image]) -> None:
    image = make_image(
        "from kernel_containers import scrap",
        code("scrap('bad', {'x': [{1, 2}]})", "raises-exception"),
        code("scrap('far', float('inf'))", "raises-exception"),
        code("scrap('big', 'x' * 20_000_000)", "raises-exception"),
        code("scrap('', 1)", "raises-exception"),
    )

    run = image.run()

    assert run.code == 0, run.report["message"]
    assert run.report["scraps"] == {}
    errors = [cell["error"] for cell in run.report["cells"][1:]]
    assert "it['x'][0] is of the type set" in errors[0]
    assert "it is inf, and JSON has no infinity" in errors[1]
    assert "the scrap 'big' has 20.0 MB" in errors[2]
    assert "the name of a scrap" in errors[3]


def test_a_result_is_kept_although_the_cells_output_was_cut(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "from kernel_containers import scrap\nprint('x' * 1_500_000, flush=True)\nscrap('rows', 5)"
    )

    run = image.run("--max-output", "1")

    assert run.code == 0, run.report["message"]
    assert run.report["scraps"] == {"rows": 5}


def test_a_secret_is_masked_in_values_and_no_table_has_it(
    make_image: Callable[..., Image],
) -> None:
    image = make_image(
        "token = ''",
        "from kernel_containers import scrap\nimport pandas as pd",
        "scrap('said', {'token': f'it is {token}'})",
        "scrap('table', pd.DataFrame({'text': ['a', token]}))",
        "scrap('harmless', pd.DataFrame({'text': ['a', 'b']}))",
        "class Page:\n    def _repr_html_(self): return f'<b>{token}</b>'\n"
        "scrap('page', Page(), display=True)",
    )
    image.parameters = (
        parameter("token", "str", secret=True, edits=(edit_of(image.cells, 0, "''"),)),
    )
    image.place("/run/secrets/token", "hunter2-very-secret")

    run = image.run()

    assert run.code == 0, run.report["message"]
    assert run.report["scraps"] == {"said": {"token": f"it is {MASK}"}}
    names = [(file["name"], file["kind"]) for file in run.report["scrap_files"]]
    assert names == [("harmless", "table"), ("page", "display")]
    secret = b"hunter2-very-secret"
    for path in run.run_folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert secret not in data
        assert base64.b64encode(secret)[:-2] not in data


def output(
    data: dict[str, Any], metadata: dict[str, Any] | None = None, kind: str = "display_data"
) -> dict[str, Any]:
    return {"output_type": kind, "data": data, "metadata": metadata or {}}


def notebook(*cells: list[dict[str, Any]]) -> dict[str, Any]:
    return {"cells": [{"cell_type": "code", "outputs": outputs} for outputs in cells]}


def glued(name: str, data: Any, encoder: str = "json", **metadata: Any) -> dict[str, Any]:
    payload = {"name": name, "data": data, "encoder": encoder, "version": 1}
    about = {"scrapbook": {"name": name, "data": True, "display": False, **metadata}}
    return output({f"application/scrapbook.scrap.{encoder}+json": payload}, about)


def test_what_scrapbook_and_papermill_wrote_is_read() -> None:
    shown = {"scrapbook": {"name": "both", "data": False, "display": True}}
    found = scraps_of(
        notebook(
            [glued("n", 1), glued("both", {"a": 1}), output({"text/html": ["<i>", "</i>"]}, shown)],
            [output({"application/papermill.record+json": {"old": [1]}})],
            [output({"image/png": "aGk=\n"}, {"papermill": {"name": "plot"}})],
            [glued("n", "text", "text")],
        )
    )

    assert found == (
        Scrap(name="both", kind="value", value={"a": 1}),
        Scrap(name="both", kind="display", media_type="text/html", data=b"<i></i>"),
        Scrap(name="old", kind="value", value=[1]),
        Scrap(name="plot", kind="display", media_type="image/png", data=b"hi"),
        Scrap(name="n", kind="value", value="text"),
    )


@pytest.mark.parametrize(
    "odd",
    [
        output({"application/scrapbook.scrap.json+json": "text"}),
        output({"application/scrapbook.scrap.json+json": {"data": 5}}),
        output({"application/papermill.record+json": []}),
        output({"text/plain": "x"}, {"scrapbook": 5, "papermill": None}),
        output({}, {"scrapbook": {"name": "x", "display": True}}),
        {"output_type": "stream", "name": "stdout", "text": "x"},
        {"output_type": "display_data", "data": None, "metadata": None},
    ],
)
def test_outputs_that_only_look_like_results_are_none(odd: dict[str, Any]) -> None:
    assert scraps_of(notebook([odd])) == ()


def test_a_table_without_pyarrow_is_a_file_of_json() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    value = json.loads(frame.to_json(orient="table"))

    values, files = split_scraps(notebook([glued("t", value)]))

    assert values == {}
    ((file, data),) = files.items()
    assert (file.path, file.media_type) == ("scraps/t.json", "application/vnd.dataresource+json")
    assert pd.read_json(io.BytesIO(data), orient="table").equals(frame)


def test_without_secrets_no_table_is_looked_into() -> None:
    whole = notebook([glued("t", "no base64 at all!", "pandas")])

    withhold_tables(whole, Masker(()))

    assert whole["cells"][0]["outputs"] == [glued("t", "no base64 at all!", "pandas")]
