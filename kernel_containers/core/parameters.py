"""Variables found in a notebook and parameters declared for an image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from kernel_containers.errors import InvalidInput

# None, bool, int, float, str, and lists and string-keyed dicts of them.
JsonValue = Any

ParameterType = Literal[
    "str", "int", "float", "bool", "date", "datetime", "list", "dict", "enum", "json"
]
PARAMETER_TYPES: tuple[ParameterType, ...] = get_args(ParameterType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A span of one cell's source that is replaced by `prefix` + literal + `suffix`.

    `cell` counts from 0 over all cells; `start` and `end` are character offsets in the cell's
    source with `start == end` for an insertion. `source_sha256` is the hash of that source in
    UTF-8, so that an edit can only be made to the text it was decided on. The literal is an
    expression that gives the value itself: that of a date makes a date, that of a list a list.
    """

    cell: int
    cell_id: str
    start: int
    end: int
    prefix: str = ""
    suffix: str = ""
    source_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A module-level assignment of a literal.

    `default` is the literal's value in JSON terms (dates as ISO 8601). `edits` are the places
    that give the variable this value, first one first. `notes` are sentences for the author,
    such as a later assignment that would discard a given value; `contested` says that there is
    one. A variable that is `required` is only declared, as in `n: int`.
    """

    name: str
    type: ParameterType
    default: JsonValue
    description: str = ""
    secret: bool = False
    tagged: bool = False  # in a cell with the tag `parameters`
    required: bool = False
    contested: bool = False  # code that is no plain assignment also gives it a value
    choices: tuple[JsonValue, ...] = ()
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A declared input of an image.

    Without `edits` a value goes into an injected cell. `choices` belongs to type `enum`.
    A secret's `default` is None: it is never shipped. A default that is `applied` is not what
    the code says, so each run that gives no value is given it. What is `nullable` is None in the
    code, and may be given as that beside values of its type.
    """

    name: str
    type: ParameterType
    default: JsonValue = None
    required: bool = False
    secret: bool = False
    description: str = ""
    choices: tuple[JsonValue, ...] = ()
    edits: tuple[Edit, ...] = ()
    applied: bool = False
    nullable: bool = False


# The schema is a label of the image and an annotation of its manifest, which registries limit
# to 4 MB in all.
LONGEST_DEFAULT = 4096

_SCHEMAS: dict[ParameterType, dict[str, JsonValue]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "list": {"type": "array"},
    "dict": {"type": "object"},
    "enum": {},
    "json": {},
}


def json_schema(parameters: tuple[Parameter, ...], title: str = "") -> dict[str, JsonValue]:
    """Return the JSON Schema (draft 2020-12) of an object with these parameters, in order.

    `x-type` holds our type where the schema's is wider; a secret is `writeOnly`. A default of
    more than LONGEST_DEFAULT characters of JSON is left out: it is data rather than a setting.
    """
    properties: dict[str, JsonValue] = {}
    for parameter in parameters:
        schema = {**_SCHEMAS[parameter.type], "x-type": parameter.type}
        if parameter.nullable and "type" in schema:
            schema["type"] = [schema["type"], "null"]
        if parameter.choices:
            schema["enum"] = list(parameter.choices)
        if parameter.description:
            schema["description"] = parameter.description
        if parameter.secret:
            schema["writeOnly"] = True
        elif _has_known_default(parameter):
            schema["default"] = parameter.default
        properties[parameter.name] = schema
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": [parameter.name for parameter in parameters if parameter.required],
        "additionalProperties": False,
    }
    return {**schema, "title": title} if title else schema


def _has_known_default(parameter: Parameter) -> bool:
    if parameter.required:
        return False
    if parameter.default is None and not parameter.edits and parameter.type != "json":
        return False  # what the notebook's own cell sets
    return len(json.dumps(parameter.default)) <= LONGEST_DEFAULT


def check_names(parameters: tuple[Parameter, ...]) -> None:
    """Refuse a declaration that could not be given unambiguously.

    Raises:
        InvalidInput: a name twice, or an unknown type.
    """
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.name in seen:
            raise InvalidInput(f"The parameter {parameter.name!r} is declared twice.")
        if parameter.type not in PARAMETER_TYPES:
            raise InvalidInput(
                f"The parameter {parameter.name!r} has the unknown type {parameter.type!r}.",
                todo=f"use one of {', '.join(PARAMETER_TYPES)}",
            )
        seen.add(parameter.name)
