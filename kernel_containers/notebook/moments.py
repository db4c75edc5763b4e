"""Python expressions that make a date or a datetime of plain values."""

from __future__ import annotations

import ast
import datetime
from typing import TYPE_CHECKING, Any

from kernel_containers.notebook.literals import Literal
from kernel_containers.notebook.plain_values import NotPlain, whole_number

if TYPE_CHECKING:
    from kernel_containers.core.parameters import ParameterType

_MODULES = frozenset({"datetime", "dt", "_dt"})


def read_moment(node: ast.expr) -> Literal | None:
    """Return `date(2024, 1, 2)` and its likes as ISO 8601; None where it is something else.

    Raises:
        NotPlain: it is a date of no such day, or of what only running it tells.
    """
    match node:
        case ast.Call(
            func=ast.Attribute(attr="date", value=ast.Call() as moment), args=[], keywords=[]
        ):
            read = read_moment(moment)
            if read is None or read.type != "datetime":
                return None
            return Literal(value=read.value.partition("T")[0], type="date")
        case ast.Call(
            func=ast.Attribute(
                attr="fromisoformat" | "strptime" as method,
                value=ast.Name(id="date" | "datetime" as kind)
                | ast.Attribute(attr="date" | "datetime" as kind),
            ),
            args=[ast.Constant(value=str(text)), *form],
            keywords=[],
        ):
            return _parsed(kind, method, text, form)
        case ast.Call(func=ast.Name(id="date" | "datetime" as kind)):
            return _called(node, kind)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=module), attr="date" | "datetime" as kind)
        ) if module in _MODULES:
            return _called(node, kind)
        case _:
            return None


def iso_moment(text: str) -> Literal | None:
    """Return a text in ISO 8601 as a date, else as a datetime; None where it is neither."""
    for kind in ("date", "datetime"):
        try:
            return _parsed(kind, "fromisoformat", text, [])
        except NotPlain:
            continue
    return None


def _parsed(kind: str, method: str, text: str, form: list[ast.expr]) -> Literal:
    make: Any = datetime.date if kind == "date" else datetime.datetime
    form_text = [part.value for part in form if isinstance(part, ast.Constant)]
    if len(form_text) < len(form):
        raise NotPlain
    try:
        value = getattr(make, method)(text, *form_text).isoformat()
    except (AttributeError, TypeError, ValueError) as error:  # a date has no strptime
        raise NotPlain from error
    return Literal(value=value, type=_type(kind))


def _called(node: ast.Call, kind: str) -> Literal:
    positional = [whole_number(argument) for argument in node.args]
    named = {word.arg: _argument(word) for word in node.keywords if word.arg}
    if len(named) < len(node.keywords):
        raise NotPlain
    make: Any = datetime.date if kind == "date" else datetime.datetime
    try:
        value = make(*positional, **named).isoformat()
    except (TypeError, ValueError, OverflowError) as error:
        raise NotPlain from error
    return Literal(value=value, type=_type(kind))


def _type(kind: str) -> ParameterType:
    return "date" if kind == "date" else "datetime"


def _argument(word: ast.keyword) -> int | datetime.tzinfo:
    if word.arg != "tzinfo":
        return whole_number(word.value)
    match word.value:
        case ast.Attribute(
            attr="utc", value=ast.Name(id="timezone") | ast.Attribute(attr="timezone")
        ):
            return datetime.UTC
        case ast.Attribute(attr="UTC") | ast.Name(id="UTC"):
            return datetime.UTC
        case _:
            raise NotPlain
