"""Annotations and type comments that name a parameter's type."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kernel_containers.notebook.constants import Constants, member_of
from kernel_containers.notebook.plain_values import NotPlain, plain_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kernel_containers.core.parameters import JsonValue, ParameterType
    from kernel_containers.notebook.literals import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """The parameter type that an annotation asks for.

    `prefix` and `suffix` go around a value that is the name of an enum's member.
    """

    type: ParameterType
    choices: tuple[JsonValue, ...] = ()
    prefix: str = ""
    suffix: str = ""


_NAMED: Mapping[str, ParameterType] = {
    "str": "str",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "date": "date",
    "datetime": "datetime",
    "list": "list",
    "List": "list",
    "Sequence": "list",
    "dict": "dict",
    "Dict": "dict",
    "Mapping": "dict",
}
_WRAPPERS = frozenset({"Final", "Annotated", "Optional", "ClassVar"})
_NO_CONSTANTS = Constants()


def read_annotation(
    node: ast.expr | None, constants: Constants = _NO_CONSTANTS
) -> Annotation | None:
    """Return what an annotation says about a parameter's type; None where it says nothing."""
    match node:
        case ast.Constant(value=str(text)):
            return parse_annotation(text, constants)
        case ast.Name(id=name) if name in constants.enums:
            prefix, suffix = member_of(name)
            choices = constants.enums[name]
            return Annotation(type="enum", choices=choices, prefix=prefix, suffix=suffix)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return Annotation(type=_NAMED[name]) if name in _NAMED else None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _union([left, right], constants)
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            return _generic(name, inner, constants)
        case _:
            return None


def parse_annotation(text: str, constants: Constants = _NO_CONSTANTS) -> Annotation | None:
    """Return what a type comment or a quoted annotation says; None where it says nothing."""
    try:
        return read_annotation(ast.parse(text, mode="eval").body, constants)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _generic(name: str, inner: ast.expr, constants: Constants) -> Annotation | None:
    arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        try:
            choices = tuple(plain_value(argument) for argument in arguments)
        except NotPlain:
            return None
        return Annotation(type="enum", choices=choices)
    if name == "Union":
        return _union(arguments, constants)
    if name in _WRAPPERS:
        return read_annotation(arguments[0], constants)
    return Annotation(type=_NAMED[name]) if name in _NAMED else None


def parse_choices(text: str) -> Annotation | None:
    """Return an enum of the members of a list; None where there are none."""
    try:
        choices = plain_value(ast.parse(text, mode="eval").body)
    except (NotPlain, SyntaxError, RecursionError, MemoryError):
        return None
    return Annotation(type="enum", choices=tuple(choices)) if choices else None


def _union(members: Sequence[ast.expr], constants: Constants) -> Annotation | None:
    """`int | None` is an int; what may be an int or a float is neither before it is given."""
    is_none = [isinstance(part, ast.Constant) and part.value is None for part in members]
    left = [part for part, none in zip(members, is_none, strict=True) if not none]
    found = [read_annotation(part, constants) for part in left]
    if len(found) == 1:
        return found[0]
    return Annotation(type="json") if found and None not in found else None


def annotated(literal: Literal, annotation: Annotation | None) -> Literal:
    """Return the literal with the type that its annotation asks for, where the value allows it.

    `x: float = 1` is a float, `x: int | None = None` an int, `x: Literal["a", "b"] = "a"` an
    enum. An annotation that contradicts the value is not believed.
    """
    if annotation is None:
        return literal
    is_missing = literal.value is None
    if annotation.prefix:
        added = replace(
            literal,
            type="enum",
            choices=annotation.choices,
            prefix=annotation.prefix,
            suffix=annotation.suffix,
        )
        return added if is_missing else literal
    if annotation.type == "enum":
        nothing = is_missing and None not in annotation.choices
        choices = (*annotation.choices, None) if nothing else annotation.choices
        is_one = literal.value in choices and not literal.prefix
        return replace(literal, type="enum", choices=choices) if is_one else literal
    widened = (annotation.type, literal.type) in _WIDENED
    return replace(literal, type=annotation.type) if is_missing or widened else literal


# A text that may also be something else stays one: nobody wants to quote it.
_WIDENED = frozenset({("float", "int"), ("json", "int"), ("json", "float"), ("json", "bool")})
