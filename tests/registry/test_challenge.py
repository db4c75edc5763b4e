"""`WWW-Authenticate` headers as registries send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_containers.registry.challenge import Challenge, parse_challenges

CASES = {
    "docker hub": (
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
        'scope="repository:library/debian:pull,push"',
        [
            Challenge(
                "bearer",
                {
                    "realm": "https://auth.docker.io/token",
                    "service": "registry.docker.io",
                    "scope": "repository:library/debian:pull,push",
                },
            )
        ],
    ),
    "a comma inside quotes separates nothing": (
        'Basic realm="a, b=\\"c\\", Bearer"',
        [Challenge("basic", {"realm": 'a, b="c", Bearer'})],
    ),
    "several in one header": (
        'Negotiate, Basic realm="x", Bearer realm="https://t/",error="invalid_token"',
        [
            Challenge("negotiate"),
            Challenge("basic", {"realm": "x"}),
            Challenge("bearer", {"realm": "https://t/", "error": "invalid_token"}),
        ],
    ),
    "token68": (
        'Negotiate oYG2MIGzoAMKAQ==, Basic realm="x"',
        [Challenge("negotiate"), Challenge("basic", {"realm": "x"})],
    ),
    "unquoted values, odd spaces and case": (
        "BEARER Realm = https://t/token , SERVICE=registry:5000",
        [Challenge("bearer", {"realm": "https://t/token", "service": "registry:5000"})],
    ),
    "empty list elements": (
        ' , Basic , , realm="x",',
        [Challenge("basic", {"realm": "x"})],
    ),
    "the first of two equal names counts": (
        'Bearer realm="https://good/",realm="https://bad/"',
        [Challenge("bearer", {"realm": "https://good/"})],
    ),
    "an unfinished quote ends it": ('Basic realm="x', [Challenge("basic")]),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("header", "expected"), CASES.values(), ids=CASES.keys())
def test_a_header_becomes_challenges(header: str, expected: list[Challenge]) -> None:
    assert list(parse_challenges([header])) == expected


def test_all_headers_are_read() -> None:
    found = parse_challenges(['Bearer realm="https://t/"', 'Basic realm="x"'])

    assert [challenge.scheme for challenge in found] == ["bearer", "basic"]


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])))
def test_a_quoted_value_is_read_back_whatever_it_holds(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')

    assert parse_challenges([f'Bearer realm="{quoted}",service=s']) == (
        Challenge("bearer", {"realm": value, "service": "s"}),
    )


@given(st.text())
def test_no_header_breaks_the_parser(header: str) -> None:
    assert all(challenge.scheme for challenge in parse_challenges([header]))
