"""References and destinations, as people type them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.core.digest import Digest
from kernel_containers.core.reference import (
    ImageReference,
    ToEngine,
    ToLayout,
    ToRegistry,
    parse_destination,
    slug,
)
from kernel_containers.errors import InvalidInput

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "host", "path", "tag", "digest"),
    [
        ("ubuntu", "", "ubuntu", None, None),
        ("ubuntu:22.04", "", "ubuntu", "22.04", None),
        ("team/report:1", "", "team/report", "1", None),
        ("localhost/report", "localhost", "report", None, None),
        ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1", None),
        ("r.example/a@" + DIGEST, "r.example", "a", None, DIGEST),
        ("r.example:443/a:1@" + DIGEST, "r.example:443", "a", "1", DIGEST),
        ("[::1]:5000/a", "[::1]:5000", "a", None, None),
    ],
)
def test_a_reference_has_the_parts_docker_sees(
    text: str, host: str, path: str, tag: str | None, digest: str | None
) -> None:
    reference = ImageReference.parse(text)

    assert (reference.repository.host, reference.repository.path) == (host, path)
    assert reference.tag == tag
    assert reference.digest == (Digest.parse(digest) if digest else None)
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Team/x",
        "a//b",
        "r.example/a:",
        "a:tag!",
        "a@sha256:12",
        "-a/b",
        "r.example/",
        "a b",
        "x/..",
    ],
)
def test_a_malformed_reference_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        ImageReference.parse(text)

    assert caught.value.exit_code == 65


def test_a_destination_without_a_host_is_refused_with_both_spellings() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_destination("report:2")

    assert "docker:report:2" in str(caught.value)
    assert "REGISTRY-HOST/report:2" in str(caught.value)


def test_destinations_default_to_the_tag_latest() -> None:
    assert parse_destination("docker:report") == ToEngine(ImageReference.parse("report:latest"))
    assert parse_destination("r.example/report") == ToRegistry(
        ImageReference.parse("r.example/report:latest")
    )
    assert parse_destination("oci:/tmp/x") == ToLayout(Path("/tmp/x"))


def test_a_destination_can_not_choose_its_digest() -> None:
    with pytest.raises(InvalidInput):
        parse_destination(f"r.example/report@{DIGEST}")


@given(st.text())
def test_a_slug_is_always_a_valid_repository(text: str) -> None:
    assert ImageReference.parse(slug(text)).repository.path == slug(text)


def test_a_slug_is_readable() -> None:
    assert slug("My Report (2).ipynb") == "my-report-2"
    assert (
        slug("Été à Zürich.ipynb") == slug("E\u0301te\u0301 a\u0300 Zu\u0308rich") == "ete-a-zurich"
    )
    assert slug("---.ipynb") == "notebook"


def test_names_in_other_alphabets_stay_apart() -> None:
    names = {
        slug(name) for name in ("报告.ipynb", "分析.ipynb", "报告 2026.ipynb", "分析 2026.ipynb")
    }

    assert len(names) == 4
    assert all(name.startswith(("notebook-", "2026-")) for name in names)
