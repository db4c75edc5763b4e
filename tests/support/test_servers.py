"""The shared servers and images do what tests rely on."""

from __future__ import annotations

import ssl
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import docker
import httpx
import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.support.registry import RegistryServer
    from tests.support.s3 import S3Server


def test_the_secure_registry_wants_its_certificate_and_its_user(
    secure_registry: RegistryServer,
) -> None:
    trusting = ssl.create_default_context(cafile=str(secure_registry.ca))
    url = f"{secure_registry.url}/v2/"

    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(url, verify=ssl.create_default_context())
    anonymous = httpx.get(url, verify=trusting)
    known = httpx.get(
        url, verify=trusting, auth=(secure_registry.username, secure_registry.password)
    )

    assert (anonymous.status_code, known.status_code) == (401, 200)


def test_s3_keeps_objects_and_refuses_a_wrong_secret(s3: S3Server, bucket: str) -> None:
    with closing(s3.client()) as client:
        client.put_object(Bucket=bucket, Key="a/é.html", Body=b"<p>", ContentType="text/html")
        stored = client.get_object(Bucket=bucket, Key="a/é.html")
    with closing(replace(s3, secret_key="other").client()) as stranger, pytest.raises(ClientError):
        stranger.list_objects_v2(Bucket=bucket)

    assert (stored["Body"].read(), stored["ContentType"]) == (b"<p>", "text/html")


def test_the_kernel_image_imports_its_packages(kernel_image: str) -> None:
    with closing(docker.from_env()) as engine:
        printed = engine.containers.run(
            kernel_image,
            ["python", "-c", "import ipykernel, ipywidgets, pandas, sys; print(sys.executable)"],
            network_mode="none",
            remove=True,
        )

    assert printed == b"/opt/venv/bin/python\n"
