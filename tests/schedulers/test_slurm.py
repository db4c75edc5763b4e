"""Slurm runs the script: a controller, one node and munge in a network of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.schedulers.examples import Site

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "unshare")
pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        os.getuid() != 0 or not all(map(shutil.which, PROGRAMS)), reason="needs root and Slurm"
    ),
]
PATIENCE = 500  # seconds
ADDRESS = "10.98.0.1"  # of a bridge in the cluster's own network
CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}({address})
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
# Signals reach all processes below the script's, as with control groups.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
KillWait=120
NodeName={host} NodeAddr={address} CPUs={processors} RealMemory=1
PartitionName=all Nodes=ALL Default=YES State=UP
"""
START = """\
set -e
cd {folder}
ip link set lo up
ip link add cluster type bridge
ip addr add {address}/24 dev cluster
ip link set cluster up
munged --force --foreground --key-file=munge.key --socket=munge.socket --pid-file=munged.pid \\
    --log-file=munged.log --seed-file=munge.seed >/dev/null 2>&1 &
until [ -S munge.socket ]; do sleep 0.1; done
slurmctld -D -c >slurmctld.log 2>&1 &
slurmd -D -N {host} >slurmd.log 2>&1 &
for _ in $(seq 300); do
    sinfo --noheader --format=%T 2>/dev/null | grep -q idle && break
    sleep 0.2
done
if ! sinfo | grep idle; then
    cat slurmctld.log slurmd.log
    exit 99
fi
set +e
"""


_ALONE = ("unshare", "--net", "--mount-proc", "--pid", "--fork", "--kill-child")


def in_cluster(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Start a cluster, run a script in it, and end all of its processes."""
    names = {
        "host": socket.gethostname(),
        "address": ADDRESS,
        "folder": folder,
        "processors": len(os.sched_getaffinity(0)),
    }
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    (folder / "slurm.conf").write_text(CONFIGURATION.format(**names))
    return subprocess.run(
        [*_ALONE, "bash", "-c", START.format(**names) + script],
        env={
            **os.environ,
            "SLURM_CONF": str(folder / "slurm.conf"),
            "HOME": str(folder),
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def job(site: Site, tmp_path: Path) -> Path:
    """The script, with the user's secrets in their home."""
    text = site.reach_store(site.fill_in("slurm.sh").replace("docker stop", "docker\tstop"))
    text = text.replace("#SBATCH --mem=2G\n", "")  # the node has what this machine has
    text = text.replace("name=report-", f"name=report-{site.bucket}-")
    (tmp_path / ".report").symlink_to(site.secrets)
    (tmp_path / "slurm.sh").write_text(text.replace("$HOME/.report", str(site.secrets)))
    return tmp_path


def test_an_array_runs_the_image_once_for_each_region(site: Site, job: Path) -> None:
    text = (job / "slurm.sh").read_text()
    (job / "slurm.sh").write_text(text.replace("north south east west", "north south east 5"))

    finished = in_cluster(job, "sbatch --wait slurm.sh")

    assert finished.returncode == 5, finished.stdout + finished.stderr
    reports = site.runs()
    assert {report["parameters"]["region"]: report["exit_code"] for report in reports} == {
        "north": 0,
        "south": 0,
        "east": 0,
        "5": 5,
    }


def test_a_cancelled_job_ends_its_container_and_keeps_its_outputs(site: Site, job: Path) -> None:
    text = (job / "slurm.sh").read_text()
    (job / "slurm.sh").write_text(text.replace("north south east west", "wait"))
    script = """
id=$(sbatch --parsable --array=0 slurm.sh)
until grep -qs waiting report-$id-0.log; do sleep 0.2; done
scancel $id
while squeue --noheader --jobs=$id | grep -q .; do sleep 0.2; done
cat report-$id-0.log
"""

    finished = in_cluster(job, script)

    told = finished.stdout + finished.stderr
    assert '"cause": "terminated"' in told, told
    (report,) = site.runs()
    assert (report["status"], report["exit_code"]) == ("cancelled", 143)
    names = site.product.docker("ps", "--all", "--format", "{{.Names}}")
    assert f"report-{site.bucket}" not in names
