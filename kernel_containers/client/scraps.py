"""Named results of a run."""

from __future__ import annotations

import json
import sys
from typing import Any

SCRAP = "application/vnd.kernel-containers.scrap+json"


def scrap(name: str, value: Any) -> None:
    """Show a result, and have a run's `report.json` list it under `name`.

    A later one of the same name replaces it. In a notebook that is not run by an image the
    result is only shown.

    Raises:
        TypeError: the value is not one that JSON has.
    """
    try:
        text = json.dumps(value)
    except (TypeError, ValueError) as error:
        message = f"the scrap {name!r} is no JSON value: {error}"
        raise TypeError(message) from None
    data = {SCRAP: {"name": name, "value": value}, "text/plain": f"{name} = {text}"}
    # Looked up, not imported: this package needs nothing, and a kernel has it already.
    ipython = sys.modules.get("IPython.display")
    if ipython is None:
        sys.stdout.write(f"{data['text/plain']}\n")
    else:
        ipython.display(data, raw=True)
