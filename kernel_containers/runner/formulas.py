"""TeX as MathML, which browsers show without any script."""

from __future__ import annotations

import html
import mimetypes
import re
from typing import Any

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
    """Markdown with formulas. A missing attachment costs its picture, not the page."""

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
        kind, _ = mimetypes.guess_type(src)
        if not src.startswith("attachment:") and not (kind or "").startswith("image/"):
            return src  # whose notebook this is may not be who renders it, so no other file is read
        try:
            return super()._embed_image_or_attachment(src)
        except Exception:  # noqa: BLE001 - nbconvert's own class, or a file that can't be read
            return src
