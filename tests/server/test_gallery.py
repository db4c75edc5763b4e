"""Notebooks that people share."""

from __future__ import annotations

import base64
import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core.uris import Uri
from kernel_containers.workflow.runs.run_store import list_runs
from tests.server.test_results import COUNT, files_of, run_id, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.server.api import Api
    from tests.support.s3 import S3Server


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def plot(data: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    """Return a cell that has shown a picture."""
    picture = {"image/png": base64.b64encode(data.encode()).decode()}
    return {
        "cell_type": "code",
        "metadata": {"tags": list(tags)},
        "source": ["show()\n", "show()"],
        "execution_count": 1,
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": picture}],
    }


def write_notebook(path: Path, cells: list[dict[str, Any]]) -> None:
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(notebook))


@pytest.fixture(params=["folder", "bucket"])
def gallery(request: pytest.FixtureRequest, s3: S3Server) -> str:
    """A place that nobody has published to yet."""
    name = f"gallery-{uuid.uuid4().hex[:12]}"
    if request.param == "folder":
        return name
    with closing(s3.client()) as client:
        client.create_bucket(Bucket=name)
    return f"s3://{name}/shared"


@pytest.fixture
def runs(api: Api) -> str:
    """A folder below the root with one run."""
    prefix = uuid.uuid4().hex
    report = {"notebook": "/home/ana/sales.ipynb", "image": "host/sales@sha256:1"}
    write(api.server.root / prefix / "sales" / run_id(COUNT), files_of(run_id(COUNT), **report))
    return prefix


def test_a_run_is_published_browsed_and_cloned(api: Api, gallery: str, runs: str) -> None:
    empty = api.json("/gallery", prefix=gallery)["cards"]
    body = {"prefix": runs, "gallery": gallery, "notebook": "sales", "run": "latest"}

    published = api.post("/gallery", **body, title="Sales").json()
    api.post("/gallery", **body, title="Again")
    listed = api.json("/gallery", prefix=gallery)["cards"]
    where = f"/gallery/{published['id']}"
    page = api.get(f"{where}/html", prefix=gallery)
    picture = api.get(f"{where}/thumbnail", prefix=gallery)
    folder = api.server.root / f"{runs}-mine"
    folder.mkdir()
    clones = [api.post(f"{where}/clone", gallery=gallery, folder=folder.name) for _ in range(2)]

    assert empty == []
    assert published["image"] == "host/sales@sha256:1"
    assert {card["title"] for card in listed} == {"Sales", "Again"}
    assert page.headers["content-security-policy"].startswith("sandbox allow-scripts ")
    assert picture.headers["content-type"] == "image/png"
    assert [clone.json()["path"] for clone in clones] == [
        f"{folder.name}/sales.ipynb",
        f"{folder.name}/sales-2.ipynb",
    ]
    assert (folder / "sales.ipynb").read_bytes() == files_of(run_id(COUNT))["notebook.ipynb"]


def test_what_was_published_among_the_runs_is_none_of_them(api: Api, runs: str) -> None:
    gallery = f"{runs}/gallery"
    body = {"prefix": runs, "notebook": "sales", "run": "latest"}
    published = api.post("/gallery", **body, gallery=gallery, title="Sales").json()

    page = api.json("/results", prefix=runs)
    stored = list_runs(Uri.parse(str(api.server.root / runs)))

    assert [card["id"] for card in api.json("/gallery", prefix=gallery)["cards"]] == [
        published["id"]
    ]
    assert page["notebooks"] == ["sales"]
    assert [run["run_id"] for run in page["runs"]] == [run_id(COUNT)]
    assert [run.run_id for run in stored] == [run_id(COUNT)]


def test_a_notebook_is_published_with_the_plot_that_its_author_chose(
    api: Api, gallery: str
) -> None:
    folder = api.server.root / uuid.uuid4().hex
    folder.mkdir()
    (folder / ".env").write_text("PASSWORD=xyzzy")
    cells = [
        markdown("# Weeks of the south\n\nA report.\n\n![x](.env) ![y](/etc/hostname)"),
        plot("chosen", tags=["showcase"]),
        plot("last"),
    ]
    write_notebook(folder / "weeks.ipynb", cells)

    published = api.post("/gallery", path=f"{folder.name}/weeks.ipynb", gallery=gallery).json()
    where = f"/gallery/{published['id']}"
    page = api.get(f"{where}/html", prefix=gallery)
    picture = api.get(f"{where}/thumbnail", prefix=gallery)

    assert (published["title"], published["description"]) == ("Weeks of the south", "A report.")
    assert (published["notebook"], published["image"]) == ("weeks.ipynb", None)
    assert picture.content == b"chosen"
    assert "Weeks of the south" in page.text
    assert page.headers["content-security-policy"].startswith("sandbox ")
    assert base64.b64encode(b"PASSWORD=xyzzy").decode() not in page.text


def test_a_notebook_that_shows_a_secret_is_only_published_on_the_users_word(
    api: Api, gallery: str
) -> None:
    name = f"{uuid.uuid4().hex}.ipynb"
    key = f"AKIA{'QW3ERTYU' * 2}"
    text = {"output_type": "stream", "name": "stdout", "text": f"aws_access_key_id = {key}\n"}
    write_notebook(api.server.root / name, [{**plot("x"), "outputs": [text]}])

    refused = api.post("/gallery", path=name, gallery=gallery)
    agreed = api.post("/gallery", path=name, gallery=gallery, allow_secrets=True)

    assert refused.status_code == 403
    assert "cell 1, output" in refused.json()["why"]
    assert key not in refused.text
    assert agreed.status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"notebook": "sales"}, 400),
        ({"path": "a.ipynb", "run": "latest", "notebook": "sales"}, 400),
        ({"path": "missing.ipynb"}, 404),
        ({"path": "../a.ipynb"}, 403),
        ({"path": "a\0.ipynb"}, 422),
        ({"path": "."}, 404),
    ],
)
def test_what_can_not_be_published_leaves_no_card(
    api: Api, runs: str, body: dict[str, str], status: int
) -> None:
    answer = api.post("/gallery", gallery=f"{runs}-gallery", **body)

    assert answer.status_code == status, answer.text
    assert api.json("/gallery", prefix=f"{runs}-gallery")["cards"] == []


def test_without_a_gallery_the_setting_is_named(api: Api) -> None:
    answer = api.get("/gallery")

    assert answer.status_code == 400
    assert "KernelContainersApp.gallery" in answer.json()["todo"]


def test_a_clone_stays_below_the_root(api: Api, runs: str) -> None:
    answer = api.post("/gallery/none/clone", gallery=runs, folder="../elsewhere")

    assert answer.status_code == 403


def test_many_publish_and_clone_at_once(api: Api, gallery: str, runs: str) -> None:
    body = {"prefix": runs, "gallery": gallery, "notebook": "sales", "run": "latest"}
    folder = api.server.root / f"{runs}-many"
    folder.mkdir()

    def share(number: int) -> str:
        card = api.post("/gallery", **body, title=str(number)).json()
        copy = api.post(f"/gallery/{card['id']}/clone", gallery=gallery, folder=folder.name)
        return str(copy.json()["path"])

    with ThreadPoolExecutor(4) as threads:
        copies = list(threads.map(share, range(4)))
    titles = {card["title"] for card in api.json("/gallery", prefix=gallery)["cards"]}

    assert len(set(copies)) == 4
    assert titles == set("0123")
    whole = files_of(run_id(COUNT))["notebook.ipynb"]
    assert {path.read_bytes() for path in folder.iterdir()} == {whole}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A card, and a run, that this server's users may not see."""
    card = {"title": "hidden", "description": "", "notebook": "n.ipynb", "image": None}
    whole = {**card, "published": "2026-01-01T00:00:00Z", "author": "eve"}
    write(tmp_path / "card", {**files_of("x"), "card.json": json.dumps(whole).encode()})
    return tmp_path / "card"


def test_links_in_a_gallery_lead_nowhere_and_hide_no_card(
    api: Api, runs: str, elsewhere: Path
) -> None:
    gallery = api.server.root / f"{runs}-gallery"
    body = {"prefix": runs, "gallery": gallery.name, "notebook": "sales", "run": "latest"}
    assert api.post("/gallery", **body).status_code == 201
    (gallery / "folder").symlink_to(elsewhere)
    for name in ("file", "pipe"):
        (gallery / name).mkdir()
    (gallery / "file" / "card.json").symlink_to(elsewhere / "card.json")
    os.mkfifo(gallery / "pipe" / "card.json")

    listed = api.json("/gallery", prefix=gallery.name)["cards"]
    answers = [
        answer
        for card_id in ("folder", "file", "pipe")
        for answer in (
            api.get(f"/gallery/{card_id}/thumbnail", prefix=gallery.name),
            api.post(f"/gallery/{card_id}/clone", gallery=gallery.name, folder=runs),
        )
    ]
    answers.append(api.get("/gallery/folder/html", prefix=gallery.name))

    assert [card["title"] for card in listed] == ["sales"]
    assert {answer.status_code for answer in answers} == {403}
    assert all("hidden" not in answer.text for answer in answers)


def test_a_run_that_is_a_link_is_not_published(api: Api, runs: str, elsewhere: Path) -> None:
    (api.server.root / runs / "sales" / "link").symlink_to(elsewhere)

    answer = api.post(
        "/gallery", prefix=runs, gallery=f"{runs}-gallery", notebook="sales", run="link"
    )

    assert answer.status_code == 403
    assert api.json("/gallery", prefix=f"{runs}-gallery")["cards"] == []


def test_a_gallery_that_can_not_be_written_is_told_with_its_place(api: Api, runs: str) -> None:
    gallery = api.server.root / f"{runs}-file"
    gallery.write_text("no folder")

    answer = api.post("/gallery", prefix=runs, gallery=gallery.name, notebook="sales", run="latest")

    assert answer.status_code == 507
    assert answer.json()["code"] == "outputs-not-written"
    assert gallery.name in answer.json()["what"]


def test_what_is_missing_for_a_publication_leaves_nothing(api: Api, runs: str) -> None:
    (api.server.root / runs / "sales" / run_id(COUNT) / "notebook.html").unlink()

    answer = api.post(
        "/gallery", prefix=runs, gallery=f"{runs}-gallery", notebook="sales", run="latest"
    )

    assert answer.status_code == 404
    assert not (api.server.root / f"{runs}-gallery").exists()
