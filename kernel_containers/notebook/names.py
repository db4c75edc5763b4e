"""Names that a cell uses before any cell above it has defined them."""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING, NamedTuple

from kernel_containers.notebook.assignments import bindings, parse_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.notebook.document import Cell, Notebook

_SHELL_NAMES = frozenset(
    {"In", "Out", "_", "__", "___", "exit", "quit", "get_ipython", "display", "__name__"}
)
_NUMBERED = re.compile(r"_i?[0-9]*|_ii+")  # the shell's record of cells
# What may define names that no reader of the code can see: other magics than these, and more.
_HARMLESS = (
    "matplotlib|time|timeit|prun|env|cd|pip|conda|config|autoreload|load_ext|reload_ext|whos|who|"
    "precision|system|sx|ls|pwd|html|bash|sh|markdown|latex|javascript|js|svg|writefile|script"
)
_OPAQUE = re.compile(
    rf"^[ \t]*%%?(?!(?:{_HARMLESS})\b)[\w.]+|^[ \t]*%%?(?:bash|sh|script)\b.*--(?:out|err)|"
    r"\bimport[ \t(]+\*|\b(?:exec|globals|locals|vars|setattr)[ \t]*\(|user_ns|run_line_magic",
    re.MULTILINE,
)


class Unmet(NamedTuple):
    """A name without a value where it is used; `later` is the cell that defines it, if any."""

    name: str
    cell: Cell
    line: int
    later: int | None


def unmet_names(notebook: Notebook) -> tuple[Unmet, ...]:
    """Return each name that fails on a fresh kernel, once; none where the code can't tell.

    Only what runs at module level counts: a function's body runs when it is called.
    """
    cells = notebook.code_cells
    if any(_OPAQUE.search(cell.source) or bindings(cell) is None for cell in cells):
        return ()
    defined: dict[str, int] = {}
    for cell in cells:
        for binding in bindings(cell) or ():
            defined.setdefault(binding.name, cell.index)
    known = _SHELL_NAMES | set(dir(builtins))
    found: dict[str, Unmet] = {}
    for cell in cells:
        # A cell that is expected to fail may well do so by a name.
        for node in _loads(cell) if "raises-exception" not in cell.tags else ():
            first = defined.get(node.id)
            if (
                node.id not in known
                and not _NUMBERED.fullmatch(node.id)
                and (first is None or first > cell.index)
            ):
                found.setdefault(node.id, Unmet(node.id, cell, node.lineno, first))
    return tuple(found.values())


def _loads(cell: Cell) -> Iterator[ast.Name]:
    parsed = parse_cell(cell.source)
    if parsed is None:
        return
    # `try: n except NameError: …` asks whether the name is there.
    waiting: list[ast.AST] = list(parsed[1].body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults]
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            waiting.append(node.generators[0].iter)
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                yield node
        elif not isinstance(node, ast.Lambda | ast.ClassDef | ast.Try | ast.AnnAssign):
            waiting += ast.iter_child_nodes(node)
