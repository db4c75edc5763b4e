"""Amazon's registry: its credentials and repositories come from the AWS API.

Region, profile and endpoint (AWS_PROFILE, AWS_ENDPOINT_URL_ECR) are boto3's own business.
"""

from __future__ import annotations

import base64
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004
    HTTPClientError,
    NoCredentialsError,
)

from kernel_containers.errors import (
    KernelContainersError,
    NotFound,
    Refused,
    TryAgain,
    Unauthorized,
    Unavailable,
)
from kernel_containers.registry.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.registry.settings import EcrHost, RegistrySettings

_RENEW = "renew the AWS credentials (aws sso login, or another AWS_PROFILE)"
_BUSY = frozenset({"ThrottlingException", "TooManyRequestsException", "Throttling", "SlowDown"})
_DENIED = re.compile(r"AccessDenied|Expired|Unrecognized|InvalidClientToken|Signature|Unauthorized")


class Ecr:
    """The AWS API of one account and region; the client is made when it is first needed."""

    def __init__(self, host: str, place: EcrHost, settings: RegistrySettings) -> None:
        self.host = host
        self._place = place
        self._settings = settings
        self._lock = threading.Lock()
        self._made: Any = None

    def credentials(self) -> Credentials | None:
        """Return a new password, good for twelve hours; None if this machine has no AWS account.

        Raises:
            Unauthorized: AWS does not accept this machine's credentials.
            Unavailable: AWS does not answer.
        """
        with self._errors("give a registry password"):
            try:
                answer = self._client().get_authorization_token()
            except NoCredentialsError:
                return None
            text = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
        username, _, password = text.partition(":")
        return Credentials(username, password)

    def repositories(self) -> tuple[str, ...]:
        """Return the names of all repositories, sorted."""
        names: list[str] = []
        with self._errors("list the repositories"):
            pages = self._client().get_paginator("describe_repositories")
            for page in pages.paginate(registryId=self._place.account):
                names += [each["repositoryName"] for each in page["repositories"]]
        return tuple(sorted(names))

    def has(self, repository: str) -> bool:
        """Whether a repository exists."""
        with self._errors(f"describe {repository}"):
            client = self._client()
            try:
                client.describe_repositories(
                    registryId=self._place.account, repositoryNames=[repository]
                )
            except client.exceptions.RepositoryNotFoundException:
                return False
        return True

    def create(self, repository: str) -> bool:
        """Create a repository; False if it existed already."""
        with self._errors(f"create {repository}"):
            client = self._client()
            try:
                client.create_repository(registryId=self._place.account, repositoryName=repository)
            except client.exceptions.RepositoryAlreadyExistsException:
                return False
        return True

    def close(self) -> None:
        """Close the connections to AWS."""
        if self._made is not None:
            self._made.close()

    def _client(self) -> Any:
        # Making a client takes 0.1 s and is not safe in several threads at once.
        with self._lock:
            if self._made is None:
                configuration = Config(
                    retries={"mode": "standard", "total_max_attempts": self._settings.attempts},
                    connect_timeout=self._settings.connect_timeout,
                    read_timeout=self._settings.timeout,
                    use_fips_endpoint=self._place.fips or None,
                )
                self._made = boto3.Session().client(
                    "ecr", region_name=self._place.region, config=configuration
                )
            return self._made

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._refused(doing, error) from error
        except (ConnectionError, HTTPClientError) as error:  # botocore's: no answer
            raise Unavailable(f"ECR was not able to {doing}.", why=str(error)) from error
        except BotoCoreError as error:  # no or unusable credentials, profile, endpoint, session
            raise Unauthorized(
                f"AWS was not asked to {doing}: its credentials can't be used.",
                why=str(error),
                todo=_RENEW,
            ) from error

    def _refused(self, doing: str, error: ClientError) -> KernelContainersError:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        what, why = f"ECR refused to {doing}.", str(error)
        if code in _BUSY:
            return TryAgain(what, why=why, todo="wait a minute")
        if _DENIED.search(code):
            return Unauthorized(
                what, why=why, todo=f"{_RENEW}, and check that its policy allows it"
            )
        if code == "RepositoryNotFoundException":
            return NotFound(what, why=why)
        if status >= 500:
            return Unavailable(f"ECR was not able to {doing}.", why=why, todo="try again later")
        return Refused(what, why=why)
