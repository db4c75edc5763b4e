"""Replaces values in a cell's source and proves that nothing else changed."""

from __future__ import annotations

import ast
import copy
import re
from typing import TYPE_CHECKING

from kernel_containers.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

# start, end, prefix, suffix, literal; in order, not overlapping
Span = tuple[int, int, str, str, str]

_PLACEHOLDER = "kernel_containers_value_{}"
# Only used to parse what is not plain Python; a line wrongly taken for a magic makes the source
# unparsable, and then the check is not made.
_MAGIC = re.compile(
    r"^(?P<indent>[ \t]*)(?:[%!?].*|[\w, \t]+=[ \t]*[%!][^\n]*|[\w.]+\?{1,2})[ \t]*$", re.MULTILINE
)
_CONTINUED_SHELL = re.compile(r"^([ \t]*[%!][^\n]*)\\\n", re.MULTILINE)


def splice(source: str, spans: Sequence[Span]) -> str:
    """Return `source` with each span replaced; every other character stays."""
    made, end = [], 0
    for start, stop, prefix, suffix, literal in spans:
        made += [source[end:start], prefix, literal, suffix]
        end = stop
    return "".join([*made, source[end:]])


def check(source: str, spans: Sequence[Span], index: int) -> None:
    """Refuse a replacement that changes more than values.

    The old source, and the new one, must have the syntax tree of the source with names in the
    places of the values. A cell that this Python can't parse, by its magics or a syntax error,
    is taken as it is: the kernel will say what is wrong with it.

    Raises:
        InvalidInput: the trees differ.
    """
    if _parse(source) is None:
        return
    names = [_PLACEHOLDER.format(number) for number in range(len(spans))]
    between = _parse(
        splice(source, [(*span[:4], name) for span, name in zip(spans, names, strict=True)])
    )
    after = _parse(splice(source, spans))
    new = {name: _parse_value(span[4]) for span, name in zip(spans, names, strict=True)}
    same = between is not None and after is not None and _filled(between, new) == ast.dump(after)
    # With a prefix the statement around the value is rewritten too, as decided with the image.
    # A text of several lines may look like magics where these are masked.
    before = _tree(source)
    if same and between and before and not any(span[2] or span[3] for span in spans):
        old = {
            name: _parse_value(source[span[0] : span[1]])
            for span, name in zip(spans, names, strict=True)
        }
        same = _filled(between, old) == ast.dump(before)
    if not same:
        raise InvalidInput(
            f"The values can't be written into cell {index + 1}.",
            why="more than the values would change",
            todo="containerize the notebook again",
        )


def sets_anew(source: str, name: str) -> bool:
    """Whether a Python cell gives `name` a value that does not depend on the one it has."""
    tree = _parse(source)
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value:
            targets, value = [statement.target], statement.value
        else:
            continue
        sets = {target.id for target in targets if isinstance(target, ast.Name)}
        if name in sets - _names(value):
            return True
    return False


def refines(source: str, name: str) -> bool:
    """Whether a Python cell seems to change or delete the value of `name` knowing what it was."""
    tree = _parse(source)
    if tree is None:
        return bool(re.search(rf"\b{re.escape(name)}\b", source))
    return any(_refines(statement, name) for statement in ast.walk(tree))


def _refines(statement: ast.AST, name: str) -> bool:
    match statement:
        case ast.AugAssign(target=target) | ast.Delete(targets=[target, *_]):
            return name in _names(target)
        case ast.Assign(targets=targets, value=ast.expr() as value):
            is_read = name in _names(value)
            return any(_is_part(item, name) or is_read & (name in _names(item)) for item in targets)
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
            return _is_part(method, name)  # names.append(…), whose result nobody wants
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return name in _names(value) and name in _names(target)
        case ast.NamedExpr(target=target, value=value):
            return target.id == name and name in _names(value)
        case _:
            return False


def _is_part(node: ast.AST, name: str) -> bool:
    """Whether this is an item or an attribute of `name`, such as `name[0].x`."""
    if not isinstance(node, (ast.Attribute, ast.Subscript)):
        return False
    base: ast.AST = node
    while isinstance(base, (ast.Attribute, ast.Subscript)):
        base = base.value
    return isinstance(base, ast.Name) and base.id == name


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _parse(source: str) -> ast.Module | None:
    masked = _CONTINUED_SHELL.sub(r"\1\n%", source)
    masked = _MAGIC.sub(lambda match: f"{match['indent']}pass", masked)
    return _tree(source) or _tree(masked)


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parse_value(text: str) -> ast.expr | None:
    try:
        return ast.parse(f"({text})", mode="eval").body
    except (SyntaxError, ValueError):
        return None


class _Fill(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr | None]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id) or node


def _filled(tree: ast.Module, values: dict[str, ast.expr | None]) -> str:
    return ast.dump(_Fill(values).visit(copy.deepcopy(tree)))
