"""Texts without what differs between two runs of the same code.

Set aside are times, durations, memory addresses, UUIDs, temporary paths, the names of machines and
random ids. A date alone is not: it may be a result. Neither is the order of anything.
"""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?"
_UNIT = r"(?:ns|µs|μs|us|ms|s|secs?|seconds?|min|mins|minutes?|hours?|it/s|s/it|[kKMGT]?i?B/s)"
RULES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "temporary path": (
        re.compile(r"(?:/private)?(?:/var/folders|/var/tmp|/tmp|/dev/shm)/[^\s'\"`,;:()\[\]{}<>]+"),
        "<temporary>",
    ),
    "id": (
        re.compile(
            r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|(?<![^\W_])[0-9a-f]{32}(?![^\W_])"
            r"|(?<=#)[a-z][0-9a-f]{9,}\b|\bT_[0-9a-f]{5}(?![^\W_])"
            r"|\bsk-(?:container|estimator)-id-\d+\b",
        ),
        "<id>",
    ),
    "address": (re.compile(r"\b0x[0-9a-fA-F]{6,16}\b"), "<address>"),
    "time": (
        re.compile(
            rf"\b\d{{4}}-\d\d-\d\d[T ]{_CLOCK}(?:Z|\s?[+-]\d\d:?\d\d)?"
            rf"|\b{_DAY},? (?:{_MONTH} +\d+|\d+ {_MONTH})(?: \d{{4}})? {_CLOCK}"
            r"(?: [A-Z]{2,5})?(?: \d{4})?"
            rf"|\b{_DAY}, \d\d {_MONTH} \d{{4}}\b"  # as statsmodels says when it was asked
            r"|\bdatetime\.datetime\((?:\d+, ){5,7}(?:\d+|tzinfo=[\w.]+)\)"
            r"|\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b"
        ),
        "<time>",
    ),
    "duration": (
        re.compile(
            rf"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?\s?{_UNIT}(?:/step)?(?![\w/])"
            r"|\b[\d,]+ loops? each\b"
        ),
        "<duration>",
    ),
    "machine": (
        re.compile(r"(?<![\w-])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12}(?![\w-])"),
        "<machine>",
    ),
}
# With a point or an exponent: whole numbers are counts, and are equal or not.
_FRACTION = re.compile(r"[-+]?\d+(?:\.\d*(?:[eE][-+]?\d+)?|[eE][-+]?\d+)")
_ROUNDING = 1e-9  # relative; what the order of a sum changes
_ATTRIBUTES = ("id", "for", "aria-labelledby", "data-root-id")  # that only name things


def plain_text(text: str) -> str:
    """Return text as a reader sees it: without colours, and what was overwritten in a line."""
    lines = _OVERWRITTEN.sub("", _COLOUR.sub("", text).replace("\r\n", "\n")).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def normalised(text: str, known: Mapping[str, str], *, but: str = "") -> str:
    """Return text with words in place of what differs; `but` names a rule that is not applied.

    `known` are this machine's and the container's own names and folders, with a word for each.
    """
    if but != "machine":
        for name in sorted(known, key=len, reverse=True):
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", known[name], text)
    for rule, (pattern, word) in RULES.items():
        if rule != but:
            text = pattern.sub(word, text)
    return text


def set_aside(saved: str, new: str, known: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the rules without which two texts are not the same; None when no rule makes them so.

    `rounding` among them means that fractions differ in their last digits.
    """
    if saved == new:
        return ()
    rounding = False
    if normalised(saved, known) != normalised(new, known):
        if not _close(normalised(saved, known), normalised(new, known)):
            return None
        rounding = True
    needed = [
        rule
        for rule in RULES
        if not _close(normalised(saved, known, but=rule), normalised(new, known, but=rule))
    ]
    if not needed and not rounding:  # one of two rules is enough
        needed = [rule for rule, (pattern, _) in RULES.items() if pattern.search(saved + new)]
    return (*needed, "rounding") if rounding else tuple(needed)


def _close(saved: str, new: str) -> bool:
    if saved == new:
        return True
    if _FRACTION.sub("", saved) != _FRACTION.sub("", new):
        return False
    pairs = zip(_FRACTION.findall(saved), _FRACTION.findall(new), strict=False)
    return all(math.isclose(float(a), float(b), rel_tol=_ROUNDING) for a, b in pairs)


def html_text(source: str) -> str:
    """Return HTML or SVG as lines, one per tag and text, without what only names a part."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return "\n".join(reader.lines)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        shown = sorted(f' {name}="{value or ""}"' for name, value in attrs if _is_shown(name))
        self.lines.append(f"<{tag}{''.join(shown)}>")

    def handle_endtag(self, tag: str) -> None:
        self.lines.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text:
            self.lines.append(text)


def _is_shown(attribute: str) -> bool:
    return attribute not in _ATTRIBUTES
