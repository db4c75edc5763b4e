"""What each module-level statement of a cell binds, and where its literals stand."""

from __future__ import annotations

import ast
import warnings
from dataclasses import replace
from functools import lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from asttokens import ASTText

from kernel_containers.core.parameters import Edit
from kernel_containers.notebook.annotations import (
    Annotation,
    annotated,
    parse_annotation,
    parse_choices,
    read_annotation,
)
from kernel_containers.notebook.bindings import Binding, BindingReader, How, reads_of
from kernel_containers.notebook.comments import read_comments
from kernel_containers.notebook.constants import Constants, find_constants
from kernel_containers.notebook.expressions import read_literal
from kernel_containers.notebook.magics import PlainPython, plain_python
from kernel_containers.notebook.newer_syntax import as_older_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.notebook.document import Cell, Notebook
    from kernel_containers.notebook.literals import Literal


# Each cell is asked about a dozen times while one notebook is looked at: for 500 cells that took
# 0.65 s of processor time, with this 0.13 s.
_REMEMBERED = 2048  # cells


@lru_cache(_REMEMBERED)
def parse_cell(source: str) -> tuple[PlainPython, ast.Module] | None:
    """Return a cell's text without magics and its tree; None where Python can't parse it."""
    plain = plain_python(source)
    tree = _tree(plain.text)
    if tree is None and (older := as_older_python(plain.text)) != plain.text:
        plain = replace(plain, text=older)
        tree = _tree(older)
    return None if tree is None else (plain, tree)


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the user's strings
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def find_bindings(notebook: Notebook) -> tuple[Binding, ...]:
    """Return every way in which the notebook's module-level code gives names a value."""
    return tuple(chain.from_iterable(filter(None, bindings_by_cell(notebook).values())))


def bindings_by_cell(notebook: Notebook) -> Mapping[int, tuple[Binding, ...] | None]:
    """Return what each code cell binds, by its index; None where Python can't parse it."""
    return _of_cells(tuple(notebook.code_cells)) if notebook.language == "python" else {}


@lru_cache(4)
def _of_cells(cells: tuple[Cell, ...]) -> Mapping[int, tuple[Binding, ...] | None]:
    parsed = {cell: parse_cell(cell.source) for cell in cells}
    constants = find_constants([found[1] for found in parsed.values() if found])
    return {
        cell.index: _bindings(cell, *found, constants) if found else None
        for cell, found in parsed.items()
    }


def _bindings(
    cell: Cell, plain: PlainPython, tree: ast.Module, constants: Constants
) -> tuple[Binding, ...] | None:
    reader = _Assignments(cell, plain, tree, constants)
    try:
        for statement in tree.body:
            reader.visit(statement)
    except RecursionError:
        return None
    return tuple(reader.found)


class _Assignments(BindingReader):
    """Adds the edits of plain assignments."""

    def __init__(
        self, cell: Cell, plain: PlainPython, tree: ast.Module, constants: Constants
    ) -> None:
        super().__init__(cell)
        self.constants = constants
        self.plain = plain
        self.positions = ASTText(plain.text, tree=tree)
        self.comments = read_comments(plain.text)
        # A text right below a statement is its docstring to Sphinx and to editors.
        self.docstrings = {
            above: " ".join(below.value.value.split())
            for above, below in pairwise(tree.body)
            if isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        }

    def visit_Assign(self, node: ast.Assign) -> None:  # noqa: N802 - ast's names
        self.visit(node.value)
        if self.block is None and len(node.targets) == 1:
            self._assign(node, node.targets[0], node.value)
            return
        for target in node.targets:
            # `a = b = 1` keeps b when a is set: `a = b = 1; a = 9`.
            self._assign(node, target, node.value, appended=True)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        if not isinstance(node.target, ast.Name):
            self.generic_visit(node)
            return
        annotation = read_annotation(node.annotation, self.constants)
        if node.value is not None:
            self.visit(node.value)
            self._bind(node, node.target.id, node.value, annotation=annotation)
        elif self.block is None:
            _, end = self.positions.get_text_range(node)
            prefix, suffix = (annotation.prefix, annotation.suffix) if annotation else ("", "")
            edit = self._edit(end, end, prefix=f" = {prefix}", suffix=suffix)
            self.add(
                node,
                node.target.id,
                How.DECLARED,
                annotation=annotation,
                edit=edit,
                description=self._description(node),
            )

    def _assign(
        self, node: ast.Assign, target: ast.expr, value: ast.expr, *, appended: bool = False
    ) -> None:
        match target:
            case ast.Name(id=name):
                self._bind(node, name, value, appended=appended)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for inner, part in _unpacked(targets, value):
                    if part is None:
                        self.bind_all(node, inner, How.COMPUTED, reads=reads_of(value))
                    else:
                        self._assign(node, inner, part, appended=appended)
            case _:
                self.bind_all(node, target, How.COMPUTED, reads=reads_of(value))
                self.visit(target)

    def _bind(
        self,
        node: ast.Assign | ast.AnnAssign,
        name: str,
        value: ast.expr,
        *,
        annotation: Annotation | None = None,
        appended: bool = False,
    ) -> None:
        literal = read_literal(value, self.constants)
        if literal is None or self.block is not None:
            self.add(node, name, self.block or How.COMPUTED, reads=reads_of(value))
            return
        last = node.end_lineno or node.lineno
        commented = parse_annotation(self.comments.type_of(last), self.constants)
        annotation = annotation or commented or parse_choices(self.comments.choices_of(last))
        literal = annotated(self._whole(value, literal), annotation)
        if appended:
            _, end = self.positions.get_text_range(node)
            edit = self._edit(
                end, end, prefix=f"; {name} = {literal.prefix}", suffix=literal.suffix
            )
        else:
            start, end = self.positions.get_text_range(value)
            edit = self._edit(start, end, prefix=literal.prefix, suffix=literal.suffix)
        self.add(
            node,
            name,
            How.LITERAL,
            literal=literal,
            annotation=annotation,
            edit=edit,
            description=self._description(node),
        )

    def _whole(self, value: ast.expr, literal: Literal) -> Literal:
        """Keep what stands around a value that is a part of its expression."""
        if literal.within is None:
            return literal
        start, end, first, last = (
            self.plain.to_source(at)
            for part in (value, literal.within)
            for at in self.positions.get_text_range(part)
        )
        source = self.cell.source
        return replace(literal, prefix=source[start:first], suffix=source[last:end])

    def _description(self, node: ast.stmt) -> str:
        said = self.comments.describing(node.lineno, node.end_lineno or node.lineno)
        return said or self.docstrings.get(node, "")

    def _edit(self, start: int, end: int, *, prefix: str = "", suffix: str = "") -> Edit:
        return Edit(
            cell=self.cell.index,
            cell_id=self.cell.id,
            start=self.plain.to_source(start),
            end=self.plain.to_source(end),
            prefix=prefix,
            suffix=suffix,
            source_sha256=self.cell.source_sha256,
        )


def _unpacked(
    targets: list[ast.expr], value: ast.expr
) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Pair targets with the elements of a displayed tuple or list; None where it is no such."""
    values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
    stars = [i for i, target in enumerate(targets) if isinstance(target, ast.Starred)]
    unclear = any(isinstance(part, ast.Starred) for part in values)
    if unclear or (len(targets) != len(values) and not stars) or len(targets) > len(values) + 1:
        yield from ((target, None) for target in targets)
        return
    behind = len(values) - len(targets)
    for i, target in enumerate(targets):
        if i in stars:
            yield target, None
        else:
            yield target, values[i if not stars or i < stars[0] else i + behind]
