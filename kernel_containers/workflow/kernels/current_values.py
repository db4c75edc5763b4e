"""A running kernel's values beside those of a notebook's text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kernel_containers.kernels.ask import Silent, current_values
from kernel_containers.snapshot import secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.kernels.ask import RunningKernel


def with_current(found: Mapping[str, Any], kernel: RunningKernel) -> dict[str, Any]:
    """Return an inspection with the `current` value of each variable that the kernel tells.

    Secrets are not asked for, and what looks like one is not told.
    """
    variables = found["variables"]
    names = [item["name"] for item in variables if not item["secret"]]
    try:
        values = current_values(kernel, names) if names else {}
    except Silent as silent:
        return {**found, "live": {"read": False, "remark": str(silent)}}
    return {
        **found,
        "variables": [
            {**item, "current": _told(item["name"], values.get(item["name"]))} for item in variables
        ],
        "live": {"read": True, "remark": None},
    }


def _told(name: str, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if value is None:
        return None
    text = f"{name} = {json.dumps(value['value'], ensure_ascii=False)}"
    return None if secrets.find_secrets([(name, text)], ()) else value
