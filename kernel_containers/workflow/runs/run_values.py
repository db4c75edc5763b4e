"""A run's values in JSON terms, checked against the image's own schema before anything starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kernel_containers.core.parameter_values import from_json, unknown_parameter
from kernel_containers.core.parameters import Parameter
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue


def check_values(
    schema: Mapping[str, Any], values: Mapping[str, JsonValue], secrets: Mapping[str, str]
) -> tuple[dict[str, JsonValue], dict[str, str]]:
    """Return parameters and secrets; a value of a secret parameter becomes a secret.

    Raises:
        InvalidInput: a name the image does not have, an ill-typed value, or one that is missing.
    """
    known = {name: _parameter(name, item) for name, item in schema.get("properties", {}).items()}
    for name in (*values, *secrets):
        if name not in known:
            raise unknown_parameter(name, known)
    hidden = dict(secrets)
    plain: dict[str, JsonValue] = {}
    for name, value in values.items():
        if not known[name].secret:
            plain[name] = from_json(known[name], value)
        elif name not in hidden:
            hidden[name] = value if isinstance(value, str) else json.dumps(value)
    missing = [name for name in schema.get("required", ()) if name not in plain | hidden]
    if missing:
        raise InvalidInput(
            f"{', '.join(missing)} must be given.", why="the image has no default for it"
        )
    return plain, hidden


def _parameter(name: str, item: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=name,
        type=item.get("x-type", "json"),
        secret=bool(item.get("writeOnly")),
        choices=tuple(item.get("enum", ())),
        nullable="null" in item.get("type", ()),
    )
