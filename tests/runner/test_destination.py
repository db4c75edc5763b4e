"""Where outputs go: the strongest of several words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel_containers.core.contract import OUTPUT_VARIABLE, RUN_ID_VARIABLE
from kernel_containers.errors import UsageError
from kernel_containers.runner.arguments import parse_arguments
from kernel_containers.runner.outputs import Destination, find_destination
from kernel_containers.runner.request import Sources

OLD = {"Context": {"OutputUris": {"html": "s3://old/a.html", "ipynb": "s3://old/a.ipynb"}}}


def found(*arguments: str, **fields: Any) -> Destination:
    """Return the destination of a run."""
    fields.setdefault("environ", {})
    return find_destination(
        parse_arguments(arguments),
        Sources(root=Path("/"), **fields),
        "/workspace/My Report (2).ipynb",
    )


def test_stronger_words_win() -> None:
    environ = {OUTPUT_VARIABLE: "s3://variable/x"}
    request = {"output": "s3://request/x"}

    buckets = [
        found(file_2019=OLD).uris.ipynb,
        found(file_2019=OLD, environ=environ).uris.ipynb,
        found(file_2019=OLD, environ=environ, request=request).uris.ipynb,
        found("--output", "s3://argument", environ=environ, request=request).uris.ipynb,
    ]

    assert [uri and uri.bucket for uri in buckets] == ["old", "variable", "request", "argument"]


def test_a_prefix_gives_every_output_a_predictable_place() -> None:
    destination = found("--output", "/out/", environ={RUN_ID_VARIABLE: "r1"})

    assert destination.names() == {
        "ipynb": "file:///out/my-report-2/r1/notebook.ipynb",
        "html": "file:///out/my-report-2/r1/notebook.html",
        "report": "file:///out/my-report-2/r1/report.json",
        "log": "file:///out/my-report-2/r1/log.jsonl",
        "latest": "file:///out/my-report-2/latest.json",
    }


def test_exact_places_replace_those_below_the_prefix() -> None:
    names = found("--output", "s3://bucket/p", "--html", "/h.html").names()

    assert names["html"] == "file:///h.html"
    assert names["ipynb"].startswith("s3://bucket/p/my-report-2/")


def test_exact_places_are_enough() -> None:
    names = found("--html", "/h.html", environ={OUTPUT_VARIABLE: "s3://bucket/p"}).names()

    assert names == {"html": "file:///h.html"}


REFUSED = [
    (),
    ("--output", "relative"),
    ("--output", "https://example.org/x"),
    ("--output", "s3://"),
    ("--html", "s3://bucket"),
]


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_is_no_place_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        found(*arguments)


@pytest.mark.parametrize("run_id", ["../x", "a/b", ".", "x" * 101, 5, "прогон", "a b"])
def test_a_run_id_that_is_no_name_is_refused(run_id: Any) -> None:
    with pytest.raises(UsageError):
        found("--output", "/out", request={"run_id": run_id})
