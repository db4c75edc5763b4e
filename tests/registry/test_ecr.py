"""ECR: AWS credentials, repositories that must exist, tags that may be fixed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from kernel_containers.core import oci
from kernel_containers.core.reference import ImageReference, Repository
from kernel_containers.errors import NotFound, Refused, Unauthorized, Unavailable
from kernel_containers.registry.connect import open_registry
from kernel_containers.registry.known import KnownBlobs
from kernel_containers.registry.pull import pull
from kernel_containers.registry.push import push
from kernel_containers.registry.repositories import (
    create_repository,
    list_repositories,
    must_create,
)
from kernel_containers.registry.settings import EcrHost, RegistrySettings, ecr_host
from kernel_containers.registry.tags import tag_digest
from tests.registry.samples import list_tags, login, make_image, make_layer, settings
from tests.support.ecr_bridge import ACCOUNT, EXPIRED_ACCESS_KEY, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel_containers.core.oci import BuiltImage
    from kernel_containers.registry.client import Registry
    from tests.support.ecr_bridge import EcrBridge


def to(registry: Registry, path: str, tag: str = "v1") -> ImageReference:
    return ImageReference(Repository(registry.host, path), tag)


def here(bridge: EcrBridge) -> RegistrySettings:
    return settings(ecr_hosts={bridge.host: EcrHost(ACCOUNT, REGION)})


@pytest.fixture
def aws(ecr: EcrBridge, monkeypatch: pytest.MonkeyPatch) -> EcrBridge:
    """The ECR that this process's AWS variables lead to."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in ecr.environment.items():
        monkeypatch.setenv(name, value)
    return ecr


@pytest.fixture
def connected(aws: EcrBridge) -> Iterator[Registry]:
    """A connection to it."""
    with open_registry(aws.host, here(aws)) as opened:
        yield opened


@pytest.fixture
def repository(aws: EcrBridge, path: str) -> str:
    """A repository that exists."""
    with closing(aws.client()) as client:
        client.create_repository(repositoryName=path)
    return path


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", EcrHost(ACCOUNT, "eu-west-1")),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", EcrHost(ACCOUNT, "cn-north-1")),
        (f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com", EcrHost(ACCOUNT, "us-east-1", True)),
        (f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws", EcrHost(ACCOUNT, "us-east-1")),
        ("ecr.example.com", EcrHost("1", "r")),
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com.example.com", None),
        (f"x{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("public.ecr.aws", None),
    ],
)
def test_a_host_tells_account_and_region(host: str, expected: EcrHost | None) -> None:
    named = RegistrySettings(ecr_hosts={"ecr.example.com": EcrHost("1", "r")})

    assert ecr_host(host, named) == expected


def test_an_image_is_pushed_and_pulled(
    aws: EcrBridge, connected: Registry, image: BuiltImage, repository: str, tmp_path: Path
) -> None:
    result = push(image, to(connected, repository), connected)

    pulled = pull(to(connected, repository), connected, tmp_path / "pulled")
    assert pulled.digest == image.digest == result.descriptor.digest
    assert list_tags(connected, repository) == ("v1",)
    with closing(aws.client()) as client:
        listed = client.describe_images(repositoryName=repository)["imageDetails"]
    assert [(each["imageDigest"], each["imageTags"]) for each in listed] == [
        (str(image.digest), ["v1"])
    ]


def test_a_mount_that_ecr_takes_for_an_upload_is_one(
    aws: EcrBridge, connected: Registry, image: BuiltImage, repository: str, tmp_cache: Path
) -> None:
    known = KnownBlobs(tmp_cache / "known.json")
    push(image, to(connected, repository), connected, known=known)
    with closing(aws.client()) as client:
        client.create_repository(repositoryName=f"{repository}-other")

    result = push(image, to(connected, f"{repository}-other"), connected, known=known)

    assert len(result.blobs_sent) == 3


def test_a_missing_repository_is_an_error_that_says_how_to_make_it(
    connected: Registry, image: BuiltImage, path: str
) -> None:
    with pytest.raises(NotFound) as caught:
        push(image, to(connected, path), connected)

    command = f"kernel-containers repositories create {connected.host}/{path}"
    assert command in str(caught.value)


def test_a_repository_is_created_once(connected: Registry, image: BuiltImage, path: str) -> None:
    before = must_create(connected, path)
    created = create_repository(connected, path)
    again = create_repository(connected, path)

    assert (before, created, again) == (True, True, False)
    assert not must_create(connected, path)
    push(image, to(connected, path), connected)


def test_repositories_of_all_pages_are_listed(aws: EcrBridge, connected: Registry) -> None:
    names = [f"pages/{number}" for number in range(5)]
    with closing(aws.client()) as client:
        for name in names:
            client.create_repository(repositoryName=name)

    found = list_repositories(connected)

    assert [name for name in found if name.startswith("pages/")] == names


def test_a_fixed_tag_is_not_moved(
    aws: EcrBridge, connected: Registry, image: BuiltImage, path: str, tmp_path: Path
) -> None:
    with closing(aws.client()) as client:
        client.create_repository(repositoryName=path, imageTagMutability="IMMUTABLE")
    push(image, to(connected, path), connected)
    other = make_image(tmp_path, make_layer(tmp_path, {"a": b"other"}))

    with pytest.raises(Refused, match="push under another tag"):
        push(other, to(connected, path), connected)

    assert tag_digest(connected, to(connected, path)) == image.digest


def test_pushing_what_a_fixed_tag_names_already_is_no_error(
    aws: EcrBridge, connected: Registry, image: BuiltImage, path: str
) -> None:
    with closing(aws.client()) as client:
        client.create_repository(repositoryName=path, imageTagMutability="IMMUTABLE")
    push(image, to(connected, path), connected)

    result = push(image, to(connected, path), connected)

    assert result.blobs_sent == ()


def test_a_token_that_has_expired_is_renewed(
    aws: EcrBridge, connected: Registry, image: BuiltImage, repository: str
) -> None:
    assert tag_digest(connected, to(connected, repository)) is None
    aws.expire_tokens()

    push(image, to(connected, repository), connected)

    assert tag_digest(connected, to(connected, repository)) == image.digest


def test_aws_credentials_that_have_expired_are_named(
    connected: Registry, image: BuiltImage, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", EXPIRED_ACCESS_KEY)

    with pytest.raises(Unauthorized, match="ExpiredToken") as caught:
        push(image, to(connected, repository), connected)
    with pytest.raises(Unauthorized, match="renew the AWS credentials"):
        must_create(connected, repository)

    assert "renew the AWS credentials" in str(caught.value)


def test_without_an_aws_account_a_docker_login_is_used(
    aws: EcrBridge, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_registry(aws.host, here(aws)) as opened:
        assert opened.ecr
        credentials = opened.ecr.credentials()
    assert credentials
    config = login(tmp_path / "config.json", aws.host, "AWS", credentials.secret)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    place = {aws.host: EcrHost(ACCOUNT, REGION)}

    with open_registry(aws.host, settings(ecr_hosts=place, docker_config=config)) as opened:
        tagged = tag_digest(opened, to(opened, repository))
        with pytest.raises(Unauthorized, match="Unable to locate credentials"):
            list_repositories(opened)

    assert tagged is None


def test_without_any_credentials_the_advice_is_about_aws(
    aws: EcrBridge, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with (
        open_registry(aws.host, here(aws)) as opened,
        pytest.raises(Unauthorized, match="AWS_PROFILE"),
    ):
        list_tags(opened, repository)


def test_a_profile_that_does_not_exist_is_named(
    connected: Registry, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "absent")

    with pytest.raises(Unauthorized, match=r"profile \(absent\) could not be found"):
        must_create(connected, repository)


def test_aws_that_does_not_answer_is_not_a_missing_repository(
    aws: EcrBridge, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:1")
    place = {aws.host: EcrHost(ACCOUNT, REGION)}

    with (
        open_registry(aws.host, settings(ecr_hosts=place, attempts=1)) as opened,
        pytest.raises(Unavailable, match="ECR was not able to describe"),
    ):
        must_create(opened, repository)


def test_the_bridge_drops_a_second_stream_as_ecr_does(
    aws: EcrBridge, connected: Registry, repository: str
) -> None:
    assert connected.ecr
    credentials = connected.ecr.credentials()
    assert credentials
    headers = {"Authorization": credentials.basic, "Accept": oci.MANIFEST}
    with httpx.Client(base_url=f"http://{aws.host}", headers=headers) as client:
        start = client.post(f"/v2/{repository}/blobs/uploads/")
        first = client.patch(start.headers["Location"], content=b"a")
        second = client.patch(first.headers["Location"], content=b"b")
        digest = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # of "a"
        end = client.put(f"{second.headers['Location']}&digest={digest}")

    assert [each.status_code for each in (start, first, second, end)] == [202, 201, 201, 201]
