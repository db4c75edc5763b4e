"""From a notebook to HTML, as the README promises it."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.conftest import sign_in, with_s3
from tests.acceptance.product import Product, write_notebook

if TYPE_CHECKING:
    from tests.support.registry import RegistryServer
    from tests.support.s3 import S3Server


def latest(folder: Path, notebook: str = "report") -> dict[str, object]:
    return json.loads((folder / notebook / "latest.json").read_text())


def path_of(outputs: dict[str, str], kind: str) -> Path:
    return Path(outputs[kind].removeprefix("file://"))


@pytest.mark.full
def test_the_html_shows_the_result_of_other_parameters(product: Product, sales: Path) -> None:
    name = f"docker:tests/sales:{sales.parent.parent.name}"
    made = product.json("containerize", sales, "--kernel", "team", "--to", name)
    image = made["reference"]

    product.run("run", image, "--output", product.folder / "one")
    product.run("run", image, "-p", "region", "north", "-p", "weeks", 13, "--output", "two")

    reports = []
    for folder in ("one", "two"):
        outputs = latest(product.folder / folder)["outputs"]
        report = json.loads(path_of(outputs, "report").read_text())
        html = path_of(outputs, "html").read_text()
        reports.append((report, html))
    (first, first_html), (second, second_html) = reports
    assert (first["status"], second["status"]) == ("succeeded", "succeeded")
    assert (first["parameters"]["region"], second["parameters"]["region"]) == ("south", "north")
    assert second["parameters"]["weeks"] == 13
    tables = [re.findall(r"<td>[^<]*</td>", html) for html in (first_html, second_html)]
    assert tables[0]
    assert tables[0] != tables[1]
    assert "data:image/png;base64," in second_html
    assert not re.search(r"(?:src|href)=[\"']https?://", second_html)
    product.docker("rmi", image)


def test_pushed_pulled_by_digest_and_run_by_docker_into_s3(
    product: Product, sales: Path, secure_registry: RegistryServer, s3: S3Server, bucket: str
) -> None:
    product = with_s3(sign_in(product, secure_registry), s3)
    name = f"{secure_registry.host}/team/{bucket}"
    made = product.json("containerize", sales, "--kernel", "team", "--to", f"{name}:1", "--yes")
    assert made["reference"] == f"{name}@{made['digest']}"

    product.docker("pull", made["reference"])
    product.docker(
        "run",
        "--rm",
        "--network=host",
        *(f"--env={variable}" for variable in product.variables if variable.startswith("AWS_")),
        f"--env=KERNEL_CONTAINERS_OUTPUT=s3://{bucket}/reports",
        made["reference"],
        "-p",
        "region",
        "east",
    )

    with closing(s3.client()) as client:
        listed = client.list_objects_v2(Bucket=bucket)["Contents"]
        names = sorted(item["Key"].rpartition("/")[2] for item in listed)
        (key,) = (item["Key"] for item in listed if item["Key"].endswith("report.json"))
        report = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert names == ["latest.json", "log.jsonl", "notebook.html", "notebook.ipynb", "report.json"]
    assert report["parameters"]["region"] == "east"
    runs = product.json("runs", "--prefix", f"s3://{bucket}/reports")
    assert [run["status"] for run in runs] == ["succeeded"]
    product.docker("rmi", made["reference"])


def test_describe_prints_the_parameters_from_engine_registry_and_container(
    product: Product, registry: RegistryServer
) -> None:
    notebook = write_notebook(product.folder / "n.ipynb", "count = 3  # how many")
    remote = f"{registry.host}/{product.folder.name.replace('_', '-')}:1"
    product.run("containerize", notebook, "--to", remote, "--yes")
    product.run("containerize", notebook, "--to", "docker:tests/describe:1")

    from_registry = product.json("describe", remote)
    from_engine = product.json("describe", "tests/describe:1")
    from_container = json.loads(product.docker("run", "--rm", "tests/describe:1", "--describe"))

    assert from_registry["properties"]["count"]["default"] == 3
    assert from_registry["properties"]["count"]["description"] == "how many"
    assert from_registry == from_engine == from_container
    product.docker("rmi", "tests/describe:1")


def test_a_dry_run_prints_sizes_and_what_is_left_out_and_builds_nothing(
    product: Product, sales: Path
) -> None:
    (sales.parent / ".env").write_text("TOKEN=x")
    (sales.parent / "growing.log").write_text("a line")
    files = ("--include", sales.parent, "--exclude", "*.log")

    plan = product.json("containerize", sales, "--kernel", "team", *files, "--dry-run")

    assert [layer["name"] for layer in plan["layers"]] == ["notebook"]
    assert plan["layers"][0]["size"] > 0
    left_out = {item["path"]: item["reason"] for item in plan["exclusions"]}
    assert str(sales.parent / ".env") in left_out
    assert left_out[str(sales.parent / "growing.log")] == "on request"
    assert set(plan["parameters"]["properties"]) >= {"region", "weeks"}
    assert set(plan["files"]).isdisjoint(left_out)


def test_a_layout_in_a_folder_is_a_whole_image(product: Product) -> None:
    notebook = write_notebook(product.folder / "n.ipynb", "x = 1")

    made = product.json("containerize", notebook, "--to", "oci:./layout")

    index = json.loads((product.folder / "layout" / "index.json").read_text())
    assert [item["digest"] for item in index["manifests"]] == [made["digest"]]
    blobs = product.folder / "layout" / "blobs" / "sha256"
    assert all((blobs / digest.removeprefix("sha256:")).is_file() for digest in made["layers"])
