"""Python expressions that are plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value in JSON terms, and what to put around another one in its place.

    A tuple or set is a list in JSON: `tuple(` and `)` keep it what it was. `within` is the part
    of the expression that is the value, where it is not all of it, as in `Path("data.csv")`.
    JSON has no nan and no infinity: they are texts here, of the type float.
    """

    value: JsonValue
    type: ParameterType
    prefix: str = ""
    suffix: str = ""
    within: ast.expr | None = None
    choices: tuple[JsonValue, ...] = ()


def type_of(value: JsonValue) -> ParameterType:
    """Return the type of a parameter that has this value."""
    types: Mapping[type, ParameterType] = {
        bool: "bool",
        int: "int",
        float: "float",
        str: "str",
        list: "list",
        dict: "dict",
    }
    return types.get(type(value), "json")
