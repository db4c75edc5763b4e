"""What an author says about a parameter, over what the notebook's text says."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from kernel_containers.core.json_values import read_json
from kernel_containers.core.parameter_values import from_json, from_text
from kernel_containers.core.parameters import PARAMETER_TYPES, Parameter
from kernel_containers.core.redaction import names_secret
from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType

LONGEST_DESCRIPTION = 1000  # characters
_MOMENTS = frozenset({"date", "datetime"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """Edits of one parameter; None leaves what the notebook says.

    `default` counts where `has_default`: None is a value. `choices` make an enum. What is
    `excluded` is no parameter.
    """

    name: str
    type: ParameterType | None = None
    description: str | None = None
    default: JsonValue = None
    has_default: bool = False
    choices: tuple[JsonValue, ...] | None = None
    required: bool | None = None
    secret: bool | None = None
    excluded: bool = False


_MEMBERS = {field.name for field in fields(Declaration)} - {"name", "has_default"}


def declaration_from_json(name: str, value: Mapping[str, Any]) -> Declaration:
    """Read the edits of one parameter, which do not contradict each other.

    Raises:
        InvalidInput: a member is unknown or has a wrong type, or two exclude each other.
    """
    if unknown := sorted(set(value) - _MEMBERS):
        raise InvalidInput(
            f"The declaration of {name!r} has unknown members: {', '.join(unknown)}.",
            todo=f"known are: {', '.join(sorted(_MEMBERS))}",
        )
    for member, kind in _KINDS.items():
        if value.get(member) is not None and not isinstance(value[member], kind):
            raise InvalidInput(f"{member} of the parameter {name!r} is no {kind.__name__}.")
    if value.get("type") not in (None, *PARAMETER_TYPES):
        raise InvalidInput(
            f"The parameter {name!r} has an unknown type.",
            todo=f"use one of {', '.join(PARAMETER_TYPES)}",
        )
    choices = value.get("choices")
    declaration = Declaration(
        **{
            **value,
            "name": name,
            "excluded": bool(value.get("excluded")),
            "choices": None if choices is None else tuple(choices),
            "has_default": "default" in value,
        }
    )
    _check(declaration)
    return declaration


_KINDS: Mapping[str, type] = {
    "type": str,
    "description": str,
    "choices": list,
    "required": bool,
    "secret": bool,
    "excluded": bool,
}


def _check(declaration: Declaration) -> None:
    name = declaration.name
    is_secret = declaration.secret or (declaration.secret is None and names_secret(name))
    has_choices = declaration.choices or declaration.type == "enum"
    if is_secret and (declaration.has_default or has_choices):
        raise InvalidInput(
            f"The secret {name!r} can't have a default or choices.",
            why="they would stand in the image",
            todo="give its value with each run, or declare that it is no secret",
        )
    if declaration.required and declaration.has_default:
        raise InvalidInput(f"{name!r} has a default, so it can't be required.")
    if declaration.choices is not None and declaration.type not in (None, "enum"):
        raise InvalidInput(f"{name!r} has choices, so its type is enum, not {declaration.type}.")
    if declaration.choices is not None and not declaration.choices:
        raise InvalidInput(f"{name!r} needs at least one choice.")
    if len(declaration.description or "") > LONGEST_DESCRIPTION:
        raise InvalidInput(
            f"The description of {name!r} has more than {LONGEST_DESCRIPTION} characters."
        )


def declaration_from_text(text: str) -> Declaration:
    """Read `NAME:TYPE[=DEFAULT]`, or a JSON object with the parameter's `name`.

    Raises:
        InvalidInput: it is neither, or contradicts itself.
    """
    if text.lstrip().startswith("{"):
        return _from_object(text)
    named, equals, default = text.partition("=")
    name, colon, kind = (part.strip() for part in named.partition(":"))
    if not name or not colon:
        raise InvalidInput(
            f"{text!r} declares nothing.", todo="write NAME:TYPE or NAME:TYPE=DEFAULT"
        )
    declaration = declaration_from_json(name, {"type": kind, **({"default": ""} if equals else {})})
    if not equals:
        return declaration
    if declaration.type == "enum":
        raise InvalidInput(
            f"The choices of {name!r} are missing.",
            todo=f"""write '{{"name": "{name}", "choices": ["a", "b"], "default": "a"}}'""",
        )
    assert declaration.type is not None  # noqa: S101 - it was just read
    return replace(
        declaration,
        default=from_text(Parameter(name=name, type=declaration.type), default),
    )


def _from_object(text: str) -> Declaration:
    try:
        value = read_json(text)
    except ValueError as error:
        raise InvalidInput("A declaration is not JSON.", why=str(error)) from error
    name = value.pop("name", None)
    if not isinstance(name, str) or not name:
        raise InvalidInput("A declaration in JSON needs the parameter's name.")
    return declaration_from_json(name, value)


def declaration_to_text(declaration: Declaration) -> str:
    """Return what `declaration_from_text` reads."""
    members = {
        name: value
        for name in sorted(_MEMBERS)
        if (value := getattr(declaration, name)) not in (None, False)
        or (value is False and name in ("required", "secret"))
        or (name == "default" and declaration.has_default)
    }
    if set(members) == {"type"} and declaration.type != "enum":
        return f"{declaration.name}:{declaration.type}"
    return json.dumps({"name": declaration.name, **members}, ensure_ascii=False)


def redeclare(parameter: Parameter, declaration: Declaration) -> Parameter:
    """Return a parameter with the edits of its author, which win over what was found.

    Raises:
        InvalidInput: the default does not fit the type, or there is none.
    """
    changed = replace(
        parameter,
        type=_type(parameter, declaration),
        choices=parameter.choices if declaration.choices is None else declaration.choices,
        description=parameter.description
        if declaration.description is None
        else " ".join(declaration.description.split()),
    )
    if changed.type != "enum":
        changed = replace(changed, choices=())
    elif not changed.choices and not changed.secret:
        raise InvalidInput(f"The choices of {parameter.name!r} are missing.")
    if changed.secret:
        return _secret(changed, declaration)
    if declaration.required or (changed.required and not declaration.has_default):
        if declaration.required is False:
            raise _no_default(parameter.name, "the notebook gives it no value")
        return replace(changed, required=True, default=None)
    return _with_default(parameter, changed, declaration)


def _type(parameter: Parameter, declaration: Declaration) -> ParameterType:
    kind = "enum" if declaration.choices is not None else declaration.type
    if kind is None or kind == parameter.type:
        return parameter.type
    wrapped = [edit for edit in parameter.edits if edit.suffix]
    if wrapped and kind != "enum":
        edit = wrapped[0]
        raise InvalidInput(
            f"{parameter.name!r} can't be declared as {kind}.",
            why=f"cell {edit.cell + 1} makes something else of the value: "
            f"{edit.prefix.rpartition('=')[2].strip()}…{edit.suffix}",
            todo=f"keep the type {parameter.type}, or change the cell",
        )
    return kind


def _secret(parameter: Parameter, declaration: Declaration) -> Parameter:
    if declaration.has_default or declaration.choices:
        raise InvalidInput(f"The secret {parameter.name!r} can't have a default or choices.")
    if declaration.required is None:
        return parameter
    return replace(parameter, required=declaration.required)


def _with_default(found: Parameter, changed: Parameter, declaration: Declaration) -> Parameter:
    default = declaration.default if declaration.has_default else found.default
    # None stands for "nothing yet" whatever the type is, as in `n: int | None = None`, and for
    # the value of an injected parameter that only the notebook's own cell knows.
    if default is not None:
        try:
            default = from_json(changed, default)
        except InvalidInput as error:
            if declaration.has_default:
                raise
            raise _no_default(found.name, error.what) from error
    differs = repr(default) != repr(found.default) or (
        changed.type != found.type and not _MOMENTS.isdisjoint((changed.type, found.type))
    )
    applied = differs or (found.required and declaration.has_default)
    return replace(changed, default=default, required=False, applied=applied)


def _no_default(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{name!r} has no default.", why=why, todo="declare one, or that it is required"
    )
