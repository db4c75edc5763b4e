"""Python expressions that are plain values."""

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

    A tuple or set is a list in JSON: `tuple(` and `)` keep it what it was. `within` is the part
    of the expression that is the value, where it is not all of it, as in `Path("data.csv")`.
    """

    value: JsonValue
    type: ParameterType
    prefix: str = ""
    suffix: str = ""
    within: ast.expr | None = None
    choices: tuple[JsonValue, ...] = ()


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
# What makes something of one text, and of a date or datetime where the text is one.
_OF_TEXT = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath", "Decimal", "Fraction"})
_OF_MOMENT = frozenset({"Timestamp", "to_datetime", "datetime64"})


def read_literal(node: ast.expr) -> Literal | None:
    """Return the plain value of an expression; None where it has none.

    Besides literals these are arithmetic of numbers (`60 * 60`), calls of `date` and `datetime`
    with numbers, and calls such as `Path("data.csv")` and `pd.Timestamp("2024-01-31")`.
    """
    try:
        special = _moment(node) or _made_of_text(node)
        if special is not None:
            return special
        value = plain_value(node)
    except (NotPlain, ArithmeticError, RecursionError):
        return None
    if isinstance(node, ast.Tuple):
        return Literal(value=value, type="list", prefix="tuple(", suffix=")")
    if isinstance(node, ast.Set):
        if any(isinstance(member, list | dict) for member in value):
            return None  # `{(1, 2)}`: a list in JSON, which no set can hold
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


def plain_value(node: ast.expr) -> JsonValue:
    """Return the value of an expression of literals; raises NotPlain."""
    match node:
        case ast.Constant(value=value) if value is None or isinstance(
            value, bool | int | float | str
        ):
            return _finite(value)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            number = _number(operand)
            return -number if isinstance(node.op, ast.USub) else number
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return [plain_value(element) for element in elements]
        case ast.Dict(keys=keys, values=values):
            return {_key(key): plain_value(value) for key, value in zip(keys, values, strict=True)}
        case ast.BinOp(left=left, op=op, right=right):
            return _computed(_number(left), op, _number(right))
        case _:
            raise NotPlain


def _finite(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        raise NotPlain  # 1e400: JSON has no infinity
    return value


def _number(node: ast.expr) -> Any:
    value = plain_value(node)
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
        case ast.Call(
            func=ast.Attribute(
                attr="fromisoformat",
                value=ast.Name(id="date" | "datetime" as kind)
                | ast.Attribute(attr="date" | "datetime" as kind),
            ),
            args=[ast.Constant(value=str(text))],
            keywords=[],
        ):
            return _iso(text, kind)
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


def _iso(text: str, kind: str) -> Literal:
    make: Any = datetime.date if kind == "date" else datetime.datetime
    try:
        value = make.fromisoformat(text).isoformat()
    except ValueError as error:
        raise NotPlain from error
    return Literal(value=value, type="date" if kind == "date" else "datetime")


def _made_of_text(node: ast.expr) -> Literal | None:
    match node:
        case ast.Call(
            func=ast.Name(id=maker) | ast.Attribute(attr=maker),
            args=[ast.Constant(value=str(text)) as within],
            keywords=words,
        ) if maker in _OF_TEXT | _OF_MOMENT and all(
            isinstance(word.value, ast.Constant) for word in words
        ):
            pass
        case _:
            return None
    for kind in ("date", "datetime") if maker in _OF_MOMENT else ():
        try:
            return replace(_iso(text, kind), within=within)
        except NotPlain:
            continue
    return Literal(value=text, type="str", within=within)


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
