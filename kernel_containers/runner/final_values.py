"""Whether parameters still have their values when a run ends.

What a notebook does with `exec`, `%store` or `globals()` can't be seen in its code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernel_containers.runner import structure
from kernel_containers.runner.literals import python_literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kernel_containers.core.contract import Contract
    from kernel_containers.core.parameters import JsonValue


def expressions(
    notebook: Any, contract: Contract, values: Mapping[str, JsonValue]
) -> dict[str, str]:
    """Return Python expressions by parameter that are true as long as it has its value.

    Only for plain values that nothing else in the notebook's code seems to change.
    """
    if contract.kernel.language.lower() != "python":
        return {}
    sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    found = {}
    for parameter in contract.parameters:
        value = values.get(parameter.name)
        if parameter.secret or not isinstance(value, (str, int, float)) or value != value:  # noqa: PLR0124
            continue
        places = max(len(parameter.edits), 1)
        if sum(structure.count_bindings(source, parameter.name) for source in sources) == places:
            found[parameter.name] = f"{parameter.name} == {python_literal(parameter.type, value)}"
    return found
