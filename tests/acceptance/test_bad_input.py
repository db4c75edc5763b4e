"""Every failure: a clear sentence, its exit code, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.cli.main import run
from tests.acceptance.conftest import sign_in, with_s3
from tests.acceptance.product import PROGRAM, write_notebook
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.product import Product
    from tests.support.registry import RegistryServer
    from tests.support.s3 import S3Server


@pytest.fixture
def notebook(product: Product) -> Path:
    return write_notebook(product.folder / "n.ipynb", "x = 1", "print(x)")


@pytest.fixture
def image(product: Product, notebook: Path) -> Iterator[str]:
    name = f"tests/bad:{product.folder.name}"
    product.run("containerize", notebook, "--to", f"docker:{name}")
    yield name
    product.docker("rmi", name)


def tags(registry: RegistryServer, repository: str) -> list[str]:
    """Return a repository's tags; none where it does not exist."""
    answer = httpx.get(f"{registry.url}/v2/{repository}/tags/list")
    return list(answer.json().get("tags") or [])


def test_no_engine(product: Product, notebook: Path) -> None:
    nowhere = product.with_variables(DOCKER_HOST="unix:///nowhere/docker.sock")

    for command in (("containerize", notebook), ("run", "x"), ("doctor",)):
        failed = nowhere.run(*command, check=69)
        assert "No Docker Engine answers" in failed.stderr + failed.stdout


def test_an_unknown_kernel(product: Product, notebook: Path) -> None:
    failed = product.run("containerize", notebook, "--kernel", "taem", check=66)

    assert "'taem'" in failed.stderr
    assert "team" in failed.stderr.replace("taem", "")


def test_a_missing_notebook(product: Product) -> None:
    assert "missing.ipynb" in product.run("containerize", "missing.ipynb", check=66).stderr


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("{", "JSON"),
        ("[]", "notebook"),
        (json.dumps({"nbformat": 3, "nbformat_minor": 0, "worksheets": []}), "format 3"),
    ],
)
def test_a_file_that_is_no_notebook_of_today(product: Product, content: str, word: str) -> None:
    path = product.folder / "bad.ipynb"
    path.write_text(content)

    assert word in product.run("containerize", path, check=65).stderr


def test_an_image_without_ipykernel(product: Product, base_image: str) -> None:
    failed = product.run("kernel", "add", "bare", "--image", base_image, check=65)

    assert "ipykernel" in failed.stderr
    assert "bare" not in product.run("kernel", "list").stdout


def test_a_destination_without_a_host(product: Product, notebook: Path) -> None:
    failed = product.run("containerize", notebook, "--to", "report:1", check=65)

    assert "docker:report:1" in failed.stderr


@pytest.mark.parametrize("option", ["--to", "--kernel", "--include", "--base", "--title"])
def test_a_value_that_a_shell_did_not_have(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["containerize", str(tmp_path / "n.ipynb"), option, ""]) == 64

    assert f"'{option}': it is empty" in capsys.readouterr().err


def test_an_unknown_parameter_when_containerized(product: Product, notebook: Path) -> None:
    failed = product.run("containerize", notebook, "--parameter", "y", check=65)

    assert "'y'" in failed.stderr


def test_an_unknown_parameter_when_run(product: Product, image: str) -> None:
    failed = product.run("run", image, "-p", "xx", "1", "--output", "runs", check=65)

    assert "xx" in failed.stderr
    assert not list((product.folder / "runs").rglob("*.html"))


def test_an_unknown_option_and_an_unknown_command(product: Product) -> None:
    assert "--help" in product.run("run", "--nope", "x", check=64).stderr
    assert "--help" in product.run("nope", check=64).stderr


def test_a_registry_without_the_password(
    product: Product, notebook: Path, secure_registry: RegistryServer
) -> None:
    known = product.with_variables(KERNEL_CONTAINERS_CA_FILE=str(secure_registry.ca))
    to = f"{secure_registry.host}/tests/a:1"

    failed = known.run("containerize", notebook, "--to", to, "--yes", check=77)

    assert "docker login" in failed.stderr


def test_a_registry_whose_certificate_nobody_vouches_for(
    product: Product, notebook: Path, secure_registry: RegistryServer
) -> None:
    signed_in = sign_in(product, secure_registry).with_variables(KERNEL_CONTAINERS_CA_FILE="")

    failed = signed_in.run(
        "containerize", notebook, "--to", f"{secure_registry.host}/tests/a:1", "--yes", check=69
    )

    assert "certificate" in failed.stderr


IMMUTABLE = "The image tag '1' already exists and cannot be overwritten: the tag is immutable."


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What a registry answers, and what the command makes of it."""

    method: str
    path: str
    status: int
    error: tuple[str, str]
    code: int
    word: str


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(
            method="PUT",
            path="/manifests/",
            status=500,
            error=("UNKNOWN", "out of order"),
            code=69,
            word="500",
        ),
        Refusal(
            method="POST",
            path="/blobs/uploads/",
            status=404,
            error=("NAME_UNKNOWN", "no such repository"),
            code=66,
            word="repository",
        ),
        Refusal(
            method="PUT",
            path="/manifests/",
            status=400,
            error=("TAG_INVALID", IMMUTABLE),
            code=77,
            word="immutable",
        ),
    ],
    ids=lambda refusal: str(refusal.status),
)
def test_a_registry_that_refuses_a_push(
    product: Product, notebook: Path, registry: RegistryServer, refusal: Refusal
) -> None:
    repository = f"broken/{product.folder.name.replace('_', '-')}"
    code, message = refusal.error
    with FaultProxy(registry.host) as proxy:
        proxy.add(
            "status",
            method=refusal.method,
            path=refusal.path,
            status=refusal.status,
            times=None,
            body=json.dumps({"errors": [{"code": code, "message": message}]}).encode(),
            headers={"Content-Type": "application/json"},
        )
        to = f"{proxy.host}/{repository}:1"
        failed = product.run("containerize", notebook, "--to", to, "--yes", check=refusal.code)

    assert refusal.word in failed.stderr
    assert tags(registry, repository) == []


def test_a_bucket_that_is_missing(product: Product, image: str, s3: S3Server) -> None:
    failed = with_s3(product, s3).run(
        "run", image, "--output", "s3://no-such-bucket-here/x", check=74
    )

    assert "no-such-bucket-here" in failed.stderr


def test_a_full_disk_in_the_cache_folder(product: Product, notebook: Path) -> None:
    small = product.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", small], check=True)
    try:
        full = type(product)(folder=product.folder, cache=small)
        failed = full.run("containerize", notebook, "--to", "oci:./layout", check=73)
        left = [path for path in small.rglob("*") if path.is_file() and path.stat().st_size > 1e6]
    finally:
        subprocess.run(["umount", small], check=True)

    assert "MB" in failed.stderr
    assert left == []
    assert not (product.folder / "layout").exists()


def test_an_interrupt_during_a_push_leaves_no_tag_and_no_upload(
    product: Product, notebook: Path, registry: RegistryServer
) -> None:
    repository = f"stopped/{product.folder.name.replace('_', '-')}"
    # No blob's content ever arrives: the interrupt meets a push, however fast it is.
    with FaultProxy(registry.host) as proxy:
        uploads = f"/v2/{repository}/blobs/uploads/"
        proxy.add("hang", method="PATCH|PUT", path=uploads, times=None)
        process = subprocess.Popen(
            [PROGRAM, "containerize", notebook, "--to", f"{proxy.host}/{repository}:1", "--yes"],
            env=product.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not any(seen.fault for seen in proxy.seen):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)

        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)

    assert process.returncode == 130, stderr
    assert "Interrupted" in stderr
    assert "Traceback" not in stderr
    assert tags(registry, repository) == []
    assert list(registry.folder.glob(f"**/{repository}/_uploads/*/data")) == []


def test_a_failed_cell_fails_the_run_and_its_html_is_written(product: Product) -> None:
    notebook = write_notebook(product.folder / "f.ipynb", "1 / 0", "print('never')")
    name = f"tests/fails:{product.folder.name}"
    product.run("containerize", notebook, "--to", f"docker:{name}")

    failed = product.run("run", name, "--output", "runs", check=1)

    (html,) = (product.folder / "runs").rglob("notebook.html")
    (report,) = (product.folder / "runs").rglob("report.json")
    assert "ZeroDivisionError" in html.read_text()
    assert "ZeroDivisionError" in failed.stderr
    statuses = [cell["status"] for cell in json.loads(report.read_text())["cells"]]
    assert statuses == ["failed", "not-run"]
    product.docker("rmi", name)


def test_a_plain_user_without_the_right_to_the_socket(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        "os.environ['HOME'] = '/tmp'; sys.argv = ['kernel-containers', 'clean'];"
        "main()"
    )
    # Imported before the rights go: the interpreter may lie where only its owner looks.
    preload = (
        "import kernel_containers.cli.clean, kernel_containers.workflow.clean, "
        "kernel_containers.workflow.settings, kernel_containers.engine; "
        "from kernel_containers.cli.main import main; "
    )

    failed = subprocess.run(
        [sys.executable, "-c", preload + script], capture_output=True, text=True, check=False
    )

    assert failed.returncode == 77, failed.stderr
    assert "usermod -aG docker" in failed.stderr
