"""Walks through a cell's syntax that leave parts of it out."""

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
