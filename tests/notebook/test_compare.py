"""A run's outputs beside those that the notebook was saved with."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image, ImageDraw

from kernel_containers.errors import InvalidInput
from kernel_containers.notebook.compare import CellComparison, compare_notebooks
from kernel_containers.notebook.pictures import are_similar, share_that_differs


def cell(*outputs: dict[str, Any], source: str = "x", **rest: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "c",
        "source": source,
        "metadata": {"tags": rest.get("tags", [])},
        "outputs": list(outputs),
        "execution_count": rest.get("count", 1),
    }


def said(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def shown(kind: str = "display_data", /, **parts: Any) -> dict[str, Any]:
    data = {name.replace("__", "/").replace("_x_", "+"): value for name, value in parts.items()}
    return {"output_type": kind, "data": data, "metadata": {}}


def compared(old: dict[str, Any], new: dict[str, Any]) -> CellComparison:
    (result,) = compare_notebooks({"cells": [old]}, {"cells": [new]}, {})
    return result


def picture(*, to: int = 180, kind: str = "PNG", width: int = 320, paper: str = "white") -> str:
    image = Image.new("RGB", (width, 240), paper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 20, 300, 220), outline="black")
    draw.line((20, 220, 300, to), fill="blue", width=2)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode() + "\n"


SAME = [
    (cell(said("a\n"), said("b\n")), cell(said("a\nb\n"))),
    (cell(said("a\n"), said("note", "stderr"), said("b\n")), cell(said("a\nb\n"))),
    (cell(said(["a\n", "b\n"])), cell(said("a\nb"))),  # type: ignore[arg-type]
    (
        cell(shown("execute_result", text__plain="5"), count=7),
        cell(shown("display_data", text__plain="5"), count=1),
    ),
    (
        cell(shown(text__html=["<b>", "5</b>"], text__plain="<Table at 1>")),
        cell(shown(text__html="<b>5</b>", text__plain="<Table at 2>")),
    ),
    (
        cell({"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["1"]}),
        cell({"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["2"]}),
    ),
    (
        cell(shown(**{"application/vnd.jupyter.widget-view_x_json": {"model_id": "a"}})),
        cell(shown(**{"application/vnd.jupyter.widget-view_x_json": {"model_id": "b"}})),
    ),
    (cell(shown(image__png=picture())), cell(shown(image__png=picture().strip()))),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_is_only_stored_in_another_way_is_the_same(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert compared(old, new).result == "same"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (cell(said("a\n")), cell(said("b\n")), "the text differs"),
        (cell(said("a\n")), cell(), "the notebook shows text, the run nothing"),
        (cell(), cell(said("a\n")), "the notebook shows nothing, the run text"),
        (
            cell(shown(text__plain="1", image__png=picture())),
            cell(shown(text__plain="1")),
            "only the notebook shows image/png",
        ),
        (
            cell(shown(image__png=picture())),
            cell(shown(image__png=picture(to=120))),
            "the picture (image/png) looks different",
        ),
        (
            cell(shown(image__png=picture())),
            cell(shown(image__png="no picture")),
            "the picture (image/png) looks different",
        ),
        (
            cell(shown(text__html="<td>5</td>", text__plain="a")),
            cell(shown(text__html="<td>6</td>", text__plain="a")),
            "the text/html differs",
        ),
        (
            cell(shown(application__json={"a": [1, 2]})),
            cell(shown(application__json={"a": [2, 1]})),
            "the application/json differs",
        ),
        (
            cell(shown(text__plain="5")),
            cell({"output_type": "error", "ename": "E", "evalue": "x", "traceback": []}),
            "the notebook shows a value, the run an error",
        ),
    ],
)
def test_what_counts_is_different(old: dict[str, Any], new: dict[str, Any], reason: str) -> None:
    found = compared(old, new)

    assert (found.result, found.reason) == ("different", reason)


def test_a_difference_is_shown_in_a_few_lines() -> None:
    found = compared(cell(said("a\nb\nc\n")), cell(said("a\nB\nc\n")))
    assert found.diff[2:] == ("@@ -1,3 +1,3 @@", " a", "-b", "+B", " c")

    long = compared(cell(said("a" * 1000)), cell(said("\n".join("xyz" * 30))))
    assert len(long.diff) == 13
    assert max(map(len, long.diff)) == 160
    assert long.diff[-1].endswith("more lines")


def test_what_does_not_count_is_named() -> None:
    old = cell(said("at 0x7f0011223344"), shown(image__png=picture()))
    new = cell(said("at 0x7f5566778899"), shown(image__png=picture(paper="#fafafa")))

    found = compared(old, new)

    assert found.result == "alike"
    assert found.set_aside == ("address", "bytes of a picture")


def test_cells_that_were_not_run_or_are_tagged_are_not_compared() -> None:
    new = cell(said("x"))

    assert compared(cell(count=None), new).result == "not-compared"
    assert compared(cell(said("y"), tags=["nbval-ignore-output"]), new).reason == (
        "it is tagged nbval-ignore-output"
    )
    assert compared(cell(said("y"), count=None), new).result == "different"


def test_cells_keep_their_places_beside_text_and_an_injected_cell() -> None:
    text = {"cell_type": "markdown", "source": "# x"}
    injected = cell(source="n = 1", tags=["injected-parameters"])
    old = {"cells": [text, cell(said("a")), cell(source=" "), cell(said("b"))]}
    new = {"cells": [injected, text, cell(said("a")), cell(source=" "), cell(said("c"))]}

    found = compare_notebooks(old, new, {})

    assert [(item.index, item.number, item.result) for item in found] == [
        (1, 1, "same"),
        (3, 2, "different"),
    ]


def decoded(text: str) -> bytes:
    return base64.b64decode(text)


def test_pictures_are_compared_by_what_is_seen() -> None:
    seen = decoded(picture())

    assert share_that_differs(seen, seen) == 0
    assert are_similar(seen, decoded(picture(paper="#fafafa")))
    assert not are_similar(seen, decoded(picture(to=176)))
    assert share_that_differs(seen, decoded(picture(width=321))) == 1
    assert share_that_differs(seen, decoded(picture(kind="GIF"))) == 0
    with pytest.raises(InvalidInput):
        are_similar(seen, b"no picture")
