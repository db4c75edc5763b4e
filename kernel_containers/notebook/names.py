"""Names that a cell uses before any cell above it has defined them."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from kernel_containers.core.cells import ALLOW_TAG
from kernel_containers.notebook.assignments import bindings_by_cell, parse_cell
from kernel_containers.notebook.bindings import How, reads_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.notebook.document import Cell, Notebook

_SHELL_NAMES = frozenset(
    {"In", "Out", "exit", "quit", "get_ipython", "display", "__name__", "__doc__", "__package__",
     "__loader__", "__spec__", "__builtin__", "__builtins__"}
)  # fmt: skip
_NUMBERED = re.compile(r"_+|_i?[0-9]*|_ii+|_[iod]h")  # the shell's record of cells
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
    """A name without a value where it is used; `later` is the cell that defines it, if any.

    `in_function` is one that nothing in the notebook defines, in a body that may never run.
    """

    name: str
    cell: Cell
    line: int
    later: int | None
    in_function: bool = False


def unmet_names(notebook: Notebook) -> tuple[Unmet, ...]:
    """Return each name that fails on a fresh kernel, once; none where the code can't tell."""
    cells = notebook.code_cells
    by_cell = bindings_by_cell(notebook).items()
    bound = {index: found for index, found in by_cell if found is not None}
    if len(bound) < len(cells) or any(_OPAQUE.search(cell.source) for cell in cells):
        return ()
    everywhere: dict[str, list[int]] = {}
    for index, found_there in bound.items():
        for binding in found_there:
            if binding.how not in _NO_DEFINITION:
                everywhere.setdefault(binding.name, []).append(index)
    known = _SHELL_NAMES | set(dir(builtins))
    defined: set[str] = set()
    found: dict[str, Unmet] = {}
    for cell in cells:
        here = {b.name for b in bound[cell.index] if b.how not in _NO_DEFINITION}
        # A cell that is expected to fail may well do so by a name.
        for used in _uses(cell) if ALLOW_TAG not in cell.tags else ():
            name = used.name
            unknown = name not in known and not _NUMBERED.fullmatch(name)
            has_value = name in everywhere if used.in_function else name in defined or name in here
            if unknown and not has_value:
                later = next((at for at in everywhere.get(name, ()) if at > cell.index), None)
                found.setdefault(name, used._replace(later=later))
        defined |= here
        last = {binding.name: binding.how for binding in bound[cell.index]}
        defined -= {name for name, how in last.items() if how is How.DELETED}
    return tuple(found.values())


# None of these gives a name its first value.
_NO_DEFINITION = frozenset({How.CHANGED, How.DELETED})


def _uses(cell: Cell) -> Iterator[Unmet]:
    parsed = parse_cell(cell.source)
    if parsed is None:
        return
    waiting: deque[ast.AST] = deque(parsed[1].body)
    while waiting:
        node = waiting.popleft()
        yield from (Unmet(name, cell, getattr(node, "lineno", 1), None) for name in _used_by(node))
        waiting += _run_with(node)
    if "NameError" not in cell.source:
        yield from _of_functions(cell, parsed[0].text)


_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def _used_by(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Load() | ast.Del()):
            return [name]
        case ast.AugAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return sorted(reads_of(node))
        case _:
            return []


def _run_with(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a statement or expression that run when it does."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [*node.decorator_list, *node.args.defaults]
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(word.value for word in node.keywords)]
    # `try: n except NameError: …` asks whether the name is there.
    if isinstance(node, _COMPREHENSIONS | ast.Lambda | ast.Try | ast.AnnAssign):
        return []
    return list(ast.iter_child_nodes(node))


def _of_functions(cell: Cell, text: str) -> Iterator[Unmet]:
    """Yield the global names that the bodies of functions read."""
    try:
        waiting = symtable.symtable(text, "cell", "exec").get_children()
    except (SyntaxError, ValueError, RecursionError):
        return
    while waiting:
        scope = waiting.pop(0)
        waiting += scope.get_children()
        if isinstance(scope, symtable.Function) and scope.get_name() not in _EAGER:
            for symbol in scope.get_symbols():
                if symbol.is_global() and symbol.is_referenced() and not symbol.is_assigned():
                    line = _line_of(symbol.get_name(), text, scope.get_lineno())
                    yield Unmet(symbol.get_name(), cell, line, None, in_function=True)


# What runs where it stands, and whose names are looked at there.
_EAGER = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})


def _line_of(name: str, text: str, first: int) -> int:
    lines = text.splitlines()
    pattern = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    return next((n for n in range(first, len(lines) + 1) if pattern.search(lines[n - 1])), first)
