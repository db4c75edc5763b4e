"""Values and tables as a notebook gives them, without a kernel."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from kernel_containers import scrap
from kernel_containers.client.plain import plain
from kernel_containers.client.scraps import _encode


def kept(value: Any) -> tuple[str, Any]:
    """Return a value's encoder and data."""
    (payload,) = _encode("x", value)[0].values()
    return payload["encoder"], payload["data"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(5), 5),
        (np.float64("nan"), None),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ((1, (2,)), [1, [2]]),
        ({1: "a", np.int64(2): "b", datetime.date(2026, 1, 2): None}, None),
        (pd.Timestamp("2026-01-02T03:04:05Z"), "2026-01-02T03:04:05+00:00"),
        ([pd.NaT, pd.NA, float("nan")], [None, None, None]),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.datetime64("2026-01-02T03:04:05.123456789"), "2026-01-02T03:04:05.123456789"),
        (np.array(["2026-01-02", "NaT"], "M8[ns]"), ["2026-01-02T00:00:00", None]),
        (np.datetime64("20000-01-01"), "20000-01-01"),
        (Path("/data/x"), "/data/x"),
        (True, True),
        (pa.array([1, None]), [1, None]),
        (pa.scalar(2), 2),
        ({"a": pd.Series([1, 2])}, {"a": [1, 2]}),
    ],
)
def test_what_json_can_say_is_kept(value: Any, expected: Any) -> None:
    if isinstance(value, dict) and expected is None:
        expected = {"1": "a", "2": "b", "2026-01-02": None}

    assert json.loads(json.dumps(plain(value))) == expected


class Shade(enum.Enum):
    """One of some."""

    DARK = 1


@dataclasses.dataclass
class Point:
    """A place."""

    x: int


def _endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1, 2}, "it is of the type set"),
        ([b"x"], r"it\[0\] is of the type bytes"),
        ({"a": {"b": object()}}, r"it\['a'\]\['b'\] is of the type object"),
        ({(1, 2): 3}, "a key of it is"),
        ({1: "a", "1": "b"}, "two keys"),
        (float("-inf"), "no infinity"),
        (1 + 2j, "complex"),
        (np.array([1 + 2j]), "complex"),
        (np.timedelta64(1, "s"), "timedelta"),
        (np.array([1], "m8[ns]"), "timedelta64, .*total_seconds"),
        ([pd.DataFrame()], "DataFrame.* a scrap of its own"),
        ({"a": pd.Series([1], index=["x"])}, r"it\['a'\] is .*Series.* a scrap of its own"),
        ({2, 1}, r"keep sorted\(\) of it"),
        (datetime.timedelta(1), "keep its .total_seconds"),
        (decimal.Decimal("1.10"), r"keep str\(\) or float\(\) of it"),
        (Shade.DARK, "keep its .name or .value"),
        (Point(1), r"keep dataclasses.asdict\(\) of it"),
        (_endless(), "nested too deeply"),
    ],
)
def test_what_it_can_not_say_is_an_error_that_names_the_place(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        plain(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [("\ud83d", "surrogate pair"), (10**5000, "4300 digits")],
    ids=["a surrogate", "digits"],
)
def test_what_no_file_of_text_can_hold_is_refused(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"the scrap 'x' can't be kept: .*{words}"):
        scrap("x", value)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [1, 2]}, index=["x", "y"]),
        pd.Series([1, 2], index=["x", "y"], name="a"),
        pa.table({"a": [1, 2]}),
        pa.record_batch({"a": [1, 2]}),
        pl.DataFrame({"a": [1, 2]}),
        pl.Series("a", [1, 2]),
    ],
    ids=["DataFrame", "Series", "Table", "RecordBatch", "polars", "polars' Series"],
)
def test_tables_are_parquet_that_is_not_compressed(table: Any) -> None:
    encoder, data = kept(table)

    assert encoder == "pandas"
    read = pd.read_parquet(io.BytesIO(base64.b64decode(data)))
    assert read["a"].tolist() == [1, 2]
    frame = pd.DataFrame({"text": ["a needle in a haystack"] * 50})
    assert b"a needle in a haystack" in base64.b64decode(kept(frame)[1])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pd.DataFrame({"b": [1], "a": [object()]}), "a column 'a' of values"),
        (
            pd.DataFrame({"a": [1, "x"]}),
            r"a column 'a' .* different types: convert it, .* df\['a'\].astype\(str\)",
        ),
        (pd.DataFrame({"a": [1j]}), "a column 'a' of values"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns of the name 'a': rename one"),
        (pd.DataFrame([[1, 2]], columns=["a", 1]), "column names that are texts and others"),
    ],
    ids=["object", "mixed", "complex", "twice", "names"],
)
def test_a_table_that_parquet_does_not_have_is_an_error(table: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"the scrap 'x' can't be kept: it is a table with {words}"):
        scrap("x", table)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"t": pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin")}),
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)])),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
        pd.DataFrame({"c": pd.Categorical(["a", "b", None])}),
        pd.DataFrame({"d": [float("nan"), float("inf")], "s": ["é", None]}),
        pd.DataFrame({"l": [[1], [2, 3]]}),
        pd.DataFrame([[1, 2]]),
        pd.DataFrame({"a": []}),
    ],
    ids=["zone", "rows", "columns", "category", "nan", "lists", "numbers", "empty"],
)
def test_a_table_comes_back_as_it_was(table: pd.DataFrame) -> None:
    encoder, data = kept(table)

    assert encoder == "pandas"
    back = pd.read_parquet(io.BytesIO(base64.b64decode(data)))
    pd.testing.assert_frame_equal(back.map(_listed), table, check_dtype=False)


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def test_without_pyarrow_a_table_is_json() -> None:
    code = (
        "import json, sys\nsys.modules['pyarrow'] = None\nimport pandas as pd\n"
        "from kernel_containers.client.scraps import _encode\n"
        "data, text = _encode('x', pd.DataFrame({'a': [1, 2]}))\n"
        "print(json.dumps(data))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    ((media, payload),) = json.loads(done.stdout).items()
    assert (media, payload["encoder"]) == ("application/scrapbook.scrap.json+json", "json")
    read = pd.read_json(io.StringIO(json.dumps(payload["data"])), orient="table")
    assert read["a"].tolist() == [1, 2]


def test_outside_of_a_notebook_a_result_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    scrap("rows", 5)
    scrap("shown", {1, 2}, display=True)
    scrap("table", pd.DataFrame({"a": range(1234)}))

    assert capsys.readouterr().out == "rows = 5\n{1, 2}\ntable = table of 1,234 × 1\n"


def test_what_is_too_large_or_has_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has 20.0 MB, and 20 MB is the most"):
        scrap("big", "x" * 20_000_000)
    for name in ("", " ", None, 5):
        with pytest.raises(TypeError, match="name of a scrap"):
            scrap(name, 1)  # type: ignore[arg-type]
