"""Tables of the libraries that a notebook has imported, as bytes in Parquet's format."""

from __future__ import annotations

import importlib
import io
import json
import sys
from typing import Any


def shape_of(value: Any) -> tuple[int, int] | None:
    """Return rows and columns of a table, None for anything else."""
    # Who has a table has imported its library.
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.Series):
        return len(value), 1
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, polars.Series):
        return len(value), 1
    for module, name in _TABLES:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(value, kind):
            rows, columns = value.shape
            return rows, columns
    return None


_TABLES = (
    ("pandas", "DataFrame"),
    ("polars", "DataFrame"),
    ("pyarrow", "Table"),
    ("pyarrow", "RecordBatch"),
)


def to_parquet(value: Any) -> bytes | None:
    """Return a table's bytes, not compressed; None where nothing here can write them.

    Raises:
        TypeError: a column holds what Parquet does not have.
    """
    buffer = io.BytesIO()
    try:
        # Compressed bytes could hide a secret from who looks for it.
        _write(_frame(value), buffer)
    except ImportError:
        return None
    except Exception as error:  # noqa: BLE001 - pyarrow's classes can't be named here
        message = f"it is a table with {_what_is_wrong(value) or f'what no file has: {error}'}"
        raise TypeError(message) from None
    return buffer.getvalue()


def _write(value: Any, buffer: io.BytesIO) -> None:
    if hasattr(value, "write_parquet"):
        value.write_parquet(buffer, compression="uncompressed")
    elif hasattr(value, "to_parquet"):
        value.to_parquet(buffer, engine="pyarrow", compression=None)
    else:
        arrow = sys.modules["pyarrow"]
        table = value if isinstance(value, arrow.Table) else arrow.Table.from_batches([value])
        importlib.import_module("pyarrow.parquet").write_table(table, buffer, compression="none")


def _what_is_wrong(value: Any) -> str:
    """Return what of a table a file can't have, and what helps; nothing where it is not known."""
    names = list(value.columns) if hasattr(value, "columns") else []
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        return f"two columns of the name {twice[0]!r}: rename one"
    if len({type(name) for name in names}) > 1:
        return "column names that are texts and others: make them texts, df.rename(columns=str)"
    for name in names:
        try:
            _write(value[[name]], io.BytesIO())
        except Exception:  # noqa: BLE001 - see above
            return (
                f"a column {name!r} of values that a file does not have, or of different types: "
                f"convert it, such as with df[{name!r}].astype(str)"
            )
    return ""


def to_table_schema(value: Any) -> Any:
    """Return a table of pandas as the JSON object of a Table Schema.

    Raises:
        TypeError: it has no such form, or is none of pandas.
    """
    try:
        return json.loads(_frame(value).to_json(orient="table", date_format="iso"))
    except Exception as error:  # noqa: BLE001 - whatever pandas says
        message = f"it is a table, without pyarrow kept as JSON, which it can't be: {error}"
        raise TypeError(message) from None


def _frame(value: Any) -> Any:
    if not hasattr(value, "to_frame"):
        return value
    name = "value" if value.name is None else str(value.name)  # of a Series
    return value.to_frame(name or "value")
