"""AWS Batch, simulated by moto: it takes the files as they are, and runs the job for real."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.schedulers.examples import FOLDER, given
from tests.support.process import start_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.schedulers.examples import Site

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]
REGION = "eu-central-1"
PATIENCE = 300  # seconds


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Return clients of the simulation, whose containers use this machine's network."""
    server, found = start_server(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        tmp_path_factory.mktemp("moto") / "log",
        r"Running on (http://127\.0\.0\.1:\d+)",
        {**os.environ, "MOTO_DOCKER_NETWORK_MODE": "host"},
    )

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=found[1],
            region_name=REGION,
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    yield client
    server.stop()


def queue(connect: Callable[[str], Any]) -> str:
    """Return the name of a queue of jobs, with the roles and networks that it has to have."""
    with closing(connect("iam")) as iam:
        made = iam.create_role(RoleName="batch", AssumeRolePolicyDocument="{}")
        role = made["Role"]["Arn"]
    with closing(connect("batch")) as batch:
        batch.create_compute_environment(
            computeEnvironmentName="all", type="UNMANAGED", state="ENABLED", serviceRole=role
        )
        batch.create_job_queue(
            jobQueueName="reports",
            state="ENABLED",
            priority=1,
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "all"}],
        )
    return "reports"


def test_batch_runs_the_definition_with_the_parameters_of_a_schedule(
    connect: Callable[[str], Any], site: Site
) -> None:
    definition = json.loads(site.fill_in("aws/job-definition.json"))
    (target,) = json.loads((FOLDER / "aws" / "schedule-targets.json").read_text())["Targets"]
    environment = site.s3.environment() | {"token": (site.secrets / "token").read_text().strip()}
    name = queue(connect)

    with closing(connect("batch")) as batch:
        batch.register_job_definition(**definition)
        submitted = batch.submit_job(
            jobName=target["BatchParameters"]["JobName"],
            jobDefinition=target["BatchParameters"]["JobDefinition"],
            jobQueue=name,
            parameters=json.loads(target["Input"])["Parameters"],
            # What a role and Secrets Manager give.
            containerOverrides={
                "environment": [{"name": key, "value": text} for key, text in environment.items()]
            },
        )
        deadline = time.monotonic() + PATIENCE
        state = ""
        while state not in ("SUCCEEDED", "FAILED"):
            assert time.monotonic() < deadline, state
            time.sleep(0.5)
            (job,) = batch.describe_jobs(jobs=[submitted["jobId"]])["jobs"]
            state = job["status"]

    assert state == "SUCCEEDED", job
    (report,) = site.runs()
    assert given(report) == ("south", 26)


def test_eventbridge_takes_the_rules_and_their_targets(connect: Callable[[str], Any]) -> None:
    with closing(connect("events")) as events:
        for name in ("schedule", "upload"):
            rule = json.loads((FOLDER / "aws" / f"{name}-rule.json").read_text())
            targets = json.loads((FOLDER / "aws" / f"{name}-targets.json").read_text())
            events.put_rule(**rule)

            assert events.put_targets(**targets)["FailedEntryCount"] == 0
