"""Which way messages go, by what the engine tells of itself, and what `auto` takes here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.engine.client import Engine
from kernel_containers.engine.endpoint import Endpoint
from kernel_containers.errors import InvalidInput
from kernel_containers.kernels.config import KernelConfig
from kernel_containers.kernels.engines import note_other_folders
from kernel_containers.kernels.transport import choose_transport
from tests.kernels.support import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OWN = f"{os.getuid()}:1"
APART = Endpoint(host="unix:///given/to/a/container.sock", origin="a test")
OTHER = f"{os.getuid() + 1}:1"


@pytest.fixture
def choose(engine: Engine) -> Callable[..., str]:
    """Choose for an engine at some address that says something of itself."""

    def chosen(
        user: str = OWN,
        *security: str,
        host: str = "unix:///var/run/docker.sock",
        system: str = "Debian GNU/Linux 12",
        ipykernel: bool = True,
        **config: Any,
    ) -> str:
        info = {"OperatingSystem": system, "SecurityOptions": list(security)}
        there = Engine(Endpoint(host=host, origin="a test"), engine.api)
        parsed = KernelConfig.parse({"image": "a", **config})
        return choose_transport(parsed, there, info, user, is_ipykernel=ipykernel)

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
        ([OWN], {"host": "unix:///given/to/a/container.sock"}, "does not see"),
    ],
)
def test_elsewhere_the_stream_carries_them_and_ipc_is_refused(
    choose: Callable[..., str], arguments: list[str], options: dict[str, Any], why: str
) -> None:
    note_other_folders(APART)

    assert choose(*arguments, **options) == "stdio"
    with pytest.raises(InvalidInput) as refused:
        choose(*arguments, **options, transport="ipc")
    assert why in str(refused.value)


def test_other_kernels_may_know_tcp_only(choose: Callable[..., str]) -> None:
    assert choose(ipykernel=False) == "stdio"
    assert choose(ipykernel=False, transport="ipc") == "ipc"


def test_ports_need_a_network_and_a_local_engine(choose: Callable[..., str]) -> None:
    assert choose(transport="publish") == "publish"
    for options in ({"network": "none"}, {"host": "tcp://far:2376"}):
        with pytest.raises(InvalidInput, match="publish"):
            choose(transport="publish", **options)


def test_auto_shares_sockets_with_this_users_kernels_alone(
    install: Callable[..., str], workspace: Path
) -> None:
    with running(install("own"), workspace) as own:
        assert (own.transport, own.text("print('works')")) == ("ipc", "works")
    with running(install("other", user=OTHER), workspace) as other:
        assert (other.transport, other.text("print('works')")) == ("stdio", "works")


# Where Jupyter runs in a container and was given the engine's socket.
APART_PROGRAM = """
import sys
from jupyter_client.multikernelmanager import MultiKernelManager
from kernel_containers.kernels.pool import pool
from tests.kernels.support import Running, until

manager = MultiKernelManager()
for name in sys.argv[1:]:
    kernel = manager.get_kernel(manager.start_kernel(kernel_name=name))
    client = kernel.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    started = Running(kernel, client)
    print(started.transport, started.text("print(6 * 7)"), flush=True)
    started.restart()
    print(started.text("print('back')"), flush=True)
    until(lambda: len(pool()) == 1)
    client.stop_channels()
manager.shutdown_all(now=True)
pool().close()
"""


@pytest.mark.full
@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("unshare"), reason="needs root")
def test_auto_does_without_shared_sockets_where_the_engine_sees_other_folders(
    install: Callable[..., str], jupyter_folders: Path
) -> None:
    name = install("apart", workspace="none")
    hide = f"mkdir -p {jupyter_folders}/runtime && mount -t tmpfs none {jupyter_folders}/runtime"
    command = ["unshare", "-m", "sh", "-ec", f'{hide}; exec "$@"', "sh", sys.executable, "-c"]

    done = subprocess.run(
        [*command, APART_PROGRAM, name, name], capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == ["stdio", "42", "back"] * 2, done.stderr
