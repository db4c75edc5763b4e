"""How this machine talks to registries."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/general/latest/gr/ecr.html, and the dual-stack names beside them.
_ECR_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)"
)


@dataclass(frozen=True, slots=True)
class EcrHost:
    """The AWS account and region whose ECR a host speaks for."""

    account: str
    region: str
    fips: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """Waits and places. Durations are seconds."""

    timeout: float = 120.0  # of silence; storing a layer of 1 GB keeps some registries quiet for 60
    connect_timeout: float = 10.0
    attempts: int = 5  # of one request or blob, the first included
    first_wait: float = 1.0  # before the second attempt; each later wait is twice as long
    longest_wait: float = 30.0  # a registry that asks for more (Retry-After) is given up
    report_interval: float = 0.1  # at least, between two reports of progress within a blob
    concurrency: int = 4  # blobs on their way at the same time
    ca_file: Path | None = None  # PEM; trusted besides the system's certificates
    certs_folder: Path = Path("/etc/docker/certs.d")  # <host[:port]>/*.crt, as Docker has it
    docker_config: Path | None = None  # a config.json; None: $DOCKER_CONFIG or ~/.docker
    helper_timeout: float = 60.0  # for a credential helper, which may ask the user something
    ecr_hosts: Mapping[str, EcrHost] = field(
        default_factory=dict
    )  # hosts that stand for ECR under another name: a VPC endpoint, a proxy


def ecr_host(host: str, settings: RegistrySettings) -> EcrHost | None:
    """Return the account and region of an ECR host, None for any other registry."""
    if host in settings.ecr_hosts:
        return settings.ecr_hosts[host]
    found = _ECR_HOST.fullmatch(host)
    return EcrHost(found["account"], found["region"], bool(found["fips"])) if found else None
