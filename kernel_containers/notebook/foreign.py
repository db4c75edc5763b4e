"""What in the code of other languages than Python needs a person, one machine, or the network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kernel_containers.notebook.unattended import OWN_PATH, asks_for_input, installs, own_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel_containers.notebook.document import Notebook
    from kernel_containers.notebook.remark import Remark

_INSTALL = re.compile(
    r"\b(?:install\.packages|install_(?:github|cran|version|gitlab|bioc)|BiocManager::install|"
    r"renv::restore|pak::pkg_install|Pkg\.(?:add|instantiate|develop|update))[ \t]*\(|"
    r"\bimport[ \t]+\$ivy\b|#r[ \t]+\"nuget:|"
    r"(?:^|[;&|][ \t]*)(?:sudo[ \t]+)?(?:pip3?|conda|mamba|apt|apt-get|yum|dnf|npm)[ \t]+install\b"
)
_ASKING: Mapping[str, re.Pattern[str]] = {
    "r": re.compile(r"\b(?:readline|askpass|getPass|menu)[ \t]*\("),
    "julia": re.compile(r"\breadline[ \t]*\([ \t]*(?:stdin)?[ \t]*\)|\bBase\.getpass[ \t]*\("),
    "bash": re.compile(r"(?:^|[;&|][ \t]*)read[ \t]+-\w*p|\bselect[ \t]+\w+[ \t]+in\b"),
}
_TEXT = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")


def foreign(notebook: Notebook) -> Iterator[Remark]:
    """Yield what the lines of a notebook's code seem to do; comments are left out."""
    asking = _ASKING.get(notebook.language.lower())
    for cell in notebook.code_cells:
        for number, line in enumerate(cell.source.splitlines(), start=1):
            code = _without_comment(line)
            bare = _TEXT.sub('""', code)
            if _INSTALL.search(bare if '"nuget:' not in code else code):
                yield installs(cell, number)
            if asking and (found := asking.search(bare)):
                yield asks_for_input(cell, number, found[0].strip(" \t;&|("))
            for text in _TEXT.findall(code):
                if OWN_PATH.match(text[1:-1]):
                    yield own_path(cell, number, text[1:-1])


def _without_comment(line: str) -> str:
    """Return what is before ` #` or ` //`, unless that stands in a text."""
    hidden = _TEXT.sub(lambda text: "x" * len(text[0]), line)
    found = re.search(r"(?:^|\s)(?:#(?!r\b)|//)", hidden)
    return line[: found.start()] if found else line
