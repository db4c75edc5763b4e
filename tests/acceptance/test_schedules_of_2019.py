"""Schedules that were made for containers of 2019 run today's images unchanged."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

from tests.acceptance.conftest import with_s3
from tests.acceptance.product import Product, write_notebook

if TYPE_CHECKING:
    from tests.support.s3 import S3Server


def test_their_file_gives_parameters_and_places(
    product: Product, s3: S3Server, bucket: str
) -> None:
    notebook = write_notebook(
        product.folder / "n.ipynb",
        "greeting = 'hi'\ncount = 1\nreport_uri = ''\nshare = 0.5",
        "print(ascii([greeting, count, report_uri, share]))",
    )
    product = with_s3(product, s3)
    product.run("containerize", notebook, "--to", f"docker:tests/{bucket}:1")
    folder = f"s3://{bucket}/notebook/results/id"
    params = product.folder / "params"
    params.write_text(
        json.dumps(
            {
                "Context": {
                    "OutputUris": {
                        "html": f"{folder}/output.html",
                        "ipynb": f"{folder}/output.ipynb",
                    },
                    "Analysis": "/home/somebody/analysis.ipynb",
                },
                # Numbers were `double` then, whatever the notebook wanted.
                "Variables": {
                    "greeting": "hello",
                    "count": 5.0,
                    "report_uri": "s3://bucket/key",
                    "share": 2,
                },
            }
        )
    )

    product.docker(
        "run",
        "--rm",
        "--network=host",
        *(f"--env={variable}" for variable in product.variables if variable.startswith("AWS_")),
        f"--volume={params}:/opt/ml/input/data/iotanalytics/params:ro",
        f"tests/{bucket}:1",
    )

    product.docker("rmi", f"tests/{bucket}:1")
    with closing(s3.client()) as client:
        listed = client.list_objects_v2(Bucket=bucket)["Contents"]
        found = {
            item["Key"]: client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode()
            for item in listed
        }
    told = "['hello', 5, 's3://bucket/key', 2.0]"
    assert sorted(found) == ["notebook/results/id/output.html", "notebook/results/id/output.ipynb"]
    (cell,) = json.loads(found["notebook/results/id/output.ipynb"])["cells"][1:]
    assert [output["text"] for output in cell["outputs"]] == [[f"{told}\n"]]
    assert "s3://bucket/key" in found["notebook/results/id/output.html"]
