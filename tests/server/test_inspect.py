"""What a notebook's text tells, and which files requests may name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.acceptance.product import write_notebook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.api import Api


@pytest.fixture
def notebook(api: Api, request: pytest.FixtureRequest) -> Path:
    """A notebook with variables, below the server's root folder."""
    return write_notebook(
        api.server.root / f"{request.node.name[:40]}.ipynb",
        "#md # Sales\n\nWeekly report.",
        'region = "south"  # where\nweeks = 26\napi_token = "hunter2"',
        "total = weeks * 2\nx = (",
    )


def test_variables_come_with_defaults_and_notes_but_no_secret(api: Api, notebook: Path) -> None:
    answer = api.post("/inspect", path=notebook.name)

    found = answer.json()
    variables = {item["name"]: item for item in found["variables"]}
    assert (found["title"], found["description"]) == ("Sales", "Weekly report.")
    assert found["kernel"]["containerized"] is True
    assert variables["region"]["default"] == "south"
    assert variables["region"]["description"] == "where"
    assert variables["weeks"]["type"] == "int"
    assert (variables["weeks"]["chosen"], variables["weeks"]["cells"]) == (True, [1])
    assert (variables["api_token"]["secret"], variables["api_token"]["chosen"]) == (True, False)
    assert found["unread_cells"] == [2]
    assert "hunter2" not in answer.text


def test_what_speaks_against_running_it_unattended_is_told(api: Api) -> None:
    write_notebook(api.server.root / "asks.ipynb", "a = 1", "b = input()")

    [problem] = [
        item
        for item in api.post("/inspect", path="asks.ipynb").json()["problems"]
        if item["cell"] == 1
    ]

    assert problem["severity"] == "error"
    assert "input()" in problem["message"]
    assert problem["todo"]


def test_what_is_in_the_editor_counts(api: Api, notebook: Path) -> None:
    content = json.loads(notebook.read_text())
    content["cells"][1]["source"] = "only_here = 1"

    found = api.post("/inspect", path=notebook.name, content=content).json()

    assert [item["name"] for item in found["variables"]] == ["only_here"]


def test_a_kernel_that_does_not_exist_is_a_problem_and_no_failure(api: Api) -> None:
    write_notebook(api.server.root / "elsewhere.ipynb", "a = 1", kernel="nowhere")

    found = api.post("/inspect", path="elsewhere.ipynb").json()

    assert found["kernel"]["problem"]["code"] == "not-found"
    assert [item["name"] for item in found["variables"]] == ["a"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("missing.ipynb", 404),
        ("../outside.ipynb", 403),
        ("/etc/passwd", 403),
        ("link/secret.ipynb", 403),
        ("a\0b", 422),
        ("folder", 404),
        ("text.ipynb", 422),
    ],
)
def test_files_outside_of_the_root_folder_are_refused(
    api: Api, tmp_path: Path, path: str, status: int
) -> None:
    write_notebook(tmp_path / "secret.ipynb", "a = 1")
    link = api.server.root / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path)
    (api.server.root / "folder").mkdir(exist_ok=True)
    (api.server.root / "text.ipynb").write_text("not a notebook")

    answer = api.post("/inspect", path=path)

    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"what", "why", "todo", "code"}


def test_what_a_body_lacks_or_has_too_much_comes_with_what_is_known(api: Api) -> None:
    for body in ({}, {"path": "a.ipynb", "kernle": 1}):
        answer = api.post("/inspect", **body)

        assert answer.json()["todo"].startswith("known are: path")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"path": "a.ipynb", "kernle": 1}', "unknown fields: kernle"),
        (b'{"path": 1}', "$.path must be of type string"),
        (b"{}", "$ lacks path"),
        (b"[1]", "not a JSON object"),
        (b'{"path": "a"', "not JSON"),
        (b'{"path": NaN}', "not JSON"),
        (b'{"path": "\\ud800"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_body_is_refused_with_the_place(api: Api, body: bytes, words: str) -> None:
    answer = httpx.post(f"{api.url}/inspect", content=body, headers=api.headers)

    assert answer.status_code == 400
    assert words in answer.json()["what"]
