"""What a notebook's names stand for: `Mode.FAST`, `math.pi`, `dt` for `datetime`."""

from __future__ import annotations

import ast
import copy
import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from kernel_containers.notebook.literals import Literal
from kernel_containers.notebook.walk import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ENUMS = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"})
_NUMBERS: Mapping[str, float | str] = {
    "pi": math.pi, "e": math.e, "tau": math.tau,
    "inf": "inf", "nan": "nan", "NaN": "nan", "NAN": "nan",
}  # fmt: skip
_OF_NUMBERS = frozenset({"np", "numpy", "math"})
# What is known by its name, and often imported under another one.
_OF_KNOWN = frozenset({"datetime", "decimal", "fractions", "math", "numpy", "pandas", "pathlib"})
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class Constants:
    """Names that mean the same in all of a notebook.

    `enums` are the names of members by that of their class, which the notebook itself defines;
    `numbers` are imported, as in `from math import pi`; `own_names` are those that imported
    modules, classes and functions have where they come from, as in `Decimal as D`.
    """

    enums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float | str] = field(default_factory=dict)
    own_names: Mapping[str, str] = field(default_factory=dict)

    def with_own_names(self, node: ast.expr) -> ast.expr:
        """Return the expression as it would be if nothing had been imported under another name."""
        names = (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
        if not any(name in self.own_names for name in names):
            return node
        renamed: ast.expr = _Renamed(self.own_names).visit(copy.deepcopy(node))
        return renamed

    def read(self, node: ast.expr) -> Literal | None:
        """Return the name of an enum's member or a constant of a module; None for all else."""
        match node:
            case (
                ast.Attribute(value=ast.Name(id=name), attr=member)
                | ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(member)))
            ) if member in self.enums.get(name, ()):
                choices = self.enums[name]
                prefix, suffix = member_of(name)
            case ast.Attribute(value=ast.Name(id="logging"), attr=member) if member in _LEVELS:
                choices, prefix, suffix = _LEVELS, "getattr(logging, ", ")"
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _OF_NUMBERS:
                return _number(_NUMBERS.get(name))
            case ast.Name(id=name):
                return _number(self.numbers.get(name))
            case _:
                return None
        return Literal(value=member, type="enum", choices=choices, prefix=prefix, suffix=suffix)


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node


def member_of(enum: str) -> tuple[str, str]:
    """Return what makes a member of its name when it is put around that."""
    return f"{enum}[", "]"


def _number(value: float | str | None) -> Literal | None:
    return None if value is None else Literal(value=value, type="float")


def find_constants(trees: Sequence[ast.Module]) -> Constants:
    """Return what a notebook's cells define and import, unless another place binds the name too."""
    statements = [statement for tree in trees for statement in tree.body]
    enums: dict[str, tuple[str, ...]] = {}
    numbers: dict[str, float | str] = {}
    for statement in statements:
        match statement:
            case ast.ClassDef(name=name) if _is_enum(statement, enums):
                enums[name] = tuple(_members(statement))
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=func, args=[_, ast.Constant(value=str(members))]),
            ) if last_name(func) in _ENUMS:
                enums[name] = tuple(members.replace(",", " ").split())
            case ast.ImportFrom(module="math" | "numpy", names=aliases):
                numbers |= {
                    alias.asname or alias.name: _NUMBERS[alias.name]
                    for alias in aliases
                    if alias.name in _NUMBERS
                }
            case _:
                pass
    imported = Counter(chain.from_iterable(map(_imported, statements)))
    if not enums and not numbers and not imported:
        return Constants()
    times = Counter(chain.from_iterable(map(_bound, trees)))
    return Constants(
        {name: members for name, members in enums.items() if members and times[name] == 1},
        {name: number for name, number in numbers.items() if times[name] == 1},
        {name: own for (name, own), count in imported.items() if times[name] == count},
    )


def _imported(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """Yield (other name, own name) of what is imported under another name."""
    match statement:
        case ast.Import(names=aliases):
            known = [alias for alias in aliases if alias.name in _OF_KNOWN]
        case ast.ImportFrom(module=module, names=aliases) if module in _OF_KNOWN:
            known = aliases
        case _:
            known = []
    yield from ((alias.asname, alias.name) for alias in known if alias.asname)


def _is_enum(node: ast.ClassDef, known: Mapping[str, tuple[str, ...]]) -> bool:
    return any(last_name(base) in _ENUMS or last_name(base) in known for base in node.bases)


def _members(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[*targets], value=value):
                pass
            case ast.AnnAssign(target=only, value=ast.expr() as value):
                targets = [only]
            case _:
                continue
        is_none = isinstance(value, ast.Lambda) or (
            isinstance(value, ast.Call) and last_name(value.func) in ("nonmember", "property")
        )
        for target in targets if not is_none else ():
            if isinstance(target, ast.Name) and not target.id.startswith("_"):
                yield target.id


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case _:
                pass
