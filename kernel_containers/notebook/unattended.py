"""What in a cell's code needs a person, one machine, or the network; inside functions as well."""

from __future__ import annotations

import ast
import re
from itertools import chain
from typing import TYPE_CHECKING

from kernel_containers.notebook.assignments import parse_cell
from kernel_containers.notebook.remark import Remark, remark_at
from kernel_containers.notebook.walk import last_name, walk_but

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kernel_containers.notebook.document import Cell
    from kernel_containers.notebook.magics import PlainPython

_INSTALL = re.compile(
    r"(?:^|[\s;&|!%/])(?:"
    r"(?:pip3?|conda|mamba|micromamba|uv[ \t]+pip|pipx|apt|apt-get|yum|dnf|apk|brew)"
    r"[ \t]+(?:-\S+[ \t]+)*(?:install|add)\b"
    r"|(?:uv|poetry|pdm)[ \t]+(?:add|sync|install)\b|npm[ \t]+(?:i|install|ci)\b"
    r"|python3?[ \t]+setup\.py[ \t]+(?:install|develop)\b)|\binstall\.packages\("
)
_SHELL_CALLS = frozenset(
    {"system", "getoutput", "run", "call", "check_call", "check_output", "Popen", "popen", "main"}
)
OWN_PATH = re.compile(
    r"(?:file://)?(?:/(?:home|Users|root|mnt|media|Volumes|content|kaggle)/|~/|[A-Za-z]:[\\/]|"
    r"\\\\\w+\\)[^\s\"';)]"
)
ELSEWHERE = "absolute-path"
# One that is certain to be a path, of what not every system has.
ABSOLUTE_PATH = re.compile(r"/(?!(?:tmp|dev|etc|proc|sys|usr|run|var/tmp)\b)\w")
_PATHS = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath"})
_QUESTIONS = frozenset({"input", "getpass", "raw_input"})
# Where what is called belongs to what: `click.prompt("…")`, `sys.stdin.readline()`.
_ASKING = {
    ("click", "prompt"), ("click", "confirm"), ("stdin", "read"), ("stdin", "readline"),
    ("stdin", "readlines"), ("getpass", "getpass"), ("pdb", "set_trace"), ("ipdb", "set_trace"),
    ("files", "upload"), ("auth", "authenticate_user"), ("ee", "Authenticate"),
    ("huggingface_hub", "notebook_login"), ("huggingface_hub", "login"), ("wandb", "login"),
    ("drive", "mount"), ("cv2", "waitKey"), ("plt", "ginput"), ("plt", "waitforbuttonpress"),
}  # fmt: skip
_ASKING_NAMES = frozenset({"notebook_login", "breakpoint", "set_trace"})
_DEBUG = re.compile(r"[ \t]*%(?:debug|pdb|edit)\b")
_STORED = re.compile(r"[ \t]*%store[ \t]+-r\b")
_WINDOW = re.compile(r"[ \t]*%(?:matplotlib|gui)[ \t]+(?:qt\w*|tk|gtk\w*|wx|osx)\b")
_ELSEWHERE = re.compile(r"colab|kaggle|environ|getenv", re.IGNORECASE)


def unattended(cell: Cell, own_names: frozenset[str]) -> Iterator[Remark]:
    """Yield what speaks against a cell; `own_names` are those that the notebook itself defines."""
    parsed = parse_cell(cell.source)
    if parsed is None:
        return
    plain, tree = parsed
    nodes = [*_everywhere(tree)]
    commands = [*_commands(cell, plain), *_called_commands(nodes)]
    for line, command in commands:
        if _INSTALL.search(command):
            yield installs(cell, line)
        if _DEBUG.match(command):
            yield asks_for_input(cell, line, command.split()[0])
        yield from _of_this_desk(cell, line, command)
    yield from _paths(cell, nodes, commands)
    for node in nodes:
        asks = _asks(node, own_names)
        if asks:
            yield asks_for_input(cell, node.lineno, asks)
    for statement in tree.body:
        yield from _endless(cell, statement)


def installs(cell: Cell, line: int) -> Remark:
    """Return the remark about a line that installs packages."""
    return remark_at(
        cell, line, "install", "warning", "The cell installs packages.",
        "each run would need the network, and may get other versions",
        "install them in the kernel's environment and remove the line",
    )  # fmt: skip


def _of_this_desk(cell: Cell, line: int, command: str) -> Iterator[Remark]:
    if _STORED.match(command):
        yield remark_at(
            cell, line, "stored-variable", "error", "The cell reads what %store kept.",
            "that lies in this machine's profile of IPython, which no image has",
            "read it from a file beside the notebook, or make it a parameter",
        )  # fmt: skip
    if _WINDOW.match(command):
        yield remark_at(
            cell, line, "window", "error", f"{command.strip()} opens windows.",
            "there is no screen, and the cell fails", "write %matplotlib inline",
        )  # fmt: skip


def _everywhere(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield all expressions, but those for Colab and Kaggle, or without a variable's value."""
    return (node for node in walk_but(tree, _unless_elsewhere) if isinstance(node, ast.expr))


def _unless_elsewhere(node: ast.AST) -> list[ast.stmt] | None:
    match node:
        case ast.If(test=test, orelse=orelse) if _ELSEWHERE.search(ast.dump(test)):
            return orelse
        case ast.BoolOp(op=ast.Or(), values=[first, *_]) if _ELSEWHERE.search(ast.dump(first)):
            return []
        case _:
            return None


def _commands(cell: Cell, plain: PlainPython) -> Iterator[tuple[int, str]]:
    """Yield the lines that are no Python: what IPython and the shell are told, and their number."""
    kept = {
        plain.to_source(at) for at, character in enumerate(plain.text) if character not in " _0"
    }
    start = 0
    for number, line in enumerate(cell.source.splitlines(keepends=True), start=1):
        text = line.rstrip()
        if text and not all(
            start + at in kept for at, character in enumerate(text) if character not in " _0\t"
        ):
            yield number, text
        start += len(line)


def _called_commands(nodes: Iterable[ast.expr]) -> Iterator[tuple[int, str]]:
    """Yield the texts of calls such as `os.system("…")` and `subprocess.run(["pip", "…"])`."""
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called), args=[command, *_]
            ) if called in _SHELL_CALLS:
                words = command.elts if isinstance(command, ast.List | ast.Tuple) else [command]
                if called == "main" and "pip" in ast.dump(node.func):
                    words = [ast.Constant("pip"), *words]
                texts = (w.value for w in words if isinstance(w, ast.Constant))
                yield node.lineno, " ".join(map(str, texts))
            case _:
                pass


def _paths(
    cell: Cell, nodes: Sequence[ast.expr], commands: Iterable[tuple[int, str]]
) -> Iterator[Remark]:
    certain = {
        id(node.args[0])
        for node in nodes
        if isinstance(node, ast.Call) and node.args and last_name(node.func) in _PATHS
    }
    texts = (
        (node.lineno, node.value)
        for node in nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and "\n" not in node.value
        and (
            OWN_PATH.match(node.value) or (id(node) in certain and ABSOLUTE_PATH.match(node.value))
        )
    )
    words = ((line, word) for line, command in commands for word in command.split())
    found = ((line, word) for line, word in words if OWN_PATH.match(word))
    for line, text in dict.fromkeys(chain(texts, found)):
        yield own_path(cell, line, text)


def own_path(cell: Cell, line: int, text: str) -> Remark:
    """Return the remark about a path that other machines lack."""
    return remark_at(
        cell, line, ELSEWHERE, "warning", f"{text} is a path of one machine.",
        "other machines and images do not have it",
        "use a path relative to the notebook, or make it a parameter", subject=text,
    )  # fmt: skip


def _asks(node: ast.expr, own_names: frozenset[str]) -> str:
    """Return what is called to ask somebody; else an empty text."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name not in own_names and name in _QUESTIONS:
            return name + "()"
        case ast.Call(func=ast.Name(id=name)) if name in _ASKING_NAMES:
            return name + "()"
        case ast.Call(func=ast.Name(id="login"), args=[], keywords=[]) if "login" not in own_names:
            return "login()"
        case ast.Call(
            func=ast.Attribute(attr=name, value=ast.Name(id=owner) | ast.Attribute(attr=owner))
        ) if (owner, name) in _ASKING:
            return f"{owner}.{name}()"
        case _:
            return ""


def asks_for_input(cell: Cell, line: int, asks: str) -> Remark:
    """Return the remark about a line that asks somebody."""
    return remark_at(
        cell, line, "input", "error", f"{asks} asks for input.",
        "nobody answers, and the cell fails",
        "make it a parameter, or a secret with --secret",
    )  # fmt: skip


def _endless(cell: Cell, statement: ast.stmt) -> Iterator[Remark]:
    """Yield loops that run with the cell; those of functions may belong to a thread."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    match statement:
        case ast.While(test=ast.Constant(value=value)) if value and not _ends(statement):
            pass
        case ast.For(iter=ast.Call(func=ast.Name(id="count") | ast.Attribute(attr="count"))) if (
            isinstance(statement.iter, ast.Call)
            and "itertools" in ast.dump(statement.iter.func)
            and not _ends(statement)
        ):
            pass
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="serve_forever" | "run_forever"))):
            pass
        case _:
            for part in ast.iter_child_nodes(statement):
                if isinstance(part, ast.stmt):
                    yield from _endless(cell, part)
            return
    yield remark_at(
        cell, statement.lineno, "endless-loop", "error", "The loop never ends.",
        "the run would only stop at its deadline", "end it with break, or remove it",
    )  # fmt: skip


def _ends(loop: ast.While | ast.For) -> bool:
    calls = {"exit", "quit", "_exit", "kill", "abort", "next"}
    inner = [n for n in ast.walk(loop) if isinstance(n, ast.For | ast.While) and n is not loop]
    others = {id(b) for n in inner for part in n.body for b in ast.walk(part) if _is_break(b)}
    return any(
        isinstance(part, ast.Return | ast.Raise | ast.Await | ast.Yield | ast.Assert)
        or (_is_break(part) and id(part) not in others)
        or (isinstance(part, ast.Name) and part.id in calls)
        or (isinstance(part, ast.Attribute) and part.attr in calls)
        for part in ast.walk(loop)
    )


def _is_break(node: ast.AST) -> bool:
    return isinstance(node, ast.Break)
