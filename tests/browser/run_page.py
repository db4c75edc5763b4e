"""A notebook with every kind of output, for the page of its run."""

from __future__ import annotations

import base64
from typing import Any

from tests.runner.image import code, markdown

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
PLOTLY = """\
from IPython.display import HTML, display
script = ("if (typeof require !== 'undefined') { require.undef('plot'); }"
          "var bars = document.getElementById('bars');"
          "[40, 90, 60].forEach(function (height) { var bar = document.createElement('i');"
          "bar.style = 'display:inline-block;width:40px;margin:4px;background:#4472c4;height:'"
          " + height + 'px'; bars.appendChild(bar); });")
filler = "/*" + "x" * 4_000_000 + "*/"
HTML(f"<div id='bars'></div><script>{filler}{script}</script>")
"""
WIDGET = """\
from comm import create_comm
def model(name, **state):
    state = {"_model_name": name, "_model_module": "@jupyter-widgets/controls", **state}
    return create_comm(target_name="jupyter.widget", data={"state": state})
bar = model("FloatProgressModel", value=7.0, max=10.0, description="rows")
text = model("HTMLModel", value=" 7/10")
box = model("HBoxModel", children=[f"IPY_MODEL_{item.comm_id}" for item in (bar, text)])
display({"application/vnd.jupyter.widget-view+json": {"model_id": box.comm_id},
         "text/plain": "HBox(children=(FloatProgress(value=7.0, max=10.0), HTML()))"}, raw=True)
"""
FAILURE = """\
def deeper(level):
    if level == 0:
        raise ValueError("the <quarter> has no rows: " + "x" * 150)
    return deeper(level - 1)

deeper(30)
"""


def cells() -> list[dict[str, Any]]:
    """Return the cells: the last one fails."""
    attached = {"pixel.png": {"image/png": base64.b64encode(base64.b64decode(PIXEL)).decode()}}
    return [
        markdown(
            "# Sales by region\n\nA *quarterly* report with `code`, a [link](https://example.org) "
            "and a formula, $\\bar{x} = \\frac{1}{n}\\sum_{i=1}^n x_i$.\n\n"
            "$$\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}$$\n\n"
            "| region | rows |\n|---|---:|\n| North | 10 |\n| South | 7 |\n\n"
            "> Quoted.\n\n- one\n- two\n\n![attached](attachment:pixel.png)"
        )
        | {"attachments": attached},
        code("rows = 1  # how many"),
        code("print('from stdout', rows)\nimport sys; print('from stderr', file=sys.stderr)"),
        code("import pandas as pd\npd.DataFrame({'region': ['North', 'South'], 'rows': [10, 7]})"),
        code(
            "import matplotlib.pyplot as plt\nplt.figure(figsize=(6, 3))\n"
            "plt.plot([1, 3, 2, 4]); plt.title('Rows'); plt.show()"
        ),
        code(PLOTLY),
        code(
            "from IPython.display import SVG, Latex, Markdown\n"
            'display(SVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60">'
            '<circle cx="30" cy="30" r="25" fill="teal"/></svg>\'))\n'
            "display(Latex('$E = mc^2$'), Markdown('**marked** down'))\n"
            "display({'text/vnd.mermaid': 'graph TD; A-->B', 'text/plain': 'a diagram'}, raw=True)"
        ),
        code(WIDGET),
        code(
            "print('\\x1b[31mred\\x1b[0m \\x1b[1;32mbold green\\x1b[0m \\x1b[44mon blue\\x1b[0m')"
        ),
        code(FAILURE),
        code("never = 'run'"),
    ]
