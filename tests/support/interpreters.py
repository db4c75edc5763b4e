"""Interpreters as they are found, without asking one."""

from __future__ import annotations

from kernel_containers.core.snapshot import Interpreter

DEBIAN_12 = Interpreter(
    executable="/usr/bin/python3",
    version=(3, 11, 2),
    implementation="cpython",
    machine="x86_64",
    prefix="/usr",
    base_prefix="/usr",
    libc=("glibc", "2.36"),
    kernel_version=None,
)
