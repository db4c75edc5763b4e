"""JSON read strictly: what is said twice, too deep or too long is refused."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kernel_containers.core.parameters import JsonValue

# Python refuses to convert longer integers from and to text (sys.get_int_max_str_digits()).
MOST_DIGITS = 4300
_TOO_LONG: int = 10**MOST_DIGITS
_NOT_FINITE = ("nan", "infinity", "-infinity")
DEEPEST = 200  # lists and dicts within each other
# Ten aliases of YAML, each of nine of the one before, are a value of 3 billion members.
_MOST_MEMBERS = 10_000_000
_TOO_DEEP = f"it is nested more than {DEEPEST} deep"
_TOO_MANY_DIGITS = f"an integer has more than {MOST_DIGITS} digits"


def read_json(text: str) -> JsonValue:
    """Return the value of a JSON document.

    Raises:
        ValueError: not JSON, a member twice in one object, too deep, or an integer too long.
    """
    try:
        return json.loads(text, parse_int=read_integer, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def read_integer(text: str, base: int = 10) -> int:
    """Return the integer that digits say.

    Raises:
        ValueError: no digits of this base, or too many.
    """
    # Python's own words about too many name a function of its library.
    too_long = base == 10 and len(text.lstrip("+-")) > MOST_DIGITS
    value = _TOO_LONG if too_long else int(text, base)
    if is_too_long(value):
        raise ValueError(_TOO_MANY_DIGITS)
    return value


def check_json(value: JsonValue) -> None:
    """Refuse what is no JSON, or can't be written as a literal.

    Raises:
        ValueError: another type, nested too deeply, too many members, or an integer too long.
    """
    for seen, (item, depth) in enumerate(_members(value)):
        if depth > DEEPEST:
            raise ValueError(_TOO_DEEP)
        if seen >= _MOST_MEMBERS:
            message = f"it has more than {_MOST_MEMBERS:,} members"
            raise ValueError(message)
        if isinstance(item, dict) and not all(isinstance(key, str) for key in item):
            message = "JSON has only strings as keys"
            raise ValueError(message)
        if isinstance(item, int) and is_too_long(item):
            raise ValueError(_TOO_MANY_DIGITS)
        if item is not None and not isinstance(item, (dict, list, str, int, float)):
            message = f"JSON has no {type(item).__name__}"
            raise ValueError(message)


def _members(value: JsonValue) -> Iterator[tuple[JsonValue, int]]:
    """Yield a value and all within it, with the depth of each."""
    # A loop, not recursion: the depth is what is being checked.
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        yield item, depth
        within = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting.extend((member, depth + 1) for member in within)


def is_too_long(value: int) -> bool:
    """Whether Python would not write the integer as text."""
    return abs(value) >= _TOO_LONG


def has_nan(value: JsonValue) -> bool:
    """Whether nan stands in a value, which is then not equal to itself."""
    if isinstance(value, (dict, list)):
        return any(map(has_nan, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and math.isnan(value)


def strict_json(value: Any) -> Any:
    """Return the value with nan and infinities as texts: JSON has no word for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    if isinstance(value, dict):
        return {name: strict_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict_json(item) for item in value]
    return value


def not_finite(value: Any, place: str = "") -> list[str]:
    """Return where nan and infinities stand in a value, as JSON pointers (RFC 6901)."""
    if isinstance(value, float):
        return [] if math.isfinite(value) else [place]
    if isinstance(value, dict):
        members = [(_escape(str(name)), item) for name, item in value.items()]
    elif isinstance(value, (list, tuple)):
        members = [(str(index), item) for index, item in enumerate(value)]
    else:
        return []
    return [found for name, item in members for found in not_finite(item, f"{place}/{name}")]


def with_floats(value: Any, places: Iterable[str], at: str = "") -> Any:
    """Return what `strict_json` was given, from its result and what `not_finite` said."""
    wanted = places if isinstance(places, frozenset) else frozenset(places)
    if isinstance(value, str):
        return float(value) if at in wanted and value in _NOT_FINITE else value
    if not wanted:
        return value
    if isinstance(value, dict):
        return {
            name: with_floats(item, wanted, f"{at}/{_escape(name)}") for name, item in value.items()
        }
    if isinstance(value, list):
        return [with_floats(item, wanted, f"{at}/{index}") for index, item in enumerate(value)]
    return value


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        message = f"{twice!r} is given twice"
        raise ValueError(message)
    return found
