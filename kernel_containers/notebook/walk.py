"""What `ast` does not tell about a cell's syntax by itself."""

from __future__ import annotations

import ast
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def walk_but(
    tree: ast.AST, instead: Callable[[ast.AST], Sequence[ast.AST] | None]
) -> Iterator[ast.AST]:
    """Yield a tree's nodes as `ast.walk` does; where `instead` answers, only what it returns."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        kept = instead(node)
        if kept is None:
            yield node
            kept = tuple(ast.iter_child_nodes(node))
        waiting.extend(kept)


def last_name(node: ast.expr) -> str:
    """Return what is behind the last dot: `c` of `a.b.c`; an empty text of other expressions."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
