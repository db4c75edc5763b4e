"""Python expressions that are plain values, and annotations that name a parameter's type."""

from __future__ import annotations

import ast
import datetime
import math
import operator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType


class NotPlain(ValueError):
    """An expression has no value in JSON terms, or one that only running it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value in JSON terms, and what to put around another one in its place.

    A tuple or set is a list in JSON: `tuple(` and `)` keep it what it was.
    """

    value: JsonValue
    type: ParameterType
    prefix: str = ""
    suffix: str = ""
    choices: tuple[JsonValue, ...] = ()


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
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_LARGEST = 2**63  # of a computed number; `10 ** 10 ** 10` must not be worked out
_DATE_MODULES = frozenset({"datetime", "dt", "_dt"})


def read_literal(node: ast.expr) -> Literal | None:
    """Return the plain value of an expression; None where it has none.

    Besides literals these are arithmetic of numbers (`60 * 60`) and calls of `date` and
    `datetime` with numbers.
    """
    try:
        if (moment := _moment(node)) is not None:
            return moment
        value = _value(node)
    except (NotPlain, ArithmeticError, RecursionError):
        return None
    if isinstance(node, ast.Tuple):
        return Literal(value=value, type="list", prefix="tuple(", suffix=")")
    if isinstance(node, ast.Set):
        return Literal(value=value, type="list", prefix="set(", suffix=")")
    return Literal(value=value, type=_type_of(value))


def _type_of(value: JsonValue) -> ParameterType:
    types: Mapping[type, ParameterType] = {
        bool: "bool",
        int: "int",
        float: "float",
        str: "str",
        list: "list",
        dict: "dict",
    }
    return types.get(type(value), "json")


def _value(node: ast.expr) -> JsonValue:
    match node:
        case ast.Constant(value=value) if value is None or isinstance(
            value, bool | int | float | str
        ):
            return _finite(value)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            number = _number(operand)
            return -number if isinstance(node.op, ast.USub) else number
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return [_value(element) for element in elements]
        case ast.Dict(keys=keys, values=values):
            return {_key(key): _value(value) for key, value in zip(keys, values, strict=True)}
        case ast.BinOp(left=left, op=op, right=right):
            return _computed(_number(left), op, _number(right))
        case _:
            raise NotPlain


def _finite(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        raise NotPlain  # 1e400: JSON has no infinity
    return value


def _number(node: ast.expr) -> Any:
    value = _value(node)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotPlain
    return value


def _computed(left: Any, op: ast.operator, right: Any) -> Any:
    function = _ARITHMETIC.get(type(op))
    if function is None or (isinstance(op, ast.Pow) and not (abs(right) <= 64 and left)):
        raise NotPlain
    value = function(left, right) if abs(left) < _LARGEST else math.inf
    if not isinstance(value, int | float) or abs(value) > _LARGEST:
        raise NotPlain
    return _finite(value)


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise NotPlain


def _moment(node: ast.expr) -> Literal | None:
    """Return `date(2024, 1, 2)` and its likes as ISO 8601; None where it is something else."""
    match node:
        case ast.Call(func=ast.Name(id="date" | "datetime" as kind)):
            pass
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=module), attr="date" | "datetime" as kind)
        ) if module in _DATE_MODULES:
            pass
        case _:
            return None
    positional = [_whole(argument) for argument in node.args]
    named = {word.arg: _argument(word) for word in node.keywords if word.arg}
    if len(named) < len(node.keywords):
        raise NotPlain
    make: Any = datetime.date if kind == "date" else datetime.datetime
    try:
        value = make(*positional, **named).isoformat()
    except (TypeError, ValueError) as error:
        raise NotPlain from error
    return Literal(value=value, type="date" if kind == "date" else "datetime")


def _argument(word: ast.keyword) -> int | datetime.tzinfo:
    if word.arg != "tzinfo":
        return _whole(word.value)
    match word.value:
        case ast.Attribute(
            attr="utc", value=ast.Name(id="timezone") | ast.Attribute(attr="timezone")
        ):
            return datetime.UTC
        case ast.Attribute(attr="UTC") | ast.Name(id="UTC"):
            return datetime.UTC
        case _:
            raise NotPlain


def _whole(node: ast.expr) -> int:
    value = _number(node)
    if not isinstance(value, int):
        raise NotPlain
    return value


def read_annotation(node: ast.expr | None) -> Annotation | None:
    """Return what an annotation says about a parameter's type; None where it says nothing."""
    match node:
        case ast.Constant(value=str(text)):
            return parse_annotation(text)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return Annotation(type=_NAMED[name]) if name in _NAMED else None
        case ast.BinOp(op=ast.BitOr()):
            return _only_member(node)
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
            choices = tuple(_value(argument) for argument in arguments)
        except NotPlain:
            return None
        return Annotation(type="enum", choices=choices)
    if name in _WRAPPERS:
        return read_annotation(arguments[0])
    return Annotation(type=_NAMED[name]) if name in _NAMED else None


def _only_member(node: ast.BinOp) -> Annotation | None:
    """`int | None` is an int; a real union says nothing."""
    for side, other in ((node.left, node.right), (node.right, node.left)):
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
        if literal.value is None or literal.value in annotation.choices:
            return replace(literal, type="enum", choices=annotation.choices)
        return literal
    if literal.value is None or (annotation.type, literal.type) == ("float", "int"):
        return replace(literal, type=annotation.type)
    return literal
