"""Parameters from YAML and JSON, where a string that was declared stays what was written.

YAML is read by the core schema of YAML 1.2: `NO`, `12:30`, `2024-01-02` and `1_000` are strings,
`1e5` is a number; PyYAML's own rules are those of YAML 1.1. Digits with leading zeros are a string.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from typing import TYPE_CHECKING, Any

from kernel_containers.core.json_values import DEEPEST, read_integer, read_json
from kernel_containers.core.parameter_values import from_json, from_text, undeclared
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue, Parameter

_TEXT_TYPES = ("str", "date", "datetime")
_TAG = "tag:yaml.org,2002:"
# Not those that somebody wrote, such as `!!binary`: they make something else of a text.
_AS_WRITTEN = frozenset(
    f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "merge")
)
_CORE_SCHEMA = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),  # of YAML 1.1, and no name that somebody means: refused
)


def read_document(
    text: str, parameters: Mapping[str, Parameter], source: str
) -> dict[str, JsonValue]:
    """Return the values by name of a YAML or JSON mapping; an empty document has none.

    Names that are not declared keep the value that the document says.

    Raises:
        InvalidInput: malformed, no mapping, a name twice, or a value of another type.
    """
    text = text.removeprefix("\ufeff")
    # JSON is YAML, and read a hundred times faster.
    if text.lstrip().startswith("{"):
        try:
            found = read_json(text)
        except ValueError as error:
            if "given twice" in str(error):
                raise InvalidInput(f"A name stands twice in {source}.", why=str(error)) from error
        else:
            return {name: _checked(name, value, parameters) for name, value in found.items()}
    return _read_yaml(text, parameters, source)


def decode_base64(text: str, source: str) -> str:
    """Return what was encoded.

    Raises:
        InvalidInput: not base64 of UTF-8.
    """
    try:
        # `base64 FILE` breaks lines, and papermill takes them.
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"{source} is not base64 of UTF-8 text.", why=str(error)) from error


def _checked(name: str, value: JsonValue, parameters: Mapping[str, Parameter]) -> JsonValue:
    return from_json(parameters.get(name) or undeclared(name), value)


def _read_yaml(text: str, parameters: Mapping[str, Parameter], source: str) -> dict[str, JsonValue]:
    import yaml  # noqa: PLC0415 - most runs have no YAML

    try:
        loader = _core_loader()(text)
    except (yaml.YAMLError, ValueError) as error:  # half of a surrogate pair
        raise _unreadable(source, error) from error
    try:
        root = loader.get_single_node()
        if root is None:
            return {}
        if not isinstance(root, yaml.MappingNode):
            raise InvalidInput(f"{source} is no mapping of names to values.")
        found: dict[str, JsonValue] = {}
        for key_node, node in root.value:
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if name is None:
                raise InvalidInput(f"A name in {source} is no string.")
            if name in found:
                raise InvalidInput(f"{name!r} stands twice in {source}.")
            found[name] = _value(loader, node, parameters.get(name) or undeclared(name))
        return found
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(source, error) from error
    finally:
        loader.dispose()


def _unreadable(source: str, error: Exception) -> InvalidInput:
    too_deep = isinstance(error, RecursionError)
    why = f"it is nested more than {DEEPEST} deep" if too_deep else " ".join(str(error).split())
    return InvalidInput(f"{source} can't be read.", why=why)


def _value(loader: Any, node: Any, parameter: Parameter) -> JsonValue:
    import yaml  # noqa: PLC0415

    if parameter.nullable and node.tag == f"{_TAG}null":
        return None
    # The tag says how the scalar would be read; what was written is in `value`.
    is_null = node.tag.endswith(":null") and not node.value
    is_text = isinstance(node, yaml.ScalarNode) and node.tag in _AS_WRITTEN and not is_null
    if is_text and parameter.type in _TEXT_TYPES:
        return from_text(parameter, node.value)
    return from_json(parameter, loader.construct_object(node, deep=True))


@functools.cache
def _core_loader() -> type[Any]:
    import yaml  # noqa: PLC0415

    base: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class CoreLoader(base):  # type: ignore[misc]
        """Only what JSON has, and each name once."""

        yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    for name, pattern, first in _CORE_SCHEMA:
        CoreLoader.add_implicit_resolver(_TAG + name, re.compile(f"(?:{pattern})\\Z"), first)
    for name, construct in _CONSTRUCTORS.items():
        CoreLoader.add_constructor(_TAG + name, construct)
    return CoreLoader


def _construct_map(loader: Any, node: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            message = f"a key is {key!r}; JSON has only strings as keys"
            raise ValueError(message)  # noqa: TRY004 - the caller's one class
        if key in found:
            message = f"{key!r} is given twice"
            raise ValueError(message)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _refuse(_loader: Any, node: Any) -> None:
    message = f"{node.tag} has no JSON form"
    raise ValueError(message)


def _construct_int(loader: Any, node: Any) -> int:
    text = loader.construct_scalar(node)
    return read_integer(text, 0 if text.startswith(("0o", "0x")) else 10)


def _construct_float(loader: Any, node: Any) -> float:
    text = loader.construct_scalar(node).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_CONSTRUCTORS = {
    "int": _construct_int,
    "float": _construct_float,
    "bool": lambda loader, node: loader.construct_scalar(node).lower() == "true",
    "map": _construct_map,
    **dict.fromkeys(("binary", "timestamp", "omap", "pairs", "set", "merge"), _refuse),
}
