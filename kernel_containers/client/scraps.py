"""Named results of a notebook, kept in the outputs of its cells; scrapbook reads them too.

A value is in an output's `application/scrapbook.scrap.ENCODER+json`: `text` for a string, `json`
for what else JSON has, `pandas` for a table in Parquet's format. Where pyarrow is missing, a
pandas table is `json` in the form of a Table Schema (`DataFrame.to_json(orient="table")`).
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from kernel_containers.client.plain import plain
from kernel_containers.client.tables import shape_of, to_parquet, to_table_schema

MEDIA = "application/scrapbook.scrap.{}+json"
# What scrapbook can't read, and would refuse the whole notebook for.
NOTHING = "application/vnd.kernel-containers.scrap+json"
LARGEST = 20 * 1000**2  # bytes as text; the notebook, which holds it, is read whole by everybody
_LONGEST_SHOWN = 500  # characters of a value in the cell's output


def scrap(name: str, value: Any, *, display: bool = False) -> None:
    """Keep a result under a name: `report.json` of a run lists it, and many runs become a table.

    A value is what JSON has, or becomes it without a loss: numbers and arrays of numpy, dates (as
    ISO text), tuples. NaN becomes null. A table is a DataFrame or Series of pandas or
    polars, or a Table of pyarrow. With `display` the value is shown as the last line of a cell
    would be; anything that can be shown may be kept so, such as a figure.

    A later scrap of the same name replaces an earlier one. Outside of a run it is shown all the
    same, and saved with the notebook.

    Raises:
        TypeError: the value is none of these.
        ValueError: it has more than 20 MB.
    """
    if not isinstance(name, str) or not name.strip():  # type: ignore[redundant-expr]
        message = f"the name of a scrap is a text, not {name!r}"
        raise TypeError(message)
    shell = _shell()
    kept: dict[str, Any] = {}
    text = ""
    try:
        kept, text = _encode(name, value)
    except TypeError as error:
        if not display:
            message = f"the scrap {name!r} can't be kept: {error}"
            raise TypeError(message) from None
    shown: dict[str, Any] = {"text/plain": text}
    metadata: dict[str, Any] = {}
    if display:
        shown, metadata = _format(shell, value)
    metadata["scrapbook"] = {"name": name, "data": bool(kept), "display": display}
    if shell is None:
        sys.stdout.write("{}\n".format(shown["text/plain"]))
    else:
        publish = sys.modules["IPython.display"].display
        publish({**kept, **shown}, metadata=metadata, raw=True)


def _shell() -> Any:
    # Looked up, not imported: this package needs nothing, and a kernel has it already.
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython and "IPython.display" in sys.modules else None


def _encode(name: str, value: Any) -> tuple[dict[str, Any], str]:
    """Return the value by its media type, and in words."""
    shape = shape_of(value)
    if shape is None:
        data, words = plain(value), None
        encoder = "text" if isinstance(data, str) else "json"
    else:
        words = "table of {:,} × {:,}".format(*shape)
        parquet = to_parquet(value)
        encoder = "json" if parquet is None else "pandas"
        data = to_table_schema(value) if parquet is None else base64.b64encode(parquet).decode()
    try:
        text = json.dumps(data, ensure_ascii=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise TypeError("it holds half of a surrogate pair, which is no text") from None
    except ValueError as error:  # an integer of thousands of digits
        raise TypeError(f"JSON can't hold it: {error}") from None
    if size > LARGEST:
        message = (
            f"the scrap {name!r} has {size / 1e6:.1f} MB, and {LARGEST // 10**6} MB is the most: "
            "write it to a file or a store, and keep where it is"
        )
        raise ValueError(message)
    media = NOTHING if data is None else MEDIA.format(encoder)
    payload = {"name": name, "data": data, "encoder": encoder, "version": 1}
    words = words or (text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…")
    return {media: payload}, f"{name} = {words}"


def _format(shell: Any, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how the value is shown, and the metadata of that."""
    if shell is None:
        return {"text/plain": repr(value)}, {}
    shown, metadata = shell.display_formatter.format(value)
    # Objects that show themselves, such as widgets, return nothing else.
    return shown or {"text/plain": repr(value)}, dict(metadata)
