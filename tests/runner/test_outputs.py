"""Outputs reach their place, or the run says that they did not."""

from __future__ import annotations

import json
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.contract import OUTPUT_VARIABLE, PARAMETERS_2019, RUN_ID_VARIABLE
from kernel_containers.core.uris import Uri
from tests.runner.image import edit_of, parameter
from tests.runner.test_failures import wait_for
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runner.image import Image
    from tests.support.s3 import S3Server


def objects(s3: S3Server, bucket: str) -> dict[str, bytes]:
    """Return all objects of a bucket."""
    with closing(s3.client()) as client:
        listed = client.list_objects_v2(Bucket=bucket).get("Contents", [])
        keys = [item["Key"] for item in listed]
        return {
            key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in sorted(keys)
        }


def test_all_outputs_go_to_s3(make_image: Callable[..., Image], s3: S3Server, bucket: str) -> None:
    image = make_image("print('hello')", environment=s3.environment())
    image.environment[OUTPUT_VARIABLE] = f"s3://{bucket}/team/runs"
    image.environment[RUN_ID_VARIABLE] = "chosen-id"

    run = image.run(to_folder=False)

    assert run.code == 0, run.stderr
    found = objects(s3, bucket)
    below = "team/runs/my-report"
    assert sorted(found) == [
        f"{below}/chosen-id/log.jsonl",
        f"{below}/chosen-id/notebook.html",
        f"{below}/chosen-id/notebook.ipynb",
        f"{below}/chosen-id/report.json",
        f"{below}/latest.json",
    ]
    assert json.loads(found[f"{below}/latest.json"])["run_id"] == "chosen-id"
    assert json.loads(found[f"{below}/chosen-id/report.json"])["status"] == "succeeded"
    assert b"hello" in found[f"{below}/chosen-id/notebook.html"]


def test_a_missing_bucket_is_found_before_the_first_cell(
    make_image: Callable[..., Image], s3: S3Server, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    image = make_image(
        f"import pathlib; pathlib.Path({str(ran)!r}).touch()", environment=s3.environment()
    )

    run = image.run("--output", "s3://there-is-no-such-bucket/x", to_folder=False)

    assert run.code == 74
    assert not ran.exists()
    assert "NoSuchBucket" in run.events[-1]["message"]
    assert "create the bucket" in run.events[-1]["message"]


def test_wrong_credentials_are_found_before_the_first_cell(
    make_image: Callable[..., Image], s3: S3Server, bucket: str
) -> None:
    image = make_image("1", environment=s3.environment() | {"AWS_SECRET_ACCESS_KEY": "f4l5e"})

    run = image.run("--output", f"s3://{bucket}/x", to_folder=False)

    assert run.code == 74
    assert "renew the credentials" in run.events[-1]["message"]
    assert "f4l5e" not in run.stdout + run.stderr


@pytest.mark.full
def test_a_failing_checkpoint_does_not_matter_and_the_end_is_tried_again(
    make_image: Callable[..., Image], s3: S3Server, bucket: str
) -> None:
    with FaultProxy(s3.endpoint.removeprefix("http://")) as proxy:
        # Each client's own three tries fail, and then once more.
        proxy.add("status", method="PUT", path="notebook.ipynb", skip=1, times=4, status=503)
        proxy.add("reset_body", method="PUT", path="notebook.html", after=1000)
        environment = s3.environment() | {"AWS_ENDPOINT_URL_S3": proxy.url}
        image = make_image("print('hello')", environment=environment)

        run = image.run("--output", f"s3://{bucket}/x", to_folder=False)

    assert run.code == 0, run.stderr
    found = objects(s3, bucket)
    assert len(found) == 5
    (notebook,) = (data for key, data in found.items() if key.endswith(".ipynb"))
    assert b"hello" in notebook
    assert any("Trying again" in event.get("message", "") for event in run.events)


def test_a_checkpoint_that_is_refused_does_not_end_the_run(
    make_image: Callable[..., Image], s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    image = make_image(
        f"import pathlib, time\nprint('hello', flush=True)\npathlib.Path({str(begun)!r}).touch()\n"
        "time.sleep(60)"
    )
    with FaultProxy(s3.endpoint.removeprefix("http://")) as proxy:
        # The one that a signal to stop brings about, after the check before the first cell.
        proxy.add("status", method="PUT", path="notebook.ipynb", skip=1, status=403)
        proxy.add("delay", method="PUT", path="report.json", seconds=0.5)
        image.environment = s3.environment() | {"AWS_ENDPOINT_URL_S3": proxy.url}
        process = image.start("--output", f"s3://{bucket}/x", to_folder=False)
        wait_for(begun)
        process.send_signal(signal.SIGTERM)
        run = image.finish(process)

    assert run.code == 143
    assert any("A checkpoint was not written" in event.get("message", "") for event in run.events)
    found = objects(s3, bucket)
    (notebook,) = (data for key, data in found.items() if key.endswith(".ipynb"))
    assert b"hello" in notebook
    assert any(key.endswith("report.json") for key in found)


def test_a_bucket_that_is_gone_at_the_end_leaves_a_copy_here(
    make_image: Callable[..., Image], s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    image = make_image(
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\n"
        f"while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.02)\nprint('hello')",
        environment=s3.environment() | {"TMPDIR": str(tmp_path)},
    )
    process = image.start("--output", f"s3://{bucket}/x", to_folder=False)
    wait_for(begun)
    with closing(s3.client()) as client:
        for key in objects(s3, bucket):
            client.delete_object(Bucket=bucket, Key=key)
        client.delete_bucket(Bucket=bucket)
    go_on.touch()
    run = image.finish(process)

    assert run.code == 74
    message = run.events[-1]["message"]
    assert "NoSuchBucket" in message
    kept = tmp_path / f"kernel-containers-{run.events[-1]['run_id']}"
    assert str(kept) in message
    assert "hello" in (kept / "notebook.html").read_text()
    report = json.loads((kept / "report.json").read_text())
    assert [cell["status"] for cell in report["cells"]] == ["succeeded"]


def test_outputs_that_are_refused_at_the_end_are_kept_and_told(
    make_image: Callable[..., Image], s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(s3.endpoint.removeprefix("http://")) as proxy:
        proxy.add("status", method="PUT", path="ipynb|html", skip=1, times=None, status=403)
        environment = s3.environment() | {
            "AWS_ENDPOINT_URL_S3": proxy.url,
            "TMPDIR": str(tmp_path),
        }
        image = make_image("print('hello')", environment=environment)

        run = image.run("--output", f"s3://{bucket}/x", to_folder=False)

    assert run.code == 74
    end = run.events[-1]
    assert end["cause"] == "outputs"
    assert end["status"] == "failed"
    kept = tmp_path / f"kernel-containers-{end['run_id']}"
    assert str(kept) in end["message"]
    assert "hello" in (kept / "notebook.ipynb").read_text()
    assert "hello" in (kept / "notebook.html").read_text()
    reports = [data for key, data in objects(s3, bucket).items() if key.endswith("report.json")]
    assert [json.loads(report)["exit_code"] for report in reports] == [74]


SKEWED = (
    b"<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time "
    b"and the current time is too large.</Message></Error>"
)


def test_a_clock_that_is_wrong_at_the_end_is_named_and_a_copy_kept(
    make_image: Callable[..., Image], s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(s3.endpoint.removeprefix("http://")) as proxy:
        proxy.add("status", method="PUT", skip=1, times=None, status=403, body=SKEWED)
        environment = s3.environment() | {
            "AWS_ENDPOINT_URL_S3": proxy.url,
            "TMPDIR": str(tmp_path),
        }
        image = make_image("print('hello')", environment=environment)

        run = image.run("--output", f"s3://{bucket}/x", to_folder=False)

    assert run.code == 74
    message = run.events[-1]["message"]
    assert "RequestTimeTooSkewed" in message
    assert "set this machine's clock" in message
    (notebook,) = tmp_path.glob("kernel-containers-*/notebook.ipynb")
    assert "hello" in notebook.read_text()


NAMES = "pré fix/отчёты 50% + a#b?c&d/~!'()*=@:,"


def test_a_prefix_may_have_any_characters(
    make_image: Callable[..., Image], s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    image = make_image("print('hello')", environment=s3.environment())
    html = tmp_path / "50% отчёт #1.html"

    run = image.run("--output", f"s3://{bucket}/{NAMES}/", "--html", str(html), to_folder=False)

    assert run.code == 0, run.stdout
    ran = f"{NAMES}/my-report/{run.events[0]['run_id']}"
    assert sorted(objects(s3, bucket)) == [
        f"{ran}/log.jsonl",
        f"{ran}/notebook.ipynb",
        f"{ran}/report.json",
        f"{NAMES}/my-report/latest.json",
    ]
    assert "hello" in html.read_text()
    uri = run.events[-1]["outputs"]["html"]
    assert Uri.parse(uri).path == str(html)


def test_what_the_notebook_can_not_hold_goes_to_s3_too(
    make_image: Callable[..., Image], s3: S3Server, bucket: str
) -> None:
    image = make_image("print('x' * 3_000_000)", environment=s3.environment())

    run = image.run("--output", f"s3://{bucket}/x", "--max-output", "1", to_folder=False)

    assert run.code == 0, run.stdout
    (uri,) = (uri for uri in run.events[-1]["outputs"].values() if uri.endswith(".txt"))
    assert objects(s3, bucket)[uri.removeprefix(f"s3://{bucket}/")] == b"x" * 3_000_000 + b"\n"


def test_explicit_places_and_parameters_from_s3(
    make_image: Callable[..., Image], s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    with closing(s3.client()) as client:
        client.put_object(Bucket=bucket, Key="in.yaml", Body=b"n: 5\n")
        client.put_object(Bucket=bucket, Key="big.txt", Body=b"[1, 2, 3]")
    image = make_image("print(n, big)", environment=s3.environment())

    run = image.run(
        *("--ipynb", f"s3://{bucket}/deep/out.ipynb", "--html", str(tmp_path / "new" / "out.html")),
        *("-f", f"s3://{bucket}/in.yaml", "-p", "big", f"@s3://{bucket}/big.txt"),
        "--allow-unknown",
        to_folder=False,
    )

    assert run.code == 0, run.stderr
    assert b"5 [1, 2, 3]" in objects(s3, bucket)["deep/out.ipynb"]
    assert "5 [1, 2, 3]" in (tmp_path / "new" / "out.html").read_text()
    assert run.events[-1]["outputs"] == {
        "ipynb": f"s3://{bucket}/deep/out.ipynb",
        "html": f"file://{tmp_path}/new/out.html",
    }


def test_declared_parameters_from_s3_have_their_types(
    make_image: Callable[..., Image], s3: S3Server, bucket: str
) -> None:
    numbers = list(range(200_000))
    with closing(s3.client()) as client:
        client.put_object(Bucket=bucket, Key="xs.json", Body=json.dumps(numbers).encode() + b"\n")
        client.put_object(Bucket=bucket, Key="id.txt", Body=b"0012")
    image = make_image("xs = []\nid = ''", "print(len(xs), sum(xs), ascii(id))")
    image.environment = s3.environment()
    image.parameters = (
        parameter("xs", "list", [], edits=(edit_of(image.cells, 0, "[]"),)),
        parameter("id", "str", "", edits=(edit_of(image.cells, 0, "''"),)),
    )

    run = image.run("-p", "xs", f"@s3://{bucket}/xs.json", "-p", "id", f"@s3://{bucket}/id.txt")

    assert run.code == 0, run.stderr
    assert run.text(1) == f"200000 {sum(numbers)} '0012'\n"


def test_a_parameter_that_s3_does_not_have_stops_the_run_before_it_begins(
    make_image: Callable[..., Image], s3: S3Server, bucket: str
) -> None:
    image = make_image("n = 1", environment=s3.environment())
    image.parameters = (parameter("n", "int", 1, edits=(edit_of(image.cells, 0, "1"),)),)

    run = image.run("-p", "n", f"@s3://{bucket}/nothing.txt")

    assert run.code == 65
    assert f"s3://{bucket}/nothing.txt" in run.report["message"]
    assert "NoSuchKey" in run.report["message"]
    assert run.report["cells"] == []


def test_the_2019_file_gives_places(make_image: Callable[..., Image], tmp_path: Path) -> None:
    image = make_image("print('hello')")
    uris = {"html": f"file://{tmp_path}/old/out.html", "ipynb": f"file://{tmp_path}/old/out.ipynb"}
    image.place(PARAMETERS_2019, json.dumps({"Context": {"OutputUris": uris}, "Variables": {}}))

    run = image.run(to_folder=False)

    assert run.code == 0, run.stderr
    assert "hello" in (tmp_path / "old" / "out.html").read_text()
    assert "hello" in (tmp_path / "old" / "out.ipynb").read_text()
    # Readable as the umask says.
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "old").iterdir()} == {0o644}


@pytest.mark.full
def test_long_runs_are_checkpointed(make_image: Callable[..., Image], tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    image = make_image(
        "import time, pathlib\nprint('early', flush=True)\n"
        "for _ in range(200):\n    time.sleep(0.1)\n"
        f"    if 'early' in pathlib.Path({str(out)!r}).read_text().split('source')[0]:\n"
        "        print('seen')\n        break"
    )

    run = image.run("--ipynb", str(out), to_folder=False)

    assert run.code == 0
    assert "seen" in out.read_text()
