"""A report each Monday, and at any time with other parameters: a file for Airflow's DAGs folder."""

import re
from datetime import datetime, timedelta, timezone

from airflow.providers.docker.exceptions import DockerContainerFailedException
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowFailException
from docker.types import Mount

WORTH_A_RETRY = {74, 138, 143}  # exit codes


class NotebookOperator(DockerOperator):
    """Runs the image; what would fail again in the same way is not tried again."""

    def execute(self, context):
        try:
            return super().execute(context)
        except DockerContainerFailedException as error:
            found = re.search(r"'StatusCode': ([0-9]+)", str(error))
            if found is None or int(found[1]) in WORTH_A_RETRY:
                raise
            raise AirflowFailException(f"The notebook ended with {found[1]}.") from error


with DAG(
    dag_id="report",
    schedule="30 6 * * 1",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    params={
        "region": Param("north", enum=["north", "south", "east", "west"]),
        "weeks": Param(13, type="integer", minimum=1),
    },
):
    # What it returns, for tasks after it, is the last line of the log: the run's end as JSON.
    NotebookOperator(
        task_id="run",
        image="registry.example/team/report:1",
        force_pull=True,
        # A list: each item is one argument, whatever somebody typed into it.
        command=[
            *("-p", "region", "{{ params.region }}"),
            *("-p", "weeks", "{{ params.weeks }}"),
            *("--timeout=3300", "--log-format=json"),
        ],
        environment={
            "KERNEL_CONTAINERS_OUTPUT": "s3://bucket/reports",
            "AWS_SHARED_CREDENTIALS_FILE": "/run/secrets/aws-credentials",
        },
        mounts=[Mount("/run/secrets", "/etc/report", type="bind", read_only=True)],
        mount_tmp_dir=False,
        mem_limit="2g",
        network_mode="bridge",
        auto_remove="force",
        execution_timeout=timedelta(hours=1),
        retries=2,
        retry_delay=timedelta(minutes=5),
    )
