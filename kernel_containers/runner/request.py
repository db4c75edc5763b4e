"""What a run was asked for, from all the places where it may be said.

From weakest to strongest: the 2019 file, the environment, the request file, arguments. Within one
of them a name may stand once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernel_containers.core.contract import (
    PARAMETERS_2019,
    PARAMETERS_VARIABLE,
    REQUEST_PATH,
    SECRETS_FOLDER,
)
from kernel_containers.core.json_values import read_json
from kernel_containers.core.parameter_values import (
    from_json,
    from_text,
    undeclared,
    unknown_parameter,
)
from kernel_containers.errors import InvalidInput
from kernel_containers.runner.documents import decode_base64, read_document
from kernel_containers.runner.places import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from kernel_containers.core.parameters import JsonValue, Parameter
    from kernel_containers.runner.arguments import Arguments

Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files that a container may have been given, already read; None where there is none."""

    root: Path
    environ: Mapping[str, str]
    request: Mapping[str, Any] = field(default_factory=dict)
    file_2019: Mapping[str, Any] = field(default_factory=dict)


def read_sources(root: Path, environ: Mapping[str, str]) -> Sources:
    """Return what lies below `root`.

    Raises:
        InvalidInput: a file can't be read, or has unknown members.
    """
    request = _json_file(_below(root, REQUEST_PATH), {"parameters", "output", "run_id"})
    file_2019 = _json_file(_below(root, PARAMETERS_2019), {"Context", "Variables"})
    return Sources(root=root, environ=environ, request=request, file_2019=file_2019)


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _json_file(path: Path, members: set[str]) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} can't be read.", why=str(error)) from error
    value = _object(text, str(path))
    unknown = sorted(set(value) - members)
    if unknown:
        raise InvalidInput(f"{path} has unknown members: {', '.join(unknown)}.")
    return value


def _object(text: str, source: str) -> dict[str, Any]:
    try:
        value = read_json(text)
    except ValueError as error:
        raise InvalidInput(f"{source} is not JSON.", why=str(error)) from error
    if not isinstance(value, dict):
        raise InvalidInput(f"{source} is no JSON object.")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The values of a run. `secrets` are texts to keep out of everything that is written."""

    values: Mapping[str, JsonValue]
    secrets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def gather(arguments: Arguments, sources: Sources, parameters: Sequence[Parameter]) -> Given:
    """Return the values to run with.

    A parameter that was not given is left out, unless its default is not the code's.

    Raises:
        InvalidInput: unknown, missing, ill-typed, twice in one source, or unreadable.
    """
    declared = {parameter.name: parameter for parameter in parameters}
    values: Values = {}
    for values_of_one in _in_order(arguments, sources, declared):
        values.update(values_of_one)
    for name in values:
        if name not in declared and not arguments.allow_unknown:
            raise unknown_parameter(name, declared)
    warnings = [
        f"The secret {name!r} was given where others may see it; mount {SECRETS_FOLDER}/{name}."
        for name in values
        if name in declared and declared[name].secret
    ]
    for parameter in parameters:
        if parameter.secret and parameter.name not in values:
            values.update(_secret(parameter, sources))
        elif parameter.applied:
            values.setdefault(parameter.name, parameter.default)
    missing = [item.name for item in parameters if item.required and item.name not in values]
    if missing:
        raise _missing(missing, declared)
    secrets = [
        text
        for name, value in values.items()
        if name in declared and declared[name].secret
        for text in _texts(value)
    ]
    return Given(values=values, secrets=tuple(secrets), warnings=tuple(warnings))


def _missing(names: list[str], declared: Mapping[str, Parameter]) -> InvalidInput:
    name = names[0]
    todo = f"give it with -p {name} VALUE"
    if declared[name].secret:
        todo = (
            f"mount a file at {SECRETS_FOLDER}/{name}, "
            f"or give --secret {name} to `kernel-containers run`"
        )
    return InvalidInput(f"A value is needed for {', '.join(map(repr, names))}.", todo=todo)


def _in_order(
    arguments: Arguments, sources: Sources, declared: Mapping[str, Parameter]
) -> Iterator[Values]:
    yield _typed(sources.file_2019.get("Variables"), declared, PARAMETERS_2019)
    text = sources.environ.get(PARAMETERS_VARIABLE)
    variable = f"${PARAMETERS_VARIABLE}"
    yield _typed(_object(text, variable) if text else {}, declared, variable)
    yield _typed(sources.request.get("parameters"), declared, REQUEST_PATH)
    for text in arguments.base64:
        yield read_document(decode_base64(text, "-b"), declared, "-b")
    for file in arguments.files:
        yield read_document(read_text(file, "-f"), declared, file)
    for text in arguments.yaml:
        yield read_document(text, declared, "-y")
    yield _pairs(arguments.parameters, "-p", lambda name, text: _value(declared, name, text))
    yield _pairs(arguments.raw, "-r", lambda name, text: _raw(declared, name, text))


def _typed(given: Any, declared: Mapping[str, Parameter], source: str) -> Values:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidInput(f"The parameters in {source} are no JSON object.")
    return {
        name: from_json(declared.get(name) or undeclared(name), value)
        for name, value in given.items()
    }


def _pairs(
    pairs: Sequence[tuple[str, str]], flag: str, read: Callable[[str, str], JsonValue]
) -> Values:
    values: Values = {}
    for name, text in pairs:
        if name in values:
            raise InvalidInput(f"{flag} gives {name!r} twice.")
        values[name] = read(name, text)
    return values


def _value(declared: Mapping[str, Parameter], name: str, text: str) -> JsonValue:
    parameter = declared.get(name)
    if text.startswith("@"):
        text = read_text(text[1:], f"-p {name}")
        if parameter and parameter.type != "str":
            text = text.strip()
    return from_text(parameter, text) if parameter else _guess(text)


def _raw(declared: Mapping[str, Parameter], name: str, text: str) -> JsonValue:
    return from_json(declared[name], text) if name in declared else text


def _guess(text: str) -> JsonValue:
    """Return what papermill takes an undeclared name's text for."""
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _secret(parameter: Parameter, sources: Sources) -> Values:
    path = _below(sources.root, f"{SECRETS_FOLDER}/{parameter.name}")
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        if parameter.name not in sources.environ:
            return {}
        text = sources.environ[parameter.name]
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The secret {parameter.name!r} can't be read.",
            why=error.strerror if isinstance(error, OSError) else "it is not UTF-8",
            todo=f"let uid {_uid()} read {path}",
        ) from error
    # The end of a one-line file is not part of it; a key's last line needs its own.
    if text.count("\n") == 1:
        text = text.removesuffix("\n").removesuffix("\r")
    return {parameter.name: from_text(parameter, text)}


def _uid() -> int:
    import os  # noqa: PLC0415

    return os.getuid()


def _texts(value: JsonValue) -> Iterator[str]:
    """Yield what of a secret can be recognized: its strings, and a number's digits."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield json.dumps(value)
