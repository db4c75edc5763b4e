"""Notebooks that people share."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.server.test_results import COUNT, files_of, run_id, write

if TYPE_CHECKING:
    from tests.server.api import Api
    from tests.support.s3 import S3Server


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


def test_without_a_gallery_the_setting_is_named(api: Api) -> None:
    answer = api.get("/gallery")

    assert answer.status_code == 400
    assert "KernelContainersApp.gallery" in answer.json()["todo"]


def test_a_clone_stays_below_the_root(api: Api, runs: str) -> None:
    answer = api.post("/gallery/none/clone", gallery=runs, folder="../elsewhere")

    assert answer.status_code == 403
