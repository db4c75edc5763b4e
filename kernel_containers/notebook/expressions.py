"""Which expressions give a name a plain value: literals, and calls that make something of one."""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_containers.notebook.constants import Constants
from kernel_containers.notebook.literals import Literal, type_of
from kernel_containers.notebook.moments import iso_moment, read_moment
from kernel_containers.notebook.plain_values import NotPlain, number, plain_value
from kernel_containers.notebook.walk import last_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_containers.core.parameters import JsonValue

# What makes something of one text, and of a date or datetime where the text is one.
_OF_TEXT = frozenset(
    "Path PurePath PosixPath PurePosixPath Decimal Fraction UUID ZoneInfo Timedelta device".split()  # noqa: SIM905
)
_OF_MOMENT = frozenset({"Timestamp", "to_datetime", "datetime64"})
# What makes something of one number: `timedelta(days=7)`, `np.float32(0.1)`.
_OF_NUMBER = frozenset(
    "Decimal timedelta Timedelta timedelta64 float16 float32 float64 int8 int16 int32 "  # noqa: SIM905
    "int64 uint8 uint16 uint32 uint64".split()
)
_OF_LIST = frozenset({"array", "asarray", "Series", "Index", "deque", "tensor"})
_OF_KEYWORDS = frozenset({"Namespace", "SimpleNamespace"})
_CONTAINERS = {"list": "", "tuple": "tuple(", "set": "set(", "frozenset": "frozenset("}
_OPPOSITES = {"inf": "-inf", "-inf": "inf", "nan": "nan"}
_NO_CONSTANTS = Constants()


def read_literal(node: ast.expr, constants: Constants = _NO_CONSTANTS) -> Literal | None:
    """Return the plain value of an expression; None where it has none.

    Besides literals these are arithmetic of numbers (`60 * 60`), texts joined by `+`, calls of
    `date`, `datetime` and of the builtin types with plain values, `np.inf` and other constants,
    and calls that make something of a plain value, such as `Path("data.csv")`,
    `timedelta(days=7)`, `np.array([1])`, `Namespace(steps=7)`.
    """
    node = constants.with_own_names(node)
    try:
        special = constants.read(node) or _negative(node, constants)
        for reader in (read_moment, _builtin, _namespace, _made_of_one):
            special = special or reader(node)
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
    return Literal(value=value, type=type_of(value))


def _negative(node: ast.expr, constants: Constants) -> Literal | None:
    """Read what is no literal for Python itself: `-math.pi`, `-float("inf")`."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            opposite = constants.read(operand) or _builtin(operand)
        case _:
            return None
    if opposite is None or opposite.type != "float":
        return None
    value = opposite.value
    return replace(opposite, value=_OPPOSITES[value] if isinstance(value, str) else -value)


def _builtin(node: ast.expr) -> Literal | None:
    match node:
        case ast.Call(func=ast.Name(id="int" | "float" as name), args=[argument], keywords=[]):
            return _converted({"int": int, "float": float}[name], argument)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=words):
            return Literal(value=_of_keywords(words), type="dict")
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if (
            name in _CONTAINERS and len(arguments) <= 1
        ):
            return _container(name, arguments)
        case _:
            return None


def _of_keywords(words: list[ast.keyword]) -> dict[str, JsonValue]:
    value = {word.arg: plain_value(word.value) for word in words if word.arg}
    if len(value) < len(words):
        raise NotPlain  # `**`
    return value


def _namespace(node: ast.expr) -> Literal | None:
    """Read `Namespace(rate=0.1, steps=10)`, which another dict can make as well."""
    match node:
        case ast.Call(func=func, args=[], keywords=[_, *_] as words) if (
            last_name(func) in _OF_KEYWORDS
        ):
            value = _of_keywords(words)
            return Literal(value=value, type="dict", prefix=f"{ast.unparse(func)}(**", suffix=")")
        case _:
            return None


def _converted(convert: Callable[[int | float | str], int | float], node: ast.expr) -> Literal:
    argument = plain_value(node)
    if not isinstance(argument, int | float | str) or len(str(argument)) > 400:
        raise NotPlain
    try:
        value = convert(argument)
    except (ValueError, OverflowError) as error:
        raise NotPlain from error
    if not math.isfinite(value):
        return Literal(value=str(value), type="float")
    return Literal(value=value, type=type_of(value))


def _container(name: str, arguments: list[ast.expr]) -> Literal:
    value = plain_value(arguments[0]) if arguments else []
    hashed = "set" in name and any(isinstance(member, list | dict) for member in value)
    if not isinstance(value, list) or hashed:
        raise NotPlain
    prefix = _CONTAINERS[name]
    return Literal(value=value, type="list", prefix=prefix, suffix=")" if prefix else "")


def _made_of_one(node: ast.expr) -> Literal | None:
    """Read a call with one plain value, whatever its keywords say without calling anything."""
    match node:
        case ast.Call(
            func=ast.Name(id=maker) | ast.Attribute(attr=maker),
            keywords=[ast.keyword(value=within)],
            args=[],
        ) if maker in _OF_NUMBER:
            units: list[ast.expr] = []
        case ast.Call(func=ast.Name(id=maker) | ast.Attribute(attr=maker), args=[within, *units]):
            words = [word.value for word in node.keywords]
            if not all(isinstance(w, ast.Constant | ast.Attribute | ast.Name) for w in words):
                return None
        case _:
            return None
    if isinstance(within, ast.Constant) and isinstance(within.value, str):
        return None if units else _of_text(maker, within, within.value)
    if not all(isinstance(unit, ast.Constant) for unit in units):
        return None
    if maker in _OF_NUMBER or (maker in _OF_LIST and isinstance(within, ast.List)):
        value = number(within) if maker in _OF_NUMBER else plain_value(within)
        return Literal(value=value, type=type_of(value), within=within)
    return None


def _of_text(maker: str, within: ast.expr, text: str) -> Literal | None:
    if maker in _OF_MOMENT:
        moment = iso_moment(text)
        if moment is not None:
            return Literal(value=moment.value, type=moment.type, within=within)
    if maker in _OF_TEXT | _OF_MOMENT:
        return Literal(value=text, type="str", within=within)
    return None
