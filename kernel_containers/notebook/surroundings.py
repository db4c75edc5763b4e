"""Variables of the environment that the code can't do without, and files that set them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from kernel_containers.notebook.assignments import parse_cell
from kernel_containers.notebook.remark import Remark, remark_at
from kernel_containers.notebook.walk import last_name, walk_but

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kernel_containers.notebook.document import Notebook

_EVERYWHERE = frozenset({"HOME", "HOSTNAME", "PATH", "PWD", "TMPDIR"})
_DOTENV = frozenset({"load_dotenv", "dotenv_values"})
_DOTENV_MAGIC = re.compile(r"^[ \t]*%dotenv\b", re.MULTILINE)
_SET = re.compile(
    r"""^[ \t]*%(?:set_)?env[ \t]+(?P<magic>\w+)
      | \benviron\[\s*["'](?P<item>\w+)["']\s*\]\s*=(?!=)
      | \b(?:setdefault|putenv)\(\s*["'](?P<call>\w+)["']""",
    re.MULTILINE | re.VERBOSE,
)


def surroundings(notebook: Notebook) -> Iterator[Remark]:
    """Yield each variable that must be given to a run, or the file that has them all."""
    code = "\n".join(cell.source for cell in notebook.code_cells)
    known = _EVERYWHERE | {next(filter(None, match.groups())) for match in _SET.finditer(code)}
    needed: list[Remark] = []
    for cell in notebook.code_cells:
        parsed = parse_cell(cell.source)
        magic = _DOTENV_MAGIC.search(cell.source)
        lines = [cell.source.count("\n", 0, magic.start()) + 1] if magic else []
        for node in walk_but(parsed[1], _unless_expected) if parsed else ():
            match node:
                case ast.Call(func=called) if last_name(called) in _DOTENV:
                    lines.append(node.lineno)
                case ast.Subscript(
                    value=ast.Name(id="environ") | ast.Attribute(attr="environ"),
                    slice=ast.Constant(value=str(name)),
                    ctx=ast.Load(),
                ) if name not in known:
                    known |= {name}
                    needed.append(remark_at(
                        cell, node.lineno, "environment", "warning",
                        f"The code needs the variable {name} of the environment.",
                        "an image does not have it, and without it the cell fails",
                        f"make it a parameter or a secret, or run with docker run -e {name}",
                    ))  # fmt: skip
                case _:
                    pass
        if lines:
            yield remark_at(
                cell, lines[0], "dotenv", "warning", "The code reads variables from a file .env.",
                "such files hold secrets and never enter an image",
                "make them parameters or secrets, or run with docker run --env-file .env",
            )  # fmt: skip
            return
    yield from needed


def _unless_expected(node: ast.AST) -> Sequence[ast.AST] | None:
    """Leave out code that looks first, or knows what to do without."""
    match node:
        case ast.Try(finalbody=rest):
            return rest
        case ast.If(test=test) | ast.IfExp(test=test) if "environ" in ast.dump(test):
            return []
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return []
        case _:
            return None
