"""Plotly's figures on the page, drawn by the script that the kernel's own package brings."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.core.contract import Contract

FIGURE = "application/vnd.plotly.v1+json"
_FIND = "import importlib.util as u; print(u.find_spec('plotly').submodule_search_locations[0])"
_PATIENCE = 30.0  # seconds for the interpreter to say where the package is
_DRAW = """\
<div><div></div><script type="application/json">{figure}</script><script>
(script => {{
  const figure = JSON.parse(script.previousElementSibling.textContent);
  figure.config = {{responsive: true, ...figure.config}};
  Plotly.newPlot(script.parentElement.firstElementChild, figure);
}})(document.currentScript);
</script></div>"""


def show_figures(notebook: Any, contract: Contract) -> None:
    """Give every figure of Plotly that says nothing else an HTML; the first brings the script.

    From Plotly 7 on that is what figures do in a kernel, for JupyterLab draws them itself.
    """
    figures = list(_figures(notebook))
    script = _script(contract) if figures else None
    if script is None:
        return
    for data in figures:
        value = data[FIGURE]
        # A text is the mark of what is on the shelf.
        figure = value if isinstance(value, str) else json.dumps(value).replace("<", "\\u003c")
        data["text/html"] = _DRAW.format(figure=figure)
    figures[0]["text/html"] = f"<script>{script}</script>{figures[0]['text/html']}"


def _figures(notebook: Any) -> Iterator[dict[str, Any]]:
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if FIGURE in data and not data.keys() & {"text/html", "image/svg+xml", "image/png"}:
                yield data


def _script(contract: Contract) -> str | None:
    """Return Plotly's own script; None where the kernel's Python does not find the package."""
    command = [contract.kernel.argv[0], "-c", _FIND]
    environment = {**os.environ, **contract.kernel.environment}
    try:
        found = subprocess.run(
            command,
            cwd=contract.working_directory,
            env=environment,
            capture_output=True,
            timeout=_PATIENCE,
            check=True,
        )
        package = Path(os.fsdecode(found.stdout.removesuffix(b"\n")))
        return (package / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
