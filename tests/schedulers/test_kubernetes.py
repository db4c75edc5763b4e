"""Kubernetes takes the manifests by its own schemas, and podman runs their pod."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.acceptance.product import DOCKER
from tests.schedulers.examples import FOLDER, TOKEN, given

if TYPE_CHECKING:
    from pathlib import Path

    from tests.schedulers.examples import Site

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]
VERSIONS = ("1.31", "1.37")  # the first with a stable podFailurePolicy, and the newest
CHECKERS = ("kubernetes-validate==1.37.*", "check-jsonschema")
PATIENCE = 600  # seconds
PODMAN_S_NEEDS = ("podman", "catatonit", "runc")
# Inside of a container or VM podman can't raise the limits that it gives.
PODMAN_CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
"""


@pytest.fixture(scope="module")
def checkers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs that check files, in an environment of their own."""
    folder = tmp_path_factory.mktemp("checkers")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", folder], check=True, timeout=PATIENCE)
    install = [*uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python"]
    subprocess.run([*install, *CHECKERS], check=True, timeout=PATIENCE)
    return folder / "bin"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["kubernetes-cronjob.yaml", "kubernetes-job.yaml"])
def test_kubernetes_own_schemas_take_the_manifests(checkers: Path, name: str, version: str) -> None:
    command = [checkers / "kubernetes-validate", "--strict", "-k", version, FOLDER / name]

    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_schema_of_workflows_takes_the_workflow(checkers: Path) -> None:
    schema = ["--builtin-schema", "vendor.github-workflows"]

    checked = subprocess.run(
        [checkers / "check-jsonschema", *schema, FOLDER / "github-actions.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def pod(site: Site) -> list[dict[str, Any]]:
    """Return the request and the pod, for podman 4.3: whole volumes instead of single files."""
    request, job = yaml.safe_load_all(site.fill_in("kubernetes-job.yaml"))
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    container["image"] = f"localhost/{site.image.partition('/')[2]}"
    container["env"].append({"name": "AWS_ENDPOINT_URL_S3", "value": site.s3.endpoint})
    mounts: list[dict[str, Any]] = []
    for mount in container["volumeMounts"]:
        if mount.pop("subPath", None):
            mount["mountPath"] = mount["mountPath"].rpartition("/")[0]
        if mount not in mounts:
            mounts.append(mount)
    container["volumeMounts"] = mounts
    for volume in spec["volumes"]:
        if "secret" in volume:
            volume["secret"]["optional"] = False  # podman needs the word
    return [request, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "run"}, "spec": spec}]


@pytest.mark.skipif(
    os.getuid() != 0 or not all(map(shutil.which, PODMAN_S_NEEDS)), reason="needs root and podman"
)
def test_the_pod_runs_without_rights_on_a_read_only_root(site: Site, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(PODMAN_CONFIGURATION)
    secret = {name: (site.secrets / name).read_text() for name in ("token", "aws-credentials")}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "report"}}
    # podman's sockets need a short path.
    folder = tempfile.mkdtemp(prefix="kc-")
    store = ["--root", f"{folder}/root", "--runroot", f"{folder}/run"]
    podman = ["podman", *store, "--runtime=runc", "--cgroup-manager=cgroupfs"]

    def run(*arguments: str, text: str | None = None) -> str:
        finished = subprocess.run(
            [*podman, *arguments],
            env={**os.environ, "CONTAINERS_CONF": str(tmp_path / "conf")},
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout + finished.stderr

    name = f"localhost/{site.image.partition('/')[2]}"
    try:
        site.product.docker("tag", site.image, name)
        archive = tmp_path / "image.tar"
        subprocess.run([DOCKER, "save", "--output", archive, name], check=True, timeout=PATIENCE)
        run("load", "--quiet", "--input", str(archive))
        # podman takes the data of secrets as they are, without base64.
        run("secret", "create", "report", "-", text=yaml.safe_dump({**manifest, "data": secret}))
        run("kube", "play", "--network=host", "-", text=yaml.safe_dump_all(pod(site)))
        code, log = run("wait", "run-report").strip(), run("logs", "run-report")
    finally:
        run("pod", "rm", "--force", "--all")
        run("rmi", "--force", "--all")
        shutil.rmtree(folder, ignore_errors=True)
        site.product.docker("rmi", name)

    assert code == "0", log
    assert TOKEN not in log
    (report,) = site.runs()
    assert given(report) == ("north", 13)
