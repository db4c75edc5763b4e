"""Results below any prefix, whoever wrote them."""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server.api import Api
    from tests.support.s3 import S3Server

PIXEL = base64.b64encode(b"\x89PNG of one pixel").decode()
COUNT = 7


def files_of(run_id: str, **report: Any) -> dict[str, bytes]:
    """Return the files of a run."""
    outputs = {name: f"file:///x/{name}" for name in ("ipynb", "html")}
    cells = [{"index": 0, "status": "succeeded"}, {"index": 3, "status": "failed"}]
    whole = {"status": "failed", "run_id": run_id, "outputs": outputs, "cells": cells, **report}
    picture = {"output_type": "display_data", "data": {"image/png": PIXEL}}
    return {
        "report.json": json.dumps(whole).encode(),
        "notebook.html": b"<script>parent.document.cookie</script>",
        "notebook.ipynb": json.dumps({"cells": [{"outputs": [picture]}, {}]}).encode(),
    }


def run_id(number: int) -> str:
    return f"20260101T0000{number:02}Z-abcdef"


@pytest.fixture
def in_folder(api: Api) -> str:
    """A folder below the root with seven runs."""
    prefix = api.server.root / uuid.uuid4().hex
    for number in range(COUNT):
        write(prefix / "sales" / run_id(number), files_of(run_id(number), seconds=number))
    return prefix.name


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


@pytest.fixture
def in_bucket(s3: S3Server, bucket: str) -> str:
    """A bucket with the same seven runs."""
    with closing(s3.client()) as client:
        for number in range(COUNT):
            for name, data in files_of(run_id(number), seconds=number).items():
                key = f"all/sales/{run_id(number)}/{name}"
                client.put_object(Bucket=bucket, Key=key, Body=data)
    return f"s3://{bucket}/all"


@pytest.fixture(params=["in_folder", "in_bucket"])
def prefix(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


def test_pages_go_from_the_newest_to_the_oldest(api: Api, prefix: str) -> None:
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = api.json("/results", prefix=prefix, limit=3, **after)
        seen += [run["run_id"] for run in page["runs"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert seen == [run_id(number) for number in reversed(range(COUNT))]
    assert page["notebooks"] == ["sales"]
    assert api.json("/results", prefix=prefix, notebook="other")["runs"] == []


def test_a_run_is_shown_with_its_files_and_last_plot(api: Api, prefix: str) -> None:
    latest = api.json("/results/sales/latest", prefix=prefix)
    picture = api.get("/results/sales/latest/thumbnail", prefix=prefix)
    file = api.get(f"/results/sales/{run_id(0)}/files/report.json", prefix=prefix)

    assert latest["run"]["run_id"] == run_id(COUNT - 1)
    assert (latest["run"]["failed_cell"], latest["run"]["status"]) == (3, "failed")
    names = [file["name"] for file in latest["files"]]
    assert names == ["notebook.html", "notebook.ipynb", "report.json"]
    assert (picture.content, picture.headers["content-type"]) == (
        base64.b64decode(PIXEL),
        "image/png",
    )
    assert file.json()["seconds"] == 0
    assert file.headers["content-disposition"].startswith("attachment;")


def test_a_page_can_not_act_as_the_server(api: Api, prefix: str) -> None:
    answer = api.get("/results/sales/latest/html", prefix=prefix)

    policy = answer.headers["content-security-policy"]
    assert b"<script>" in answer.content
    assert policy.startswith("sandbox allow-scripts ")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        "/results/%2e%2e/latest",
        "/results/sales/%2e%2e",
        "/results/sales/latest/files/%2e%2e",
        "/results/sales/latest/files/..%2f..%2fsecret",
        "/results/sales/latest/files/link",
        "/results/sales/nothing",
        "/results/nothing/latest",
    ],
)
def test_no_name_leads_elsewhere(api: Api, in_folder: str, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("hidden")
    link = api.server.root / in_folder / "sales" / run_id(COUNT - 1) / "link"
    link.symlink_to(tmp_path / "secret")

    answer = api.get(path, prefix=in_folder)

    assert answer.status_code in (403, 404)
    assert "hidden" not in answer.text


@pytest.mark.parametrize(
    ("prefix", "status"),
    [
        ("/etc", 403),
        ("file:///etc", 403),
        ("../..", 403),
        ("ftp://host/x", 422),
        ("s3://never-made-bucket/x", 404),
        ("s3://", 422),
    ],
)
def test_a_place_that_may_not_or_can_not_be_read(api: Api, prefix: str, status: int) -> None:
    answer = api.get("/results", prefix=prefix)

    assert answer.status_code == status, answer.text


def test_a_folder_that_the_administrator_added_may_be_read(
    start_server: Callable[..., Api], tmp_path: Path
) -> None:
    write(tmp_path / "shared" / "sales" / run_id(1), files_of(run_id(1)))
    api = start_server(f"--KernelContainersApp.folders={tmp_path / 'shared'}")

    page = api.json("/results", prefix=str(tmp_path / "shared"))

    assert [run["run_id"] for run in page["runs"]] == [run_id(1)]


def test_reports_of_others_do_no_harm(api: Api) -> None:
    prefix = api.server.root / "strange"
    reports = [b"{", b"[]", b'{"status": 7, "cells": 3, "outputs": [], "seconds": "x"}', b"\xff"]
    for number, data in enumerate(reports):
        write(prefix / "sales" / run_id(number), {"report.json": data})

    page = api.json("/results", prefix="strange")

    assert len(page["runs"]) == len(reports)
