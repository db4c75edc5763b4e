"""Strategies for cells of assignments, scopes and magics.

Each piece of a cell knows how it reads with other values, so that the expected text does not
come from the code under test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAMES = ("a", "b", "c", "é", "fi", "_d")
WRITTEN = {"fi": "ﬁ"}  # Python itself makes it the name


WAITING = "class W_:\n    def __await__(self): return iter(())"


class Piece(NamedTuple):
    """Some lines. `text` makes them, given literals by name; `spoils` are bound by other code."""

    text: Callable[[Mapping[str, str]], str]
    sets: frozenset[str] = frozenset()
    spoils: frozenset[str] = frozenset()


scalars = (
    st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(codec="utf-8"), max_size=6)
)
defaults = (
    scalars.map(repr)
    | st.sampled_from(["None", "[]", "{'k': [1]}", "-1", "1_000", "'x' 'y'", "dict(k=1)", "list()",
                       "int('7')", "'x' + 'y'", "f'x'", "-float('inf')",
                       "'''%time\n!ls\n'''", "1 << 4", "[1,\n 2]", "r'\\d'", "'#'", "0x_f",
                       "'a\\\nb'", "f'{{}}'"])
)  # fmt: skip


def is_python(made: list[Piece]) -> bool:
    """Whether names are declared global before they are used."""
    return not any(piece.text({}).startswith("global") for piece in made[1:])


def setting(*names: str) -> frozenset[str]:
    return frozenset(names)


def settings_of(one: str, two: str, first: str, second: str) -> list[Piece]:
    """Return statements that set one or both names."""
    here = WRITTEN.get(one, one)
    chain = f"{one} = {two} = {first}"
    both = setting(one, two)
    return [
        Piece(lambda v: f"{here} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"{one}={v.get(one, first)};{two} = {v.get(two, second)}  # = 3", both),
        Piece(lambda v: f"{one}, {two} = {v.get(one, first)}, {v.get(two, second)}", both),
        Piece(lambda v: f"({one}, [{two}]) = {v.get(one, first)}, [{v.get(two, second)}]", both),
        Piece(lambda v: f"*rest, {one} = 0, {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"{one}, *rest, {two} = {v.get(one, first)}, 0, 0, {v.get(two, second)}",
              both),
        Piece(lambda v: f"[(q_, {one}), *rest] = [(1, {v.get(one, first)}), 2]", setting(one)),
        Piece(lambda v: f"{one}: 'any' = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"({one}): dict[str, int] = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"({one}) = {v.get(one, first)};", setting(one)),
        Piece(lambda v: chain + "".join(f"; {n} = {v[n]}" for n in v if n in both), both),
        Piece(lambda v: f"{one} = (\n  ({v.get(one, first)})  # = 2\n)", setting(one)),
        Piece(lambda v: f"if True:\n    pass\n{one} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"'''\n{one} = 7'''; {one} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"{one} = {v.get(one, first)}; copy = [{one}]", setting(one)),
        Piece(lambda v: f"{one} \\\n  = \\\n{v.get(one, first)}", setting(one)),
        Piece(lambda v: f"global {one}\n{one} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"if __name__ == '__main__':\n  {one} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"try: pass\nfinally: pass\n{one}={v.get(one, first)}# {two} = 1",
              setting(one)),
        Piece(lambda v: f"{WAITING}\nawait W_(); {one} = {v.get(one, first)}", setting(one)),
        Piece(lambda v: f"t_ = f'{{1:{{2}}}}{{\"{two} = 3\"!r:>9}}'; {one} = {v.get(one, first)}",
              setting(one)),
    ]  # fmt: skip


def scopes_of(one: str, two: str, first: str) -> list[str]:
    """Return lines that look as if they set a name, but don't."""
    return [
        f"def f_({one}=1):\n    {two} = {first}\n    return {one}",
        f"def f_(*{one}, **{two}):\n    def g_():\n        nonlocal {one}\n        {one} = 1",
        f"class C_:\n    {one} = {first}\n    def {two}(self): pass",
        f"class C_:\n    class {one}:\n        {two}: int = 1\n    [{two} := 3]",
        f"@(lambda {one}: {one})\nclass D_(dict, metaclass=type): {two} = 1",
        f"g_ = lambda {one}={first}, *{two}: {one}",
        f"h_ = [{one} for {one} in range(2)]",
        f"h_ = {{{one}: {two} for {one}, {two} in [(1, 2)] if {one}}}",
        f"k_ = dict({one}={first})",
        "class N_: pass\n" f"n_ = N_(); n_.{one} = 1; n_.x, n_.{two} = 1, 2; n_.{one} += 1",
        f"o_ = {{}}; o_['{one}'] = 1; o_['{two}']: int = 2",
        f"for o_ in [1]: pass\nelse: pass\n# {one} = 1",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e_:\n    pass\nelse:\n    pass",
        "with __import__('contextlib').nullcontext() as w_, w_ or open('/dev/null') as w_: pass",
        "async def s_():\n    yield 1\nasync for x_ in s_(): pass",
        "match {'k': [1, 2]}:\n    case {'k': [int(m_), *_], **p_}: pass\n    case _: pass",
        "d_ = l_ = 1; del d_, l_",
        f"# {one} = {first}".replace("\n", " "),
        f"%env KC_RANDOM={one}",
        "!true",
        "!!true",
        f"x_ = !echo {one}",
        f"x_ = %sx echo '{one} = 1'",
        f"x_ = !echo \\\n  {one} = 1",
        "m_ = (10\n % 3)",
        "m_ = 10 \\\n % 3",
        "print?",
        "??str",
        f"?{two}",
        "%precision\n%precision",
        f"%timeit -n1 -r1 {one} = 1",
        f"%time n_ = '{one}'",
        f"%time o_ = !echo {one}",
        f"p_ = %env HOME\n!true {one} = 1",
        f";str {one} = 1",
        f",print {one} = 1",
        f"/str '{one} = 1'",
        f"if True:\n    %env KC_RANDOM={one} = 1\n    !true",
        f"for i_ in [1]:\n\t!true {one} = 1\n\tj_ = !echo {two}",
        f"async def s_():\n    {one} = 1",
        f"s_ = '''\n%time {one} = 1\n!ls\n{two} = 2?\n'''",
        f"s_ = f'''{{\n'{one}'\n}} {two} = 1'''",
        f"if 1: s_ = 2; s_ = '{one} = 3'",
    ]  # fmt: skip


def spoilers_of(one: str) -> list[str]:
    """Return lines that give a name a value, which nothing could replace."""
    return [
        f"for {one} in range(2): pass",
        f"for q_, [{one}, *_] in [(1, 'xy')]: pass",
        f"for o_ in []: pass\nelse:\n    {one} = 1",
        f"while False: {one} = 1",
        f"async def s_():\n    yield 1\nasync for {one} in s_(): pass",
        f"if False:\n    {one} = 1",
        f"if True:\n    pass\nelif 1:\n    {one}: int = 1",
        f"try:\n    {one} = 1\nexcept E: pass",
        f"try: pass\nexcept E: pass\nelse:\n    {one} = 1\nfinally: pass",
        f"try: raise ValueError\nexcept* ValueError as {one}: pass",
        f"with __import__('contextlib').nullcontext((1, 2)) as (q_, {one}): pass",
        f"with __import__('contextlib').nullcontext(): {one} = 1",
        f"match (1, 2):\n    case (_, {one}): pass",
        f"match {{'k': 1}}:\n    case {{**{one}}}: pass",
        f"match [1]:\n    case [*{one}]: pass",
        f"({one} := 7)",
        f"[({one} := y_) for y_ in [7]]",
        f"f_ = lambda y_=({one} := 7): y_",
        f"def f_(y_=({one} := 7), *, z_: ({one} := int) = 1): pass",
        f"@(({one} := 7) and (lambda f: f))\ndef f_(): pass",
        f"class C_(*[({one} := dict)]): pass",
        f"t_ = f'{{({one} := 7)}}'",
        f"import math as {one}",
        f"from os import (path as {one})",
        f"def u_():\n    global {one}\n    {one} = 7",
        f"def u_():\n    def v_():\n        global {one}\n        for {one} in []: pass",
        f"class C_:\n    global {one}\n    {one} = 7",
        f"def u_():\n    global {one}\n    import math as {one}",
        f"{one} = str(7)",
        f"{one} = r_ = str(7)",
        f"q_, {one} = str(17)",
        f"*{one}, q_ = 1, 2",
        f"{one}: int = int(str(7))",
        f"{one} = !echo 7",
        f"{one} = %sx echo 7",
        f"def {one}(): pass",
        f"async def {one}(): pass",
        f"class {one}: pass",
    ]  # fmt: skip


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    """Draw lines that bind names, or look as if they did."""
    one, two = draw(st.permutations(NAMES))[:2]
    first, second = draw(defaults), draw(defaults)
    kind = draw(st.integers(0, 5))
    if kind < 3:
        return draw(st.sampled_from(settings_of(one, two, first, second)))
    if kind < 5:
        text = draw(st.sampled_from(scopes_of(one, two, first)))
        return Piece(lambda _: text)
    text = draw(st.sampled_from(spoilers_of(one)))
    return Piece(lambda _: text, spoils=setting(one))


class CellOf(NamedTuple):
    """The pieces of a cell, the magic above them, and how its lines end."""

    pieces: list[Piece]
    magic: str
    ending: str

    def __repr__(self) -> str:
        return repr(self.text({}))

    def text(self, literals: Mapping[str, str]) -> str:
        # IPython itself takes these for Python where the line ends as on Windows.
        is_unix = any(mark in self._lines({}) for mark in ("print?", "\\\n"))
        lines = self._lines(literals)
        return lines if is_unix else lines.replace("\n", self.ending)

    def _lines(self, literals: Mapping[str, str]) -> str:
        body = "\n".join(piece.text(literals) for piece in self.pieces)
        # Some versions of these magics take nothing that waits.
        magic = "" if "await " in body or "\nasync for" in body else self.magic
        return f"{magic}\n{body}" if magic else body


cells = st.builds(
    CellOf,
    st.lists(pieces(), min_size=1, max_size=4).filter(is_python),
    st.sampled_from(["", "", "", "", "%%time", "%%capture", "\n\n%%time", "%%prun -q",
                     "%%capture k_ --no-stdout", "%%capture\n%%time", "# %%time"]),
    st.sampled_from(["\n", "\n", "\r\n"]),
)  # fmt: skip
