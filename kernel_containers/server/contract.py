"""Requests checked against `openapi.yaml`, so that what it says is what is accepted."""

from __future__ import annotations

import json
import math
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NoReturn

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.exceptions import best_match

from kernel_containers.core.large_json import json_text
from kernel_containers.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Contract:
    """The operations of the file; `check_…` return what an operation is given."""

    def __init__(self) -> None:
        text = files("kernel_containers.server").joinpath("openapi.yaml").read_text("utf-8")
        self.document: dict[str, Any] = yaml.safe_load(text)
        self._components = self.document["components"]

    def operations(self) -> Iterator[tuple[str, str]]:
        """Yield (path, verb) of each operation."""
        for path, verbs in self.document["paths"].items():
            for verb in verbs:
                yield path, verb.upper()

    def check_path(self, path: str, verb: str, given: Mapping[str, str]) -> dict[str, str]:
        """Return the path's parameters.

        Raises:
            NotFound: nothing can have such a name.
        """
        for parameter in self._parameters(path, verb, "path"):
            name = parameter["name"]
            if next(self._errors(parameter["schema"], given[name]), None):
                raise NotFound(f"Nothing can have such a {name}.")
        return dict(given)

    def check_query(self, path: str, verb: str, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the query's parameters with their defaults; others, such as a token, are left.

        Raises:
            UsageError: one is missing or malformed.
        """
        checked: dict[str, Any] = {}
        for parameter in self._parameters(path, verb, "query"):
            name, schema = parameter["name"], self._resolve(parameter["schema"])
            if name not in given:
                if parameter.get("required"):
                    raise UsageError(f"The request needs ?{name}=….")
                checked[name] = schema.get("default")
                continue
            value = _read(given[name], schema.get("type", "string"))
            if error := best_match(self._errors(schema, value)):
                _refuse(error, f"?{name}")
            checked[name] = value
        return checked

    def check_body(self, path: str, verb: str, data: bytes) -> dict[str, Any]:
        """Return the body; unknown fields are refused.

        Raises:
            UsageError: it is not JSON, or not what the operation takes.
        """
        declared = self._operation(path, verb).get("requestBody")
        if declared is None:
            return {}
        value = _parse(data)
        schema = self._variant(declared["content"]["application/json"]["schema"], value)
        if error := best_match(self._errors(schema, value)):
            _refuse(error, "$")
        return dict(value)

    def _operation(self, path: str, verb: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["paths"][path][verb.lower()]
        return found

    def _parameters(self, path: str, verb: str, place: str) -> Iterator[Mapping[str, Any]]:
        for declared in self._operation(path, verb).get("parameters", ()):
            parameter = self._resolve(declared)
            if parameter["in"] == place:
                yield parameter

    def _resolve(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in value:
            return value
        found: Any = self.document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self._resolve(found)

    def _variant(self, schema: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
        """Return the one of several schemas that the body names, so that errors are about it."""
        schema = self._resolve(schema)
        chooser = schema.get("discriminator")
        if not chooser or not isinstance(value, dict):
            return schema
        name = value.get(chooser["propertyName"])
        found = chooser["mapping"].get(name) if isinstance(name, str) else None
        if found is None:
            known = ", ".join(chooser["mapping"])
            raise UsageError(f"$.{chooser['propertyName']} must be one of {known}.")
        return {"$ref": found}

    def _errors(self, schema: Mapping[str, Any], value: Any) -> Iterator[ValidationError]:
        whole = {**schema, "components": self._components}
        yield from _Validator(whole).iter_errors(value)


def _check_pattern(
    validator: Any, pattern: str, value: Any, schema: object
) -> Iterator[ValidationError]:
    """Match as ECMAScript does: `$` is the very end, not also the place before a last newline."""
    del schema
    if validator.is_type(value, "string") and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"it does not match {pattern}")


_rules: Any = {"pattern": _check_pattern}
_Validator = validators.extend(Draft202012Validator, _rules)  # type: ignore[no-untyped-call]


def _read(text: str, kind: str) -> Any:
    """Return a query's text in the type that its schema has, or as it is if it does not fit."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII):
        return int(text)
    return text


def _parse(data: bytes) -> Any:
    try:
        # As in core/large_json.py the functions of Python are turns for other threads.
        value = json.loads(
            data.decode() or "{}",
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_duplicates,
        )
        if b"\\ud" in data or b"\\uD" in data:  # perhaps half a surrogate pair
            json_text(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        # The decoder's words may quote what was sent.
        raise UsageError("The body is not JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise UsageError("The body is not a JSON object.")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what two readers would read differently."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UsageError("The body has a name twice in one object.")
    return found


def _finite(text: str) -> float:
    """Refuse 1e999, which is infinite."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse(error: ValidationError, where: str) -> NoReturn:
    """Say what is wrong without the value, which may be a secret."""
    place = error.json_path.replace("$", where, 1)
    limit: Any = error.validator_value
    schema: Any = error.schema
    value: Any = error.instance
    match error.validator:
        case "additionalProperties":
            unknown = ", ".join(sorted(set(value) - set(schema.get("properties", {}))))
            raise UsageError(f"{place} has unknown fields: {unknown}.", todo=_known(schema))
        case "required":
            missing = ", ".join(name for name in limit if name not in value)
            raise UsageError(f"{place} lacks {missing}.", todo=_known(schema))
        case "type":
            raise UsageError(f"{place} must be of type {limit}.")
        case "enum" | "const":
            raise UsageError(f"{place} must be one of {limit}.")
        case "oneOf" | "anyOf":
            raise UsageError(f"{place} fits none of the forms that are allowed.")
        case _:
            raise UsageError(f"{place} breaks the rule {error.validator}: {limit}.")


def _known(schema: Any) -> str:
    return f"known are: {', '.join(schema.get('properties', {}))}"
