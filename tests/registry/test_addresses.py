"""Which hosts are local, and which locations are followed."""

from __future__ import annotations

import pytest

from kernel_containers.errors import Unavailable
from kernel_containers.registry.addresses import follow, is_loopback, origin


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.1.2.3", True),
        ("[::1]:5000", True),
        ("registry.example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com:5000", False),
        ("10.0.0.1:5000", False),
        ("127.1:5000", False),  # the C library takes it for 127.0.0.1; Docker does not
    ],
)
def test_only_names_that_say_so_are_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("base", "location", "expected"),
    [
        (
            "https://r.example.com/v2/a/blobs/uploads/",
            "/v2/a/blobs/uploads/1?_state=a%2Fb%3D",
            "https://r.example.com/v2/a/blobs/uploads/1?_state=a%2Fb%3D",
        ),
        ("https://r.example.com/v2/a/", "?x=1", "https://r.example.com/v2/a/?x=1"),
        (
            "https://r.example.com/v2/",
            "https://s3.amazonaws.com/b/k?X-Amz-Signature=1",
            "https://s3.amazonaws.com/b/k?X-Amz-Signature=1",
        ),
        # A proxy that ends TLS before the registry.
        (
            "https://r.example.com:8443/v2/",
            "http://r.example.com/v2/x",
            "https://r.example.com:8443/v2/x",
        ),
        ("https://r.example.com/v2/", "https://u:p@r.example.com/x", "https://r.example.com/x"),
        ("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/x", "http://127.0.0.1:5001/x"),
        ("https://10.0.0.1/v2/", "https://10.0.0.2/x", "https://10.0.0.2/x"),
    ],
)
def test_a_location_is_followed_as_it_is(base: str, location: str, expected: str) -> None:
    assert follow(base, location) == expected


@pytest.mark.parametrize(
    "location",
    [
        "http://elsewhere.example.com/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.1.2.3/x",
        "https://[::1]/x",
        "https://localhost/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "file:///etc/passwd",
        "https://[broken/x",
        "https://r.example.com:port/x",
    ],
)
def test_a_public_registry_can_not_lead_astray(location: str) -> None:
    with pytest.raises(Unavailable, match=r"r\.example\.com answered with a location"):
        follow("https://r.example.com/v2/", location)


def test_an_origin_has_its_default_port() -> None:
    assert origin("https://r.example.com/a") == origin("https://r.example.com:443/b")
    assert origin("http://r.example.com/a") != origin("https://r.example.com/a")
    assert origin("https://r.example.com:444/") != origin("https://r.example.com/")
