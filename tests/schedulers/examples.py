"""The files that users copy, and what a test fills in where they fill in theirs."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.acceptance.product import DOCKER, Product

if TYPE_CHECKING:
    from tests.support.s3 import S3Server

FOLDER = Path(__file__).parents[2] / "examples" / "schedulers"
IMAGE = "registry.example/team/report:1"
OUTPUT = "s3://bucket/reports"
SECRETS = "/etc/report"
TOKEN = "wrong-horse-battery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A user's own image, store and secrets. The notebook ends with a `region` that is a number,
    and waits to be stopped where it is `wait`."""

    product: Product
    image: str
    s3: S3Server
    bucket: str
    secrets: Path

    def fill_in(self, name: str) -> str:
        """Return an example's text with this site's names in it."""
        text = (FOLDER / name).read_text()
        for example, own in (
            (IMAGE, self.image),
            (OUTPUT, f"s3://{self.bucket}/reports"),
            (SECRETS, str(self.secrets)),
        ):
            text = text.replace(example, own)
        return text

    def reach_store(self, command: str) -> str:
        """Return a command whose `docker run` reaches the store, on this machine's loopback."""
        assert command.count("docker run ") == 1
        words = f"docker run --network=host --env=AWS_ENDPOINT_URL_S3={self.s3.endpoint} "
        return command.replace("docker run ", words)

    def runs(self) -> list[dict[str, Any]]:
        """Return the reports of all runs, the newest first, as `runs --prefix` finds them."""
        return list(self.product.json("runs", "--prefix", f"s3://{self.bucket}/reports"))

    def latest(self) -> dict[str, Any]:
        """Return what `latest.json` names."""
        with closing(self.s3.client()) as client:
            found = client.get_object(Bucket=self.bucket, Key="reports/report/latest.json")
            value: dict[str, Any] = json.loads(found["Body"].read())
        return value

    def has_container(self, name: str) -> bool:
        """Whether the engine has a container of that name, in any state."""
        listed = self.product.docker("ps", "--all", "--format", "{{.Names}}")
        return name in listed.split()


def given(report: dict[str, Any]) -> tuple[str, int]:
    """Return the region and weeks of a run, whose token is masked."""
    parameters = report["parameters"]
    assert parameters["token"] == "********"
    return parameters["region"], parameters["weeks"]


__all__ = ["DOCKER", "FOLDER", "IMAGE", "OUTPUT", "SECRETS", "TOKEN", "Site", "given"]
