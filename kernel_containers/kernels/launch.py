"""What one start of a kernel needs, as Jupyter and the kernelspec ask for it."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import zmq

from kernel_containers.errors import InvalidInput
from kernel_containers.kernels.boot import client_files, worker_program
from kernel_containers.kernels.container import RETURN
from kernel_containers.kernels.container_spec import (
    HOME,
    PACKAGES,
    RUN,
    Place,
    host_user,
    outlives,
    working_directory,
)
from kernel_containers.kernels.process import launcher_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

    from kernel_containers.kernels.config import KernelConfig
    from kernel_containers.kernels.connection import Address

SOCKETS = f"{RUN}/kernel"
NOTEBOOK = "JPY_SESSION_NAME"  # the notebook's path
_SCHEME = "hmac-sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One start of a kernel. `connection` is the connection file's part besides addresses.

    `pool` says what may wait for the next start of this kind.
    """

    kernel_id: str
    name: str  # the kernelspec's
    config: KernelConfig
    argv: Sequence[str]
    language: str
    environment: Mapping[str, str]
    place: Place
    connection: Mapping[str, Any]
    pool: str = "off"

    @property
    def is_python(self) -> bool:
        """Whether it is a kernel for Python."""
        return self.language.lower().startswith("python")

    @property
    def has_worker(self) -> bool:
        """Whether a worker can begin before it is known what for (see process.py)."""
        return self.is_python and launcher_at(self.argv) is not None

    @property
    def directory(self) -> str | None:
        """Where the kernel starts; None for the image's own working directory."""
        return working_directory(self.config, self.place)

    def message(self, address: Address) -> dict[str, Any]:
        """Return what the supervisor is told."""
        # ipykernel listens on Unix sockets; other kernels, as xeus-python, may know only TCP.
        ipc = address.transport == "ipc" or (address.transport == "stdio" and self.has_worker)
        # Published ports are forwarded to the container's own address.
        everywhere = address.ports and self.config.network != "host"
        return {
            "argv": list(self.argv),
            "environment": dict(self.environment),
            "directory": self.directory,
            "folder": SOCKETS,
            "transport": "ipc" if ipc else "tcp",
            "ip": "0.0.0.0" if everywhere else None,  # noqa: S104 - within the container
            "ports": list(address.ports) or None,
            "connection": dict(self.connection),
            "umask": host_user().umask if self.config.user == "host" else None,
            "home": HOME,
            "outlive": max(RETURN, self.config.outlive if outlives(self.config, self.place) else 0),
            "packages": PACKAGES if self.is_python else None,
            "client": client_files() if self.is_python else None,
            "program": worker_program() if self.has_worker else None,
        }

    def for_nobody(self) -> Launch:
        """Return the start of a kernel that waits for somebody like this one's user."""
        environment = {name: text for name, text in self.environment.items() if name != NOTEBOOK}
        key = {**self.connection, "key": secrets.token_hex(32)}
        return replace(self, kernel_id="", environment=environment, connection=key)


def check_command(argv: Sequence[Any], environment: Mapping[str, Any]) -> None:
    """Check what Jupyter takes from kernel.json as it is.

    Raises:
        InvalidInput: no program can be started so.
    """
    texts = all(isinstance(word, str) and "\0" not in word for word in argv)
    if not texts or not argv or not argv[0] or "{connection_file}" not in "".join(argv):
        raise InvalidInput(
            "`argv` in the kernel's kernel.json starts no kernel.",
            why=f"it is {list(argv)!r}",
            todo="give a program and its arguments as texts, `{connection_file}` among them",
        )
    for name, value in environment.items():
        if not name or {"=", "\0"} & set(name) or not isinstance(value, str) or "\0" in value:
            raise InvalidInput(
                f"`env` in the kernel's kernel.json has no variable in {name!r}: {value!r}.",
                todo="give texts as values, and names without `=`",
            )


def read_launch(
    provisioner: KernelProvisionerBase, config: KernelConfig, argv: Sequence[str], given: Any
) -> Launch:
    """Return what Jupyter's kernel manager and the arguments of `launch_kernel` ask for."""
    manager: Any = provisioner.parent
    spec = provisioner.kernel_spec
    variables: dict[str, str] = given.get("env") or {}
    names = {*spec.env, *config.env_passthrough, NOTEBOOK}
    # ipykernel ends when the process in JPY_PARENT_PID is not its parent.
    names.discard("JPY_PARENT_PID")
    root = getattr(manager.parent, "root_dir", None)
    connection = {
        "key": manager.session.key.decode(),
        "signature_scheme": manager.session.signature_scheme,
        "kernel_name": manager.kernel_name,
    }
    encrypted = getattr(manager, "curve_publickey", None) is not None
    if encrypted:
        connection["curve_publickey"] = manager.curve_publickey.decode()
        connection["curve_secretkey"] = manager.curve_secretkey.decode()
    launch = Launch(
        kernel_id=str(provisioner.kernel_id),
        name=manager.kernel_name,
        config=config,
        argv=argv,
        language=str(spec.language),
        environment={name: variables[name] for name in sorted(names) if name in variables},
        place=Place(
            directory=os.path.abspath(given.get("cwd") or "."),  # noqa: PTH100 - keeps links
            root=os.path.abspath(root) if root else None,  # noqa: PTH100
            notebook=variables.get(NOTEBOOK),
        ),
        connection=connection,
    )
    if manager.parent is None or not launch.has_worker:
        return launch  # a program that starts one kernel has no use for a second one
    # A hot kernel has its keys before somebody asks for it.
    cold = encrypted or connection["signature_scheme"] != _SCHEME
    return replace(launch, pool="warm" if cold and config.pool == "hot" else config.pool)


def make_keys(manager: Any) -> None:
    """Make a kernel's keys where its messages are to be encrypted; a restart keeps them."""
    policy = getattr(manager, "transport_encryption", "disabled")
    if policy == "disabled" or manager.curve_publickey is not None:
        return
    if policy == "required" or manager._kernel_supports_curve_encryption():  # noqa: SLF001
        manager.curve_publickey, manager.curve_secretkey = zmq.curve_keypair()


def take_keys(manager: Any, connection: Mapping[str, Any]) -> None:
    """Use the keys of a kernel that ran before it was asked for."""
    for name in ("curve_publickey", "curve_secretkey"):
        setattr(manager, name, connection[name].encode() if name in connection else None)
