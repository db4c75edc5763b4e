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
    found = (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "Table"))
    for module, name in found:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(value, kind):
            rows, columns = value.shape
            return rows, columns
    return None


def to_parquet(value: Any) -> bytes | None:
    """Return a table's bytes, not compressed; None where nothing here can write them.

    Raises:
        TypeError: a column holds what Parquet does not have.
    """
    buffer = io.BytesIO()
    try:
        # Compressed bytes could hide a secret from who looks for it.
        if hasattr(value, "write_parquet"):
            value.write_parquet(buffer, compression="uncompressed")
        elif hasattr(value, "to_parquet") or hasattr(value, "to_frame"):
            _frame(value).to_parquet(buffer, engine="pyarrow", compression=None)
        else:
            module = importlib.import_module("pyarrow.parquet")
            module.write_table(value, buffer, compression="none")
    except ImportError:
        return None
    except Exception as error:  # noqa: BLE001 - pyarrow's classes can't be named here
        message = f"it is a table with a column that Parquet does not have: {error}"
        raise TypeError(message) from None
    return buffer.getvalue()


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
    if hasattr(value, "to_frame"):  # a Series
        return value.to_frame("value" if value.name is None else str(value.name))
    return value
