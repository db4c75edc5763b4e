"""Which way messages go, by what the engine tells of itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.engine.client import Engine
from kernel_containers.engine.endpoint import Endpoint
from kernel_containers.errors import InvalidInput
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.transport import choose_transport

if TYPE_CHECKING:
    from collections.abc import Callable

OWN = f"{os.getuid()}:1"
OTHER = f"{os.getuid() + 1}:1"


@pytest.fixture
def choose(engine: Engine) -> Callable[..., str]:
    """Choose for an engine at some address that says something of itself."""

    def chosen(
        user: str = OWN,
        *security: str,
        host: str = "unix:///var/run/docker.sock",
        system: str = "Debian GNU/Linux 12",
        python: bool = True,
        **config: Any,
    ) -> str:
        info = {"OperatingSystem": system, "SecurityOptions": list(security)}
        there = Engine(Endpoint(host=host, origin="a test"), engine.api)
        parsed = KernelConfig.parse({"image": "a", **config})
        return choose_transport(parsed, there, info, user, is_python=python)

    return chosen


def test_shared_sockets_are_used_where_they_work(choose: Callable[..., str]) -> None:
    assert choose() == "ipc"
    assert choose("0:0", "name=seccomp", "name=rootless") == "ipc"


@pytest.mark.parametrize(
    ("arguments", "options", "why"),
    [
        ([OTHER], {}, "another user"),
        ([""], {}, "another user"),
        ([OWN, "name=userns"], {}, "keeps containers from"),
        ([OWN, "name=selinux"], {}, "keeps containers from"),
        ([OWN], {"system": "Docker Desktop"}, "virtual machine"),
        ([OWN], {"host": "tcp://far:2376"}, "another machine"),
    ],
)
def test_elsewhere_the_stream_carries_them_and_ipc_is_refused(
    choose: Callable[..., str], arguments: list[str], options: dict[str, Any], why: str
) -> None:
    assert choose(*arguments, **options) == "stdio"
    with pytest.raises(InvalidInput) as refused:
        choose(*arguments, **options, transport="ipc")
    assert why in str(refused.value)


def test_other_languages_may_know_tcp_only(choose: Callable[..., str]) -> None:
    assert choose(python=False) == "stdio"
    assert choose(python=False, transport="ipc") == "ipc"


def test_ports_need_a_network_and_a_local_engine(choose: Callable[..., str]) -> None:
    assert choose(transport="publish") == "publish"
    for options in ({"network": "none"}, {"host": "tcp://far:2376"}):
        with pytest.raises(InvalidInput, match="publish"):
            choose(transport="publish", **options)
