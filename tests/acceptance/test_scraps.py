"""Named results from notebooks to one table of many runs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from kernel_containers import read_runs
from tests.acceptance.conftest import with_s3
from tests.acceptance.product import Product, write_notebook

if TYPE_CHECKING:
    from tests.support.s3 import S3Server


@pytest.mark.full
def test_parameters_and_results_of_many_runs_are_one_table(
    product: Product, s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write_notebook(
        product.folder / "report.ipynb",
        "weeks = 4",
        "from kernel_containers import scrap\nimport pandas as pd\nimport matplotlib.pyplot as plt",
        "frame = pd.DataFrame({'week': range(weeks), 'sales': 1.5})\nscrap('rows', len(frame))",
        "scrap('table', frame)\nfigure, axes = plt.subplots()\naxes.plot([1, 2])\n"
        "scrap('plot', figure, display=True)\nassert weeks < 9",
    )
    signed_in = with_s3(product, s3)
    prefix = f"s3://{bucket}/reports"
    signed_in.run("containerize", notebook, "--to", "docker:scraps:1")
    try:
        for weeks, code in ((4, 0), (9, 1)):
            arguments = ("run", "scraps:1", "-p", "weeks", weeks, "--output", prefix)
            signed_in.run(*arguments, check=code)
    finally:
        product.docker("rmi", "scraps:1")

    said = signed_in.run("runs", "--prefix", prefix, "--csv").stdout
    rows = {row["parameters.weeks"]: row for row in csv.DictReader(io.StringIO(said))}
    assert {weeks: row["status"] for weeks, row in rows.items()} == {
        "4": "succeeded",
        "9": "failed",
    }
    assert {weeks: row["scraps.rows"] for weeks, row in rows.items()} == {"4": "4", "9": "9"}
    assert rows["4"]["scraps.plot"].endswith("/scraps/plot.png")
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    frame = read_runs(prefix, status="succeeded", tables=True)
    assert frame.loc[0, "scraps.table"]["week"].tolist() == [0, 1, 2, 3]
    assert isinstance(frame.loc[0, "scraps.table"], pd.DataFrame)
