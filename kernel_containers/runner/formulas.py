"""TeX as MathML, which browsers show without any script."""

from __future__ import annotations

import base64
import html
import mimetypes
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nbconvert.filters.markdown_mistune import IPythonRenderer

# In a text of TeX; the first group is what delimits it.
_FORMULA = re.compile(
    r"(?P<block>\$\$(?P<a>.+?)\$\$|\\\[(?P<b>.+?)\\\])"
    r"|(?P<inline>\$(?P<c>[^$]+?)\$|\\\((?P<d>.+?)\\\))"
    r"|(?P<environment>\\begin\{(?P<name>[a-zA-Z]+\*?)\}.*?\\end\{(?P=name)\})",
    re.DOTALL,
)
_LABEL = re.compile(r"\\label\{[^}]*\}")
_LONGEST = 20_000  # characters


def to_mathml(tex: str, *, block: bool) -> str | None:
    """Return TeX as MathML, or None where it can't be said so."""
    from latex2mathml.converter import convert  # noqa: PLC0415 - most notebooks have no formula

    if len(tex) > _LONGEST:
        return None
    try:
        made: str = convert(_LABEL.sub("", tex).strip(), display="block" if block else "inline")
    except Exception:  # noqa: BLE001 - the library raises anything; the TeX itself is shown then
        return None
    return made


def latex_to_html(text: str) -> str:
    """Return an output of TeX as HTML; what is no formula stays text."""
    made, end = [], 0
    for match in _FORMULA.finditer(text):
        tex = next(filter(None, (match[name] for name in ("a", "b", "c", "d", "environment"))))
        mathml = to_mathml(tex, block=match["inline"] is None)
        if mathml:
            made += [html.escape(text[end : match.start()], quote=False), mathml]
            end = match.end()
    return "".join([*made, html.escape(text[end:], quote=False)])


class Renderer(IPythonRenderer):
    """Markdown with formulas and pictures. One that is missing costs itself, not the page."""

    def block_math(self, body: str) -> str:
        """Return a formula on lines of its own."""
        return to_mathml(body, block=True) or str(super().block_math(body))

    def inline_math(self, body: str) -> str:
        """Return a formula within a line."""
        return to_mathml(body, block=False) or str(super().inline_math(body))

    def latex_environment(self, name: str, body: str) -> str:
        """Return an environment such as align."""
        tex = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return to_mathml(tex, block=True) or str(super().latex_environment(name, body))

    def _embed_image_or_attachment(self, src: str) -> Any:
        try:
            return super()._embed_image_or_attachment(src)
        except Exception:  # noqa: BLE001 - nbconvert's own class, or one that is no picture
            return src

    def _src_to_base64(self, src: str) -> str | None:
        # nbconvert reads any file, but none by `..` and none with a blank in its name. Whose
        # notebook this is may not be who renders it, so only pictures are read.
        path = Path(self.path, unquote(src))
        kind, _ = mimetypes.guess_type(path.name)
        try:
            if kind is None or not kind.startswith("image/") or not path.is_file():
                return None
            return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
        except (OSError, ValueError):  # a name too long, or with a null
            return None
