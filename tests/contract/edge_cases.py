"""Tiny notebooks in which a parameter is easily lost, and what has to become of each.

They are run as pure functions here and, a sample of them, in real containers by tests/runner.
"""

from __future__ import annotations

import datetime
import decimal
import pathlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tests.notebook.notebooks import code, markdown

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A notebook, what is given on the command line, and the sources and names that result.

    `code` are the code cells' sources with the values; None where `ends` says enough. `untrue`
    are the parameters that the check at the end of the run reports.
    """

    cells: tuple[Any, ...]
    given: Mapping[str, str] = field(default_factory=lambda: {"n": "9"})
    code: tuple[str, ...] | None = None
    ends: Mapping[str, Any] = field(default_factory=lambda: {"n": 9})
    untrue: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A notebook, what is given, and words of the refusal before anything runs."""

    cells: tuple[Any, ...]
    words: str
    given: Mapping[str, str] = field(default_factory=lambda: {"n": "9"})


UTC = datetime.UTC
INFINITE = float("inf")

SCOPES = {
    "a local name of a function above": Applied(
        cells=("def load():\n    n = len('p')\n    return n", "n = 10\nm = load()"),
        given={"n": "500"},
        code=("def load():\n    n = len('p')\n    return n", "n = 500\nm = load()"),
        ends={"n": 500, "m": 1},
    ),
    "an attribute of a class above": Applied(
        cells=("class C: n = 1\nn = 2\nm = C.n",),
        code=("class C: n = 1\nn = 9\nm = C.n",),
        ends={"n": 9, "m": 1},
    ),
    "the default of an argument above": Applied(
        cells=("def f(n=1): return n\nn = 2\nm = f()",),
        code=("def f(n=1): return n\nn = 9\nm = f()",),
        ends={"n": 9, "m": 1},
    ),
    "a function that sets a global": Refused(
        cells=("def f():\n    global n\n    n = 1\nf()",), words="assigned by a function in cell 1"
    ),
    "names of a lambda, a comprehension and an argument": Applied(
        cells=("n = 1\nf = lambda n: n\nxs = [n for n in range(3)]\nm = dict(n=2)['n']",),
        ends={"n": 9, "m": 2, "xs": [0, 1, 2]},
    ),
    "a nested function that reads it": Applied(
        cells=("n = 1", "def f():\n    def g(): return n * 2\n    return g()", "m = f()"),
        ends={"n": 9, "m": 18},
    ),
    "set in two cells": Applied(
        cells=("n = 1", "m = n", "n = 2"), code=("n = 9", "m = n", "n = 9"), ends={"n": 9, "m": 9}
    ),
    "set, then refined in the same line": Applied(
        cells=("n = 1; n = n * 2",), code=("n = 9; n = n * 2",), ends={"n": 18}
    ),
    "set, then changed in place": Applied(
        cells=("n = [1]", "n.append(3)\nn += [4]"), given={"n": "[9]"}, ends={"n": [9, 3, 4]}
    ),
    "only changed in place": Refused(cells=("n += 1",), words="changed in place in cell 1, line 1"),
    "deleted and set anew": Applied(
        cells=("n = 1; del n", "n = 2"), code=("n = 9; del n", "n = 9"), ends={"n": 9}
    ),
    "one of two targets": Applied(
        cells=("a, n = 1, 2",), code=("a, n = 1, 9",), ends={"n": 9, "a": 1}
    ),
    "one of two targets of a call": Refused(
        cells=("def f(): return 1, 2\na, n = f()",), words="computed in cell 1, line 2"
    ),
    "beside a starred target": Applied(
        cells=("n, *rest = 1, 2, 3",), code=("n, *rest = 9, 2, 3",), ends={"n": 9, "rest": [2, 3]}
    ),
    "a starred target": Refused(cells=("*n, m = 1, 2, 3",), words="computed"),
    "the left of a chain": Applied(
        cells=("n = b = 1",), code=("n = b = 1; n = 9",), ends={"n": 9, "b": 1}
    ),
    "the right of a chain": Applied(
        cells=("b = n = 1  # both",), code=("b = n = 1; n = 9  # both",), ends={"n": 9, "b": 1}
    ),
    "annotated": Applied(
        cells=("n: int = 1\nm: 'int' = 2",),
        given={"n": "9", "m": "8"},
        code=("n: int = 9\nm: 'int' = 8",),
        ends={"n": 9, "m": 8},
    ),
    "annotated without a value": Applied(
        cells=("n: int  # how many",), code=("n: int = 9  # how many",)
    ),
    "an assignment expression": Refused(
        cells=("(n := 1)",), words="assigned inside an expression in cell 1"
    ),
    "the target of a loop": Refused(
        cells=("for n in range(3): pass",), words="assigned in a loop in cell 1"
    ),
    "the target of `with`": Refused(
        cells=("with open('/dev/null') as n: pass",), words="bound by `with` in cell 1"
    ),
    "an imported name": Refused(cells=("import math as n",), words="imported in cell 1"),
    "the name of an exception": Refused(
        cells=("try: pass\nexcept ValueError as n: pass",), words="bound by `except` in cell 1"
    ),
    "a pattern": Refused(cells=("match 1:\n    case n: pass",), words="under a condition"),
    "a function's name": Refused(cells=("def n(): pass",), words="a function or class"),
    "both branches of a condition": Refused(
        cells=("DEBUG = True", "if DEBUG:\n    n = 1\nelse:\n    n = 2"),
        words="under a condition or inside a block in cell 2, line 2, and cell 2, line 4",
    ),
    "`try` that may override": Refused(
        cells=("try:\n    n = int('7')\nexcept ValueError:\n    n = 0",), words="under a condition"
    ),
    "the body of a loop": Refused(
        cells=("for i in range(2):\n    n = 1",), words="assigned in a loop"
    ),
    "a default that a condition overrides": Applied(
        cells=("n = 1", "if n is None:\n    n = 5"), ends={"n": 9}
    ),
    "beside an awaited value": Applied(
        cells=("async def g(): return 3", "r = await g(); n = 1"),
        code=("async def g(): return 3", "r = await g(); n = 9"),
        ends={"n": 9, "r": 3},
    ),
    "an attribute and an item of another name": Applied(
        cells=("class A: pass\na = A(); d = {}\na.n = 1; d['n'] = 1; n = 1",),
        ends={"n": 9, "d": {"n": 1}},
    ),
    "overwritten where nobody can see it": Applied(
        cells=("n = 1; k = 1", "globals()['n'] = 7\nexec('k = 7')"),
        given={"n": "9", "k": "9"},
        ends={"n": 7, "k": 7},
        untrue=("n", "k"),
    ),
    "overwritten under a condition": Applied(
        cells=("n = 1", "if True:\n    n = 2"), ends={"n": 2}, untrue=("n",)
    ),
    "reused by a loop at the end": Applied(
        cells=("n = 1\nm = n", "for n in range(3): pass"), ends={"n": 2, "m": 9}, untrue=("n",)
    ),
    "derived values follow": Applied(
        cells=(code("n = 1\ntwice = n * 2", "parameters"), "m = twice + 1"),
        ends={"n": 9, "twice": 18, "m": 19},
    ),
    "a tagged cell and a later reset": Applied(
        cells=(code("n = 1", "parameters"), "n = 2"), code=("n = 9", "n = 9")
    ),
    "two tagged cells": Applied(
        cells=(code("n = 1", "parameters"), code("n = 2", "parameters"), "m = n"),
        ends={"n": 9, "m": 9},
    ),
    "a Markdown and a raw cell with the tag": Applied(
        cells=(
            {**markdown("n = 5"), "metadata": {"tags": ["parameters"]}},
            {**markdown("n = 5", cell_type="raw"), "metadata": {"tags": ["parameters"]}},
            "n = 1",
        ),
        code=("n = 9",),
    ),
    "a cell that papermill injected": Applied(
        cells=(code("n = 1", "parameters"), code("n = 7", "injected-parameters"), "m = n"),
        code=("n = 9", "n = 9", "m = n"),
        ends={"n": 9, "m": 9},
    ),
    "no such name": Refused(cells=("count = 1",), given={"cuont": "9"}, words="'count'?"),
}

SYNTAX = {
    "below a line magic": Applied(
        cells=("%config Completer.use_jedi = False\nn = 1",),
        code=("%config Completer.use_jedi = False\nn = 9",),
    ),
    "below values of magics": Applied(
        cells=("x = !echo hello\ny = %env HOME\nn = 1",),
        code=("x = !echo hello\ny = %env HOME\nn = 9",),
    ),
    "below a shell command of two lines": Applied(
        cells=("!echo a \\\n  b > /dev/null\nn = 1",),
        code=("!echo a \\\n  b > /dev/null\nn = 9",),
    ),
    "in %%time": Applied(cells=("%%time\nn = 1",), code=("%%time\nn = 9",)),
    "in %%capture": Applied(cells=("%%capture out\nn = 1",), code=("%%capture out\nn = 9",)),
    "in %%prun": Applied(cells=("%%prun -q\nn = 1",), code=("%%prun -q\nn = 9",)),
    "in %%timeit": Refused(cells=("%%timeit -n1 -r1\nn = 1",), words="no variable 'n'"),
    "in %%bash": Refused(cells=("%%bash\nn=1",), words="no variable 'n'"),
    "in %%writefile": Refused(cells=("%%writefile x.py\nn = 1",), words="no variable 'n'"),
    "behind %time": Applied(cells=("%time n = 1",), code=("%time n = 9",)),
    "behind %timeit": Refused(cells=("%timeit -n1 -r1 n = 1",), words="no variable 'n'"),
    "beside a modulo that looks like a magic": Applied(
        cells=("x = (10\n % 3)\nn = 1",), code=("x = (10\n % 3)\nn = 9",), ends={"n": 9, "x": 1}
    ),
    "below an indented magic": Applied(
        cells=("if True:\n    %env KC_EDGE=1\n    y = 2\nn = 1",),
        code=("if True:\n    %env KC_EDGE=1\n    y = 2\nn = 9",),
        ends={"n": 9, "y": 2},
    ),
    "beside a request for help": Applied(
        cells=("?print\nlen?\nn = 1",), code=("?print\nlen?\nn = 9",)
    ),
    "as a console's transcript": Applied(
        cells=(">>> n = [1,\n...      2]\n>>> m = n",),
        given={"n": "[9]"},
        code=(">>> n = [9]\n>>> m = n",),
        ends={"n": [9], "m": [9]},
    ),
    "indented as a whole": Applied(cells=("    n = 1\n    m = n",), ends={"n": 9, "m": 9}),
    "a magic's output": Refused(cells=("n = !ls",), words="computed in cell 1"),
    "in a cell that is no Python": Refused(
        cells=("n = 1\nthis is = wrong",), words="cell 1 can't be parsed as Python"
    ),
    "statements in one line": Applied(
        cells=("a=1;n=2;b=3 # n = 4",),
        code=("a=1;n=9;b=3 # n = 4",),
        ends={"a": 1, "n": 9, "b": 3},
    ),
    "in brackets over several lines": Applied(
        cells=("n = (\n  1  # one\n)  # n",), code=("n = (\n  9  # one\n)  # n",)
    ),
    "behind a continued line": Applied(cells=("n = \\\n    1",), code=("n = \\\n    9",)),
    "strings side by side": Applied(
        cells=("n = ('a'\n     'b')\nm = 'x' 'y'",),
        given={"n": "c", "m": "z"},
        code=("n = ('c')\nm = 'z'",),
        ends={"n": "c", "m": "z"},
    ),
    "a string of several lines": Applied(
        cells=("n = '''a\r\nb'''\r\nm = 1",), given={"n": "c"}, code=("n = 'c'\r\nm = 1",),
        ends={"n": "c", "m": 1},
    ),
    "line ends of Windows": Applied(
        cells=("a = 1\r\nn = 1 # c\r\n",), code=("a = 1\r\nn = 9 # c\r\n",)
    ),
    "tabs and form feeds": Applied(
        cells=("if True:\n\tpass\n\x0c\nn\t=\t1\t# c",),
        code=("if True:\n\tpass\n\x0c\nn\t=\t9\t# c",)
    ),
    "behind characters of two code units": Applied(
        cells=("s = '😀é'; n = 1  # 😀",), code=("s = '😀é'; n = 9  # 😀",)
    ),
    "a name that Python normalizes": Applied(
        cells=("ﬁn = 1; café = 2",),
        given={"fin": "9", "café": "8"},
        code=("ﬁn = 9; café = 8",),
        ends={"fin": 9, "café": 8},
    ),
    "below a __future__ import": Applied(
        cells=("from __future__ import annotations\nn: int = 1",),
        code=("from __future__ import annotations\nn: int = 9",),
    ),
    "with a type comment": Applied(
        cells=("n = 1  # type: float",), given={"n": "9.5"}, code=("n = 9.5  # type: float",),
        ends={"n": 9.5},
    ),
    "a text of lines that look like magics, beside a magic": Applied(
        cells=("%env KC_EDGE=1\nn = '''\n%time\n! take care\n'''\nm = '''\n%x'''",),
        given={"n": "9"},
        code=("%env KC_EDGE=1\nn = '9'\nm = '''\n%x'''",),
        ends={"n": "9", "m": "\n%x"},
    ),
    "in a source of lines": Applied(
        cells=(code(["m = 1\n", "n = 1\n", "k = n"]),), code=("m = 1\nn = 9\nk = n",)
    ),
}  # fmt: skip

TEXT = "\"'\\ \n\t\r\0 \u202eאב😀 ${x} {y} %s `z`"
VALUES = {
    "not a number": Applied(
        cells=("n = 1.5\nm = n != n",), given={"n": "nan"}, code=("n = float('nan')\nm = n != n",),
        ends={"m": True},
    ),
    "infinities": Applied(
        cells=("n = 1.5; m = 2.5; k = 3.5",),
        given={"n": "inf", "m": "-inf", "k": "1e400"},
        code=("n = float('inf'); m = float('-inf'); k = float('inf')",),
        ends={"n": INFINITE, "m": -INFINITE, "k": INFINITE},
    ),
    "infinities inside": Applied(
        cells=("n = {'a': [1.0]}",),
        given={"n": '{"a": [Infinity, {"b": -Infinity}]}'},
        ends={"n": {"a": [INFINITE, {"b": -INFINITE}]}},
    ),
    "every kind of character": Applied(
        cells=("n = 'x'",), given={"n": TEXT}, code=(f"n = {TEXT!r}",), ends={"n": TEXT}
    ),
    "half a surrogate pair": Applied(
        cells=("n = 'x'",), given={"n": "\ud83d"}, code=("n = '\\ud83d'",), ends={"n": "\ud83d"}
    ),
    "digits that are a text": Applied(
        cells=("n = '0'",), given={"n": "012345678901"}, ends={"n": "012345678901"}
    ),
    "digits with a leading zero for an integer": Refused(
        cells=("n = 1",), given={"n": "012345678901"}, words="'n' is an integer, not '012345678901'"
    ),
    "texts that YAML would change": Applied(
        cells=("a = b = c = d = e = f = ''",),
        given=dict(zip("abcdef", ("NO", "on", "12:30", "1.10", "1e5", "1_000"), strict=True)),
        ends=dict(zip("abcdef", ("NO", "on", "12:30", "1.10", "1e5", "1_000"), strict=True)),
    ),
    "code in a text": Applied(
        cells=("n = 'x'\nm = 'y'",),
        given={"n": "1\nimport os", "m": "__import__('os')"},
        code=('n = \'1\\nimport os\'\nm = "__import__(\'os\')"',),
        ends={"n": "1\nimport os", "m": "__import__('os')"},
    ),
    "code for a number": Refused(
        cells=("n = 1",), given={"n": "1\nimport os"}, words="'n' is an integer"
    ),
    "a fraction for an integer": Refused(cells=("n = 1",), given={"n": "1.5"}, words="an integer"),
    "a word for a truth": Refused(cells=("n = True",), given={"n": "yes"}, words="true or false"),
    "a date": Applied(
        cells=("from datetime import date\nn = date(2024, 1, 31)",),
        given={"n": "2024-02-29"},
        ends={"n": datetime.date(2024, 2, 29)},
    ),
    "a day that is none": Refused(
        cells=("from datetime import date\nn = date(2024, 1, 31)",),
        given={"n": "2023-02-29"},
        words="day is out of range",
    ),
    "a date and time with a zone": Applied(
        cells=("import datetime as dt\nn = dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)",),
        given={"n": "2024-02-29T12:30:00.5+02:00"},
        ends={"n": datetime.datetime(2024, 2, 29, 10, 30, 0, 500_000, tzinfo=UTC)},
    ),
    "a date from a text": Applied(
        cells=("from datetime import date\nn = date.fromisoformat('2024-01-31')",),
        given={"n": "2024-02-29"},
        ends={"n": datetime.date(2024, 2, 29)},
    ),
    "a path": Applied(
        cells=("from pathlib import Path\nn = Path('a.csv')  # input",),
        given={"n": "b's.csv"},
        code=("from pathlib import Path\nn = Path(\"b's.csv\")  # input",),
        ends={"n": pathlib.Path("b's.csv")},
    ),
    "a path by another name": Applied(
        cells=("from pathlib import Path as P\nn = P('a.csv')",),
        given={"n": "b.csv"},
        code=("from pathlib import Path as P\nn = P('b.csv')",),
        ends={"n": pathlib.Path("b.csv")},
    ),
    "a decimal": Applied(
        cells=("import decimal\nn = decimal.Decimal('1.10')",),
        given={"n": "2.20"},
        code=("import decimal\nn = decimal.Decimal('2.20')",),
        ends={"n": decimal.Decimal("2.20")},
    ),
    "bytes": Refused(cells=("n = b'hi'",), words="can't be a parameter"),
    "a complex number": Refused(cells=("n = 1j",), words="can't be a parameter"),
    "a dict with other keys than texts": Refused(
        cells=("n = {1: 2}",), words="can't be a parameter"
    ),
    "a tuple": Applied(
        cells=("n = 1, 2",), given={"n": "[3]"}, code=("n = tuple([3])",), ends={"n": (3,)}
    ),
    "a set": Applied(
        cells=("n = {1, 2}",), given={"n": "[3]"}, code=("n = set([3])",), ends={"n": {3}}
    ),
    "none": Applied(
        cells=("n = None; m: int | None = None",),
        given={"n": "[null]", "m": "9"},
        ends={"n": [None], "m": 9},
    ),
    "a text where any JSON goes": Refused(
        cells=("n = None",), given={"n": "x"}, words="'\"like this\"'"
    ),
    "a negative number": Applied(cells=("n = -1",), given={"n": "-9"}, ends={"n": -9}),
    "an integer of 30 digits": Applied(
        cells=("n = 1",), given={"n": "1" + "0" * 30}, ends={"n": 10**30}
    ),
    "a choice": Applied(
        cells=("from typing import Literal\nn: Literal['a', 'b', 3] = 'a'",),
        given={"n": "3"},
        ends={"n": 3},
    ),
    "no choice": Refused(
        cells=("from typing import Literal\nn: Literal['a', 'b'] = 'a'",),
        given={"n": "c"},
        words='give one of "a", "b"',
    ),
}  # fmt: skip

ENUM = "from enum import Enum\nclass Mode(Enum):\n    FAST = 1\n    SLOW = 2"
EXPRESSIONS = {
    "containers made by their types": Applied(
        cells=("a = set(); b = list(); c = dict(x=1); d = tuple(); e = frozenset({1})",),
        given=dict(zip("abcde", ("[1]", "[2]", '{"y": 2}', "[3]", "[4]"), strict=True)),
        code=("a = set([1]); b = [2]; c = {'y': 2}; d = tuple([3]); e = frozenset([4])",),
        ends={"a": {1}, "b": [2], "c": {"y": 2}, "d": (3,), "e": frozenset({4})},
    ),
    "numbers made by their types": Applied(
        cells=("a = int(1e6); b = float('nan'); c = float(3); d = int('7')",),
        given=dict(zip("abcd", ("9", "1.5", "2", "8"), strict=True)),
        code=("a = 9; b = 1.5; c = 2.0; d = 8",),
        ends={"a": 9, "b": 1.5, "c": 2.0, "d": 8},
    ),
    "no number": Applied(
        cells=("import math\nn = -math.inf  # the best so far\nm = math.nan",),
        given={"n": "0.5", "m": "inf"},
        code=("import math\nn = 0.5  # the best so far\nm = float('inf')",),
        ends={"n": 0.5, "m": INFINITE},
    ),
    "a number inside a call": Applied(
        cells=("from datetime import timedelta\nimport numpy as np\nn = timedelta(days=7)\n"
               "m = np.float32(0.25)",),
        given={"n": "9", "m": "0.5"},
        code=("from datetime import timedelta\nimport numpy as np\nn = timedelta(days=9)\n"
              "m = np.float32(0.5)",),
        ends={"n": datetime.timedelta(days=9), "m": np.float32(0.5)},
    ),
    "two numbers inside a call": Refused(
        cells=("from datetime import timedelta\nn = timedelta(days=7, hours=1)",), words="computed"
    ),
    "a list inside a call": Applied(
        cells=("import numpy as np\nn = np.array([1, 2], dtype=np.int8)\nm = n.tolist()",),
        given={"n": "[9]"},
        code=("import numpy as np\nn = np.array([9], dtype=np.int8)\nm = n.tolist()",),
        ends={"m": [9]},
    ),
    "a day of pandas": Applied(
        cells=("import pandas as pd\nn = pd.Timestamp('2024-01-31', tz='UTC')\n"
               "m = pd.to_datetime('2024-01-31', format='%Y-%m-%d')",),
        given={"n": "2024-02-29", "m": "2024-03-31"},
        ends={"n": pd.Timestamp("2024-02-29", tz="UTC"), "m": pd.Timestamp("2024-03-31")},
    ),
    "a date that is parsed": Applied(
        cells=("from datetime import datetime\nn = datetime.strptime('31.01.24', '%d.%m.%y')\n"
               "m = datetime.strptime('2024-01-31', '%Y-%m-%d').date()",),
        given={"n": "2024-02-29T12:00", "m": "2024-03-31"},
        ends={"n": datetime.datetime(2024, 2, 29, 12), "m": datetime.date(2024, 3, 31)},  # noqa: DTZ001
    ),
    "texts that are joined": Applied(
        cells=("n = ('select *'\n     + ' from t')\nm = f'no' ' name'",),
        given={"n": "x", "m": "y"},
        code=("n = ('x')\nm = 'y'",),
        ends={"n": "x", "m": "y"},
    ),
    "a text that is filled in": Refused(cells=("n = 1\nm = f'{n}'",), given={"m": "9"},
                                        words="computed"),
    "in the part for the main program": Applied(
        cells=("if __name__ == '__main__':\n    n = a = 1\n    m = 2",),
        given={"n": "9", "m": "8"},
        code=("if __name__ == '__main__':\n    n = a = 1; n = 9\n    m = 8",),
        ends={"n": 9, "m": 8, "a": 1},
    ),
    "in the part for the main program, or else": Refused(
        cells=("if __name__ == '__main__':\n    n = 1\nelse:\n    n = 2",),
        words="under a condition",
    ),
    "in the main program's loop": Refused(
        cells=("if __name__ == '__main__':\n    for i in range(2):\n        n = 1",),
        words="in a loop",
    ),
    "a member of an enum": Applied(
        cells=(ENUM, "n = Mode.FAST\na = m = Mode['FAST']\nk: Mode | None = None"),
        given=dict.fromkeys("nmk", "SLOW"),
        code=(ENUM, "n = Mode['SLOW']\na = m = Mode['FAST']; m = Mode['SLOW']\n"
              "k: Mode | None = Mode['SLOW']"),
        ends={},
    ),
    "a member that an enum does not have": Refused(
        cells=(ENUM, "n = Mode.FAST"), given={"n": "fast"},
        words="not 'fast'.\nTry: give one of \"FAST\", \"SLOW\"",
    ),
    "a member of an enum from elsewhere": Refused(
        cells=("from http import HTTPStatus\nn = HTTPStatus.OK",), words="computed"
    ),
    "a level of logging": Applied(
        cells=("import logging\nn = logging.INFO",), given={"n": "DEBUG"},
        code=("import logging\nn = getattr(logging, 'DEBUG')",), ends={"n": 10},
    ),
    "names with values, as of a parser of arguments": Applied(
        cells=("import argparse\nn = argparse.Namespace(a=1, b='x')\nm = n.a",),
        given={"n": '{"a": 9}'},
        code=("import argparse\nn = argparse.Namespace(**{'a': 9})\nm = n.a",),
        ends={"m": 9},
    ),
    "a field of a class": Refused(
        cells=("class Config:\n    n: int = 1\nc = Config()",),
        words="only set inside a function or class, in cell 1, line 2",
    ),
    "a form field with choices": Applied(
        cells=("n = 'a' #@param ['a', 'b'] {type:'string'}",),
        given={"n": "b"},
        code=("n = 'b' #@param ['a', 'b'] {type:'string'}",),
        ends={"n": "b"},
    ),
    "no choice of a form field": Refused(
        cells=("n = 'a' #@param ['a', 'b']",), given={"n": "c"}, words="one of"
    ),
    "nothing, where there are choices": Applied(
        cells=("from typing import Literal, Optional\nn: Optional[Literal['a']] = None\n"
               "m: Optional[Literal['a']] = None",),
        given={"n": "a", "m": "null"},
        ends={"n": "a", "m": None},
    ),
    "below a prompt that is empty": Applied(
        cells=(">>> n = 1\n>>>",), code=(">>> n = 9\n>>>",)
    ),
    "above a line of spaces": Applied(cells=("    n = 1\n    ",), code=("    n = 9\n    ",)),
    "with a tab in front": Applied(cells=("\tn = 1\n\tm = n",), ends={"n": 9, "m": 9}),
    "below a form feed": Applied(cells=("\x0cn = 1\n\x0c\nm = n",), ends={"n": 9, "m": 9}),
    "in digits of another script": Applied(
        cells=("ｎ = 1",), code=("ｎ = 9",)
    ),
    "with braces of a class around": Applied(
        cells=("class C:\n    n = 1\n    def f(self, n=2):\n        n = 3\n        return n\n"
               "n = 4; m = C().f(), C.n",),
        ends={"n": 9, "m": (3, 1)},
    ),
    "beside an exception's name and a star": Applied(
        cells=("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    pass\n[n, *_] = [1, 2]",),
        code=("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    pass\n[n, *_] = [9, 2]",),
    ),
}  # fmt: skip

CASES: Mapping[str, Applied | Refused] = {
    **SCOPES,
    **SYNTAX,
    **VALUES,
    **EXPRESSIONS,
}
