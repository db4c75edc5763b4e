"""Whether parameters still have their values when a run ends.

What a notebook does with `exec`, `%store` or `globals()` can't be seen in its code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kernel_containers.runner import structure
from kernel_containers.runner.literals import python_literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.contract import Contract
    from kernel_containers.core.parameters import JsonValue, Parameter

# Of a prefix, what makes a statement: `; n = tuple(` and ` = `.
_ASSIGNS = re.compile(r"^(?:; *[^=]*)?\s*=\s*")


def at_end(notebook: Any, contract: Contract, values: Mapping[str, JsonValue]) -> dict[str, str]:
    """Return Python expressions by parameter that are true if it has its value in the end.

    Only for numbers and texts, and where no code computes a new value from the one given.
    """
    if contract.kernel.language.lower() != "python":
        return {}
    sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return {
        parameter.name: _holds(parameter, values[parameter.name])
        for parameter in contract.parameters
        if _is_plain(parameter, values.get(parameter.name))
        and not any(structure.refines(source, parameter.name) for source in sources)
    }


def _is_plain(parameter: Parameter, value: JsonValue) -> bool:
    is_nan = value != value  # noqa: PLR0124
    return isinstance(value, (str, int, float)) and not parameter.secret and not is_nan


def _holds(parameter: Parameter, value: JsonValue) -> str:
    around = parameter.edits[-1] if parameter.edits else None
    prefix = _ASSIGNS.sub("", around.prefix, count=1) if around else ""
    suffix = around.suffix if around else ""
    literal = python_literal(parameter.type, value)
    # Whatever comparing gives, such as numpy's own truth, becomes True or False.
    return f"not not ({parameter.name} == {prefix}{literal}{suffix})"
