"""Paths that code puts together of literals: `DATA = Path("..") / "data"`, `DATA / "x.csv"`."""

from __future__ import annotations

import ast
import os.path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = frozenset({"cwd", "getcwd"})
_SAME = frozenset({"resolve", "absolute", "abspath", "realpath", "str", "fspath"})
_MAKES = frozenset({"Path", "PosixPath", "PurePath"})
_JOINS = frozenset({"join", "joinpath"})
_UP = ast.Constant("..")
_DEEPEST = 100  # folders; code may ask for any number of parents
_LONGEST = 4096  # characters, as Linux has it; `x = x + x` in 40 lines would be a terabyte


class Paths:
    """What names stand for, as far as the code was seen; paths are relative to its folder."""

    def __init__(self) -> None:
        self._named: dict[str, str | None] = {}

    def enter(self, file: str) -> None:
        """Go on with the code of a file: it knows its own path, which cells don't."""
        self._named["__file__"] = file

    def bind(self, node: ast.Assign) -> None:
        """Remember what an assignment says of its names."""
        text = self.read(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._named[target.id] = text

    def read(self, node: ast.expr) -> str | None:
        """Return the path or text that an expression gives, if it can be read off the code."""
        found = None
        match node:
            case ast.Constant(value=str(text)):
                found = text
            case ast.Name(id=name):
                found = self._named.get(name)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                found = self._join([left, right])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                texts = self._all([left, right])
                found = None if texts is None else "".join(texts)
            case ast.Attribute(value=value, attr="parent"):
                found = self._join([value, _UP])
            case ast.Subscript(
                value=ast.Attribute(value=value, attr="parents"), slice=ast.Constant(value=int(n))
            ) if n in range(_DEEPEST):
                found = self._join([value, *[_UP] * (n + 1)])
            case ast.Call():
                found = self._called(node)
            case _:
                pass
        return None if found is None or len(found) > _LONGEST else found

    def _called(self, node: ast.Call) -> str | None:
        match node.func:
            case ast.Name(id=called):
                arguments = node.args
            case ast.Attribute(attr=called, value=value):
                is_path = self.read(value) is not None
                arguments = [value, *node.args] if is_path else node.args
            case _:
                return None
        if called in _HERE or (called in _MAKES and not arguments):
            return "."
        if called in _MAKES | _JOINS:
            return self._join(arguments)
        if called == "dirname":
            return self._join([*arguments, _UP])
        return self.read(arguments[0]) if called in _SAME and len(arguments) == 1 else None

    def _join(self, nodes: Sequence[ast.expr]) -> str | None:
        texts = self._all(nodes)
        return os.path.normpath(os.path.join(*texts)) if texts else None  # noqa: PTH118

    def _all(self, nodes: Sequence[ast.expr]) -> list[str] | None:
        parts = [self.read(node) for node in nodes]
        texts = [part for part in parts if part is not None]
        return texts if len(texts) == len(parts) else None
