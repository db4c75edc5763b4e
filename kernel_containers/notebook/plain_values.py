"""The values of expressions that only consist of literals, in JSON terms."""

from __future__ import annotations

import ast
import math
import operator
from typing import TYPE_CHECKING, Any

from kernel_containers.core.json_values import is_too_long

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kernel_containers.core.parameters import JsonValue


class NotPlain(ValueError):
    """An expression has no value in JSON terms, or one that only running it tells."""


_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: lambda left, right: left * 2**right,
}
_LARGEST = 2**63  # of a computed number; `10 ** 10 ** 10` must not be worked out


def plain_value(node: ast.expr) -> JsonValue:
    """Return the value of an expression of literals; raises NotPlain."""
    match node:
        case ast.Constant(value=value) if value is None or isinstance(
            value, bool | int | float | str
        ):
            return _finite(value)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return -number(operand) if isinstance(node.op, ast.USub) else number(operand)
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return [plain_value(element) for element in elements]
        case ast.Dict(keys=keys, values=values):
            return {_key(key): plain_value(value) for key, value in zip(keys, values, strict=True)}
        case ast.JoinedStr(values=parts):  # f"without a name"
            return "".join(map(_text, parts))
        case ast.BinOp():
            return _operation(node)
        case _:
            raise NotPlain


def _finite(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and not math.isfinite(value):
        raise NotPlain  # 1e400: JSON has no infinity
    if isinstance(value, int) and is_too_long(value):
        raise NotPlain  # 0xfff…: no text says it in decimal digits
    return value


def _operation(node: ast.BinOp) -> JsonValue:
    left = plain_value(node.left)
    if isinstance(left, str) and isinstance(node.op, ast.Add):
        return left + _text(node.right)
    return _computed(_as_number(left), node.op, number(node.right))


def _text(node: ast.expr) -> str:
    value = plain_value(node)
    if not isinstance(value, str):
        raise NotPlain
    return value


def number(node: ast.expr) -> Any:
    """Return the int or float that an expression is; raises NotPlain."""
    return _as_number(plain_value(node))


def _as_number(value: JsonValue) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotPlain
    return value


def _computed(left: Any, op: ast.operator, right: Any) -> Any:
    function = _ARITHMETIC.get(type(op))
    if function is None or (
        isinstance(op, ast.Pow | ast.LShift) and not (abs(right) <= 64 and left)
    ):
        raise NotPlain
    value = function(left, right) if abs(left) < _LARGEST else math.inf
    if not isinstance(value, int | float) or abs(value) > _LARGEST:
        raise NotPlain
    return _finite(value)


def _key(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise NotPlain


def whole_number(node: ast.expr) -> int:
    """Return the int that an expression is; raises NotPlain."""
    value = number(node)
    if not isinstance(value, int):
        raise NotPlain
    return value
