"""A parameter's value as source text of the kernel's language; never text that somebody wrote.

A secret becomes an expression that reads it from the kernel's environment.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from kernel_containers.errors import InvalidInput
from kernel_containers.runner.dotnet_literals import C_SHARP, F_SHARP, POWER_SHELL
from kernel_containers.runner.foreign_literals import BASH, JULIA, Language, R
from kernel_containers.runner.matlab_literals import MATLAB, OCTAVE
from kernel_containers.runner.scala_literals import SCALA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.parameters import JsonValue, ParameterType

SECRET_VARIABLE = "KERNEL_CONTAINERS_SECRET_"  # noqa: S105 - the start of a variable's name

# Python's parser refuses brackets nested deeper than 200 and takes a gigabyte for a list literal
# of 10 MB; json.loads() takes neither.
_DEEPEST_LITERAL = 50
_LONGEST_LITERAL = 100_000


def language_for(name: str) -> Language:
    """Return how to write values for a kernel's language.

    Raises:
        InvalidInput: parameters can't be given to notebooks of this language.
    """
    found = _LANGUAGES.get(name.lower())
    if found is None:
        raise InvalidInput(
            f"Parameters can't be given to a {name or 'nameless'} kernel.",
            why=f"values can be written for {', '.join(sorted(_LANGUAGES))}",
            todo="read them in the notebook from a file or the environment",
        )
    return found


def assignment(language: Language, name: str, literal: str) -> str:
    """Return one statement that gives `name` its value.

    Raises:
        InvalidInput: the language has no variable of this name.
    """
    key = name.lower() if language is POWER_SHELL else name
    if not language.name.fullmatch(name) or key in language.keywords:
        raise InvalidInput(f"{name!r} can't be the name of a variable.")
    return language.assignment.format(name=name, literal=literal)


def secret_text(value: JsonValue) -> str:
    """Return what the environment variable of a secret holds, see `Language.secret`."""
    return value if isinstance(value, str) else json.dumps(value)


def secret_variable(name: str) -> str:
    """Return the environment variable that holds a secret parameter for the kernel."""
    return SECRET_VARIABLE + name


def python_literal(kind: ParameterType, value: JsonValue) -> str:
    """Return a Python expression, free of names but builtins, that evaluates to the value."""
    if isinstance(value, str) and kind == "date":
        day = date.fromisoformat(value)
        return f"__import__('datetime').date({day.year}, {day.month}, {day.day})"
    if isinstance(value, str) and kind == "datetime":
        return _python_datetime(datetime.fromisoformat(value))
    if isinstance(value, (list, dict)):
        as_json = json.dumps(value)
        text = _python(value, 0) if len(as_json) < _LONGEST_LITERAL else None
        return text or f"__import__('json').loads({as_json!r})"
    return _python_scalar(value)


def _python(value: JsonValue, depth: int) -> str | None:
    """None where brackets are nested too deeply."""
    if not isinstance(value, (list, dict)):
        return _python_scalar(value)
    if depth >= _DEEPEST_LITERAL:
        return None
    members = [
        _python(item, depth + 1) for item in (value.values() if isinstance(value, dict) else value)
    ]
    if None in members:
        return None
    if isinstance(value, dict):
        pairs = zip(value, members, strict=True)
        return "{" + ", ".join(f"{key!r}: {member}" for key, member in pairs) + "}"
    return "[" + ", ".join(map(str, members)) + "]"


def _python_scalar(value: JsonValue) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _python_datetime(value: datetime) -> str:
    parts = [value.year, value.month, value.day, value.hour, value.minute]
    if value.second or value.microsecond:
        parts.append(value.second)
    if value.microsecond:
        parts.append(value.microsecond)
    arguments = ", ".join(map(str, parts))
    offset = value.utcoffset()
    if offset is not None:
        arguments += f", tzinfo={_python_timezone(offset)}"
    return f"__import__('datetime').datetime({arguments})"


def _python_timezone(offset: timedelta) -> str:
    if not offset:
        return "__import__('datetime').timezone.utc"
    minutes = int(offset.total_seconds()) // 60
    delta = f"__import__('datetime').timedelta(minutes={minutes})"
    return f"__import__('datetime').timezone({delta})"


def _python_secret(kind: ParameterType, variable: str) -> str:
    read = f"__import__('os').environ[{variable!r}]"
    if kind == "str":
        return read
    if kind in ("date", "datetime"):
        return f"__import__('datetime').{kind}.fromisoformat({read})"
    return f"__import__('json').loads({read})"


_LANGUAGES: Mapping[str, Language] = {
    "python": Language(
        name=re.compile(r"[^\W\d]\w*"),
        keywords=frozenset(keyword.kwlist),
        literal=python_literal,
        secret=_python_secret,
        assignment="{name} = {literal}",
    ),
    "r": R,
    "julia": JULIA,
    "bash": BASH,
    "scala": SCALA,
    "matlab": MATLAB,
    "octave": OCTAVE,
    "c#": C_SHARP,
    "csharp": C_SHARP,
    "f#": F_SHARP,
    "fsharp": F_SHARP,
    "powershell": POWER_SHELL,
    "pwsh": POWER_SHELL,
}
