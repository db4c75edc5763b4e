"""The lists of a registry: repositories and tags, page by page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import NotFound, Refused, Unavailable
from kernel_containers.registry.answers import Answer
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.paging import next_page
from kernel_containers.registry.push import push
from kernel_containers.registry.repositories import (
    create_repository,
    list_repositories,
    must_create,
)
from tests.registry.samples import Recorder, list_tags, settings

if TYPE_CHECKING:
    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.registry.client import Registry
    from tests.support.faultproxy import FaultProxy


def test_all_pages_are_listed(
    proxy: FaultProxy, through_proxy: Registry, image: BuiltImage, path: str
) -> None:
    for name in ("a", "b", "c"):
        target = ImageReference(Repository(through_proxy.host, f"{path}/{name}"), "v1")
        push(image, target, through_proxy)
    first = json.dumps({"repositories": [f"{path}/0"]}).encode()
    # The registry's own pages have a thousand members: this one has the first of them.
    link = '</v2/_catalog?n=1&last=tests>; rel="next"'
    proxy.add("status", path="_catalog", status=200, body=first, headers={"Link": link})

    found = list_repositories(through_proxy)

    catalog = [seen.target for seen in proxy.seen if "_catalog" in seen.target]
    assert [name for name in found if name.startswith(path)] == [
        f"{path}/{name}" for name in ("0", "a", "b", "c")
    ]
    assert len(catalog) >= 4  # one of the proxy, and one of each name
    assert list(found) == sorted(found)


def test_pages_that_go_in_a_circle_are_given_up() -> None:
    body = json.dumps({"repositories": ["a"]}).encode()
    with (
        Recorder(200, {"Link": '</v2/_catalog?n=1000>; rel="next"'}, body) as server,
        open_registry(server.host, settings()) as opened,
        pytest.raises(Unavailable, match="repeats itself"),
    ):
        list_repositories(opened)


def test_a_list_that_is_not_json_is_an_error() -> None:
    with (
        Recorder(200, {}, b"<html>") as server,
        open_registry(server.host, settings()) as opened,
        pytest.raises(Unavailable, match="not able to list"),
    ):
        list_tags(opened, "team/report")


def test_a_registry_without_a_catalog_says_so() -> None:
    with (
        Recorder(404, {}) as server,
        open_registry(server.host, settings()) as opened,
        pytest.raises(Refused, match="does not list its repositories"),
    ):
        list_repositories(opened)


def test_a_repository_without_tags_has_an_empty_list() -> None:
    with (
        Recorder(200, {}, b'{"name": "a", "tags": null}') as server,
        open_registry(server.host, settings()) as opened,
    ):
        assert list_tags(opened, "a") == ()


def test_the_tags_of_an_absent_repository_are_not_an_empty_list(
    opened: Registry, path: str
) -> None:
    with pytest.raises(NotFound, match=path):
        list_tags(opened, path)


def test_other_registries_than_ecr_need_no_repository_before_a_push(
    opened: Registry, path: str
) -> None:
    assert not must_create(opened, path)
    assert not create_repository(opened, path)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('</v2/_catalog?last=b&n=1>; rel="next"', "http://r/v2/_catalog?last=b&n=1"),
        ("<next?x=1,2>; rel=next", "http://r/v2/next?x=1,2"),
        ('</a>; rel="prev", </b>; title="x; rel=next"; rel="last next"', "http://r/b"),
        ('</a>; rel="prev"', None),
        ('</a>; rel="nextish"', None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_a_link_header_names_the_next_page(link: str, expected: str | None) -> None:
    answer = Answer(status=200, url="http://r/v2/_catalog", headers=httpx.Headers({"Link": link}))

    assert next_page(answer) == expected
