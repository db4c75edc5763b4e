"""How the names of a cell get their values."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kernel_containers.core.parameters import Edit
    from kernel_containers.notebook.annotations import Annotation
    from kernel_containers.notebook.document import Cell
    from kernel_containers.notebook.literals import Literal


class How(Enum):
    """How a name gets a value; the words complete "It is …"."""

    LITERAL = "set to a plain value"
    DECLARED = "declared without a value"
    COMPUTED = "computed"
    CHANGED = "changed in place"
    CONDITIONAL = "assigned under a condition or inside a block"
    LOOP = "assigned in a loop"
    EXPRESSION = "assigned inside an expression"
    WITH = "bound by `with`"
    EXCEPT = "bound by `except`"
    IMPORT = "imported"
    DEFINITION = "a function or class"
    GLOBAL = "assigned by a function"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One way a name gets a value. `line` counts from 1 in the cell.

    `literal` and `edit` belong to LITERAL, `annotation` and `edit` to DECLARED. `reads` are the
    names that a computed value is made of.
    """

    name: str
    how: How
    cell: Cell
    line: int
    literal: Literal | None = None
    annotation: Annotation | None = None
    edit: Edit | None = None
    description: str = ""
    reads: frozenset[str] = frozenset()


# Methods of lists, dicts and sets that change them.
_MUTATORS = frozenset(
    "append extend insert pop remove clear sort reverse update setdefault popitem "  # noqa: SIM905
    "add discard".split()
)


class BindingReader(ast.NodeVisitor):
    """Walks what runs at module level and collects what it binds in `found`.

    `block` says how names in the block at hand are bound; None outside of blocks.
    """

    def __init__(self, cell: Cell) -> None:
        self.found: list[Binding] = []
        self.cell = cell
        self.block: How | None = None

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.bind_all(node, target, How.COMPUTED, reads=reads_of(node.value))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.generic_visit(node)
        if node.value is not None:
            self.bind_all(node, node.target, How.COMPUTED, reads=reads_of(node.value))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.generic_visit(node)
        self.bind_all(node, node.target, How.CHANGED, reads=reads_of(node.value))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.add(node, node.target.id, self.block or How.EXPRESSION, reads=reads_of(node.value))

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self.bind_all(node, target, How.DELETED)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self.add(node, name, How.IMPORT)

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.add(node, node.name, self.block or How.DEFINITION)
        for part in (*node.decorator_list, node.args, node.returns):
            if part is not None:
                self.visit(part)
        self._scope(node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.add(node, node.name, self.block or How.DEFINITION)
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._scope(node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)  # names in the body are its own

    def visit_TypeAlias(self, node: Any) -> None:  # known from Python 3.12 on
        self.add(node, node.name.id, self.block or How.DEFINITION)

    def _scope(self, body: list[ast.stmt]) -> None:
        """Note what the body of a function or class binds outside of it."""
        inside = BindingReader(self.cell)
        for statement in body:
            inside.visit(statement)
        shared = frozenset(chain.from_iterable(map(_globals, body)))
        self.found += [
            replace(binding, how=How.GLOBAL)
            for binding in inside.found
            if binding.how is How.GLOBAL or binding.name in shared
        ]

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self.bind_all(node, node.target, How.LOOP)
        self._block(How.LOOP, node.body, node.orelse)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._block(How.LOOP, node.body, node.orelse)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        if _is_main_program(node.test) and not node.orelse:
            for statement in node.body:
                self.visit(statement)
            return
        self._block(How.CONDITIONAL, node.body, node.orelse)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.bind_all(node, item.optional_vars, How.WITH)
        self._block(How.CONDITIONAL, node.body)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        for handler in node.handlers:
            if handler.name:
                self.add(handler, handler.name, How.EXCEPT)
        handled = [statement for handler in node.handlers for statement in handler.body]
        self._block(How.CONDITIONAL, node.body, handled, node.orelse, node.finalbody)

    visit_TryStar = visit_Try  # noqa: N815

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        for case in node.cases:
            for part in ast.walk(case.pattern):
                name = getattr(part, "rest" if isinstance(part, ast.MatchMapping) else "name", None)
                if isinstance(name, str):
                    self.add(node, name, How.CONDITIONAL)
            self._block(How.CONDITIONAL, case.body)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute in _MUTATORS:
                self.add(node, name, How.CHANGED)

    def _block(self, how: How, *bodies: list[ast.stmt]) -> None:
        outer = self.block
        # A condition inside a loop is a loop's: it may come again.
        self.block = How.LOOP if outer is How.LOOP else how
        for statement in chain.from_iterable(bodies):
            self.visit(statement)
        self.block = outer

    def bind_all(
        self, node: ast.AST, target: ast.expr, how: How, *, reads: frozenset[str] = frozenset()
    ) -> None:
        """Note all names in a target."""
        for part in ast.walk(target):
            if isinstance(part, ast.Name) and _is_bound(part):
                self.add(node, part.id, self.block or how, reads=reads)
        self._change(node, target)

    def _change(self, node: ast.AST, target: ast.expr) -> None:
        """Note `n[0] = …` and `n.x = …`, which change n."""
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
            if isinstance(target, ast.Name):
                self.add(node, target.id, How.CHANGED)

    def add(
        self,
        node: ast.AST,
        name: str,
        how: How,
        *,
        literal: Literal | None = None,
        annotation: Annotation | None = None,
        edit: Edit | None = None,
        description: str = "",
        reads: frozenset[str] = frozenset(),
    ) -> None:
        """Note a binding by the statement `node`."""
        self.found.append(
            Binding(
                name=name,
                how=how,
                cell=self.cell,
                line=getattr(node, "lineno", 1),
                literal=literal,
                annotation=annotation,
                edit=edit,
                description=description,
                reads=reads,
            )
        )


def _is_bound(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store | ast.Del)


def _globals(node: ast.AST) -> frozenset[str]:
    """Return the names that a scope declares as global; other scopes inside have their own."""
    if isinstance(node, ast.Global):
        return frozenset(node.names)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
        return frozenset()
    return frozenset(chain.from_iterable(map(_globals, ast.iter_child_nodes(node))))


def _is_main_program(test: ast.expr) -> bool:
    """Whether it is `__name__ == "__main__"`, which always holds in a notebook."""
    match test:
        case ast.Compare(
            left=ast.Name(id="__name__"),
            ops=[ast.Eq()],
            comparators=[ast.Constant(value="__main__")],
        ):
            return True
        case _:
            return False


_OWN_NAMES = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda


def reads_of(value: ast.AST) -> frozenset[str]:
    """Return the names that an expression loads; those of comprehensions are their own."""
    if isinstance(value, ast.Name):
        return frozenset() if _is_bound(value) else frozenset({value.id})
    found = frozenset(chain.from_iterable(map(reads_of, ast.iter_child_nodes(value))))
    if not isinstance(value, _OWN_NAMES):
        return found
    inside = list(ast.walk(value))
    arguments = {part.arg for part in inside if isinstance(part, ast.arg)}
    return found - arguments - {p.id for p in inside if isinstance(p, ast.Name) and _is_bound(p)}


def places(found: Sequence[Binding]) -> str:
    """Return where bindings stand, for people: `cell 2, line 1, and cell 5, line 3`."""
    named = [f"{binding.cell.name}, line {binding.line}" for binding in found]
    unique = list(dict.fromkeys(named))
    return ", and ".join(filter(None, [", ".join(unique[:-1]), unique[-1]]))
