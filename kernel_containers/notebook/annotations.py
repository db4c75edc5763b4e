"""Annotations and type comments that name a parameter's type."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kernel_containers.notebook.plain_values import NotPlain, plain_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType
    from kernel_containers.notebook.literals import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """The parameter type that an annotation asks for."""

    type: ParameterType
    choices: tuple[JsonValue, ...] = ()


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


def read_annotation(node: ast.expr | None) -> Annotation | None:
    """Return what an annotation says about a parameter's type; None where it says nothing."""
    match node:
        case ast.Constant(value=str(text)):
            return parse_annotation(text)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return Annotation(type=_NAMED[name]) if name in _NAMED else None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _only_member(left, right)
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            return _generic(name, inner)
        case _:
            return None


def parse_annotation(text: str) -> Annotation | None:
    """Return what a type comment or a quoted annotation says; None where it says nothing."""
    try:
        return read_annotation(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _generic(name: str, inner: ast.expr) -> Annotation | None:
    arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        try:
            choices = tuple(plain_value(argument) for argument in arguments)
        except NotPlain:
            return None
        return Annotation(type="enum", choices=choices)
    if name == "Union" and len(arguments) == 2:
        return _only_member(*arguments)
    if name in _WRAPPERS:
        return read_annotation(arguments[0])
    return Annotation(type=_NAMED[name]) if name in _NAMED else None


def parse_choices(text: str) -> Annotation | None:
    """Return an enum of the members of a list; None where there are none."""
    try:
        choices = plain_value(ast.parse(text, mode="eval").body)
    except (NotPlain, SyntaxError, RecursionError, MemoryError):
        return None
    return Annotation(type="enum", choices=tuple(choices)) if choices else None


def _only_member(left: ast.expr, right: ast.expr) -> Annotation | None:
    """`int | None` is an int; a real union says nothing."""
    for side, other in ((left, right), (right, left)):
        if isinstance(other, ast.Constant) and other.value is None:
            return read_annotation(side)
    return None


def annotated(literal: Literal, annotation: Annotation | None) -> Literal:
    """Return the literal with the type that its annotation asks for, where the value allows it.

    `x: float = 1` is a float, `x: int | None = None` an int, `x: Literal["a", "b"] = "a"` an
    enum. An annotation that contradicts the value is not believed.
    """
    if annotation is None:
        return literal
    if annotation.type == "enum":
        is_missing = literal.value is None and None not in annotation.choices
        choices = (*annotation.choices, None) if is_missing else annotation.choices
        is_one = literal.value in choices and not literal.prefix
        return replace(literal, type="enum", choices=choices) if is_one else literal
    if literal.value is None or (annotation.type, literal.type) == ("float", "int"):
        return replace(literal, type=annotation.type)
    return literal
