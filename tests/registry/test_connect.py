"""How registries are reached: scheme and certificates."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kernel_containers.errors import InvalidInput, NotFound, Unauthorized, Unavailable
from kernel_containers.registry.check import check
from kernel_containers.registry.connect import open_registry
from tests.registry.samples import Recorder, list_tags, login, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.registry import RegistryServer


def refusal(host: str, environ: dict[str, str], **changes: object) -> Exception:
    """Return what becomes of asking a registry that exists, without being logged in."""
    with (
        open_registry(host, settings(**changes), environ=environ) as opened,
        pytest.raises((Unavailable, Unauthorized)) as caught,
    ):
        list_tags(opened, "team/report")
    return caught.value


@pytest.fixture
def trusted(secure_registry: RegistryServer, tmp_path: Path) -> Path:
    """A folder like /etc/docker/certs.d that knows the registry."""
    folder = tmp_path / "certs.d"
    (folder / secure_registry.host).mkdir(parents=True)
    assert secure_registry.ca
    shutil.copy(secure_registry.ca, folder / secure_registry.host / "ca.crt")
    return folder


def test_this_machine_may_do_without_tls(registry: RegistryServer) -> None:
    with open_registry(registry.host, settings()) as opened:
        assert opened.transport.url == f"http://{registry.host}/"


def test_this_machine_is_asked_for_tls_where_it_speaks_it(
    secure_registry: RegistryServer,
) -> None:
    with open_registry(secure_registry.host, settings(ca_file=secure_registry.ca)) as opened:
        assert opened.transport.url == f"https://{secure_registry.host}/"


def test_a_certificate_that_nobody_vouches_for_is_an_error_with_advice(
    secure_registry: RegistryServer, tmp_path: Path
) -> None:
    error = refusal(secure_registry.host, {}, certs_folder=tmp_path)

    assert isinstance(error, Unavailable)
    assert f"The certificate of {secure_registry.host} is not trusted" in str(error)
    assert f"{tmp_path / secure_registry.host}/ca.crt" in str(error)


def test_a_certificate_is_trusted_by_each_of_three_ways(
    secure_registry: RegistryServer, trusted: Path
) -> None:
    ca = secure_registry.ca
    by_docker = refusal(secure_registry.host, {}, certs_folder=trusted)
    by_settings = refusal(secure_registry.host, {}, ca_file=ca)
    by_environment = refusal(secure_registry.host, {"SSL_CERT_FILE": str(ca)})

    # They all come as far as the question who asks.
    assert {type(by_docker), type(by_settings), type(by_environment)} == {Unauthorized}


def test_the_certificate_of_one_host_is_not_trusted_for_another(
    secure_registry: RegistryServer, trusted: Path
) -> None:
    port = secure_registry.host.partition(":")[2]

    error = refusal(f"localhost:{port}", {}, certs_folder=trusted)

    assert "certificate of localhost" in str(error)


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_unusable_certificate_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.crt"
    if content:
        file.write_text(content)

    with pytest.raises(InvalidInput, match=str(file)):
        open_registry("registry.example.com", settings(ca_file=file))


def test_another_name_for_this_machine_has_to_speak_tls(registry: RegistryServer) -> None:
    port = registry.host.partition(":")[2]

    error = refusal(f"127.1:{port}", {})

    assert f"127.1:{port} does not speak TLS" in str(error)


def test_nothing_at_all_is_told_at_once() -> None:
    with Recorder(200, {}) as server:
        host = server.host

    with pytest.raises(Unavailable, match=f"Nothing answers at {host}"):
        open_registry(host, settings())


def test_other_hosts_are_not_contacted_before_they_are_needed() -> None:
    with open_registry("registry.example.com", settings()) as opened:
        assert opened.transport.url == "https://registry.example.com/"


def test_aws_is_only_loaded_for_its_own_registry() -> None:
    script = (
        "import sys; from kernel_containers.registry.connect import open_registry;"
        "open_registry('registry.example.com').close(); a = 'boto3' in sys.modules;"
        "open_registry('123456789012.dkr.ecr.eu-west-1.amazonaws.com').close();"
        "print(a, 'boto3' in sys.modules)"
    )

    printed = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert printed.stdout == "False True\n"


def test_a_registry_greets_who_may_enter(password_registry: RegistryServer, tmp_path: Path) -> None:
    server = password_registry
    right = login(tmp_path / "right.json", server.host, server.username, server.password)
    wrong = login(tmp_path / "wrong.json", server.host, server.username, "wrong")

    with open_registry(server.host, settings(docker_config=right)) as opened:
        assert f"http://{server.host}" in check(opened)
    with (
        open_registry(server.host, settings(docker_config=wrong)) as opened,
        pytest.raises(Unauthorized, match="docker login"),
    ):
        check(opened)


def test_docker_hub_has_its_api_elsewhere() -> None:
    with open_registry("docker.io", settings()) as opened:
        assert opened.transport.url == "https://registry-1.docker.io/"


@pytest.mark.parametrize("host", ["", "a/b", "user@host", "host:port"])
def test_what_is_not_a_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput):
        open_registry(host, settings())


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    with open_registry(registry.host, settings()) as opened:
        assert not opened.transport.url.startswith("https")
        with pytest.raises(NotFound):
            list_tags(opened, "tests/absent")


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    with (
        Recorder(200, {}, b" " * (9 * 1024 * 1024)) as server,
        open_registry(server.host, settings()) as opened,
        pytest.raises(Unavailable, match="sent more than"),
    ):
        list_tags(opened, "team/report")


def test_a_login_is_looked_up_only_when_the_registry_asks(
    registry: RegistryServer, tmp_path: Path
) -> None:
    config = login(tmp_path / "config.json", registry.host, "ann", "x")
    config.write_text("{ not JSON")

    with (
        open_registry(registry.host, settings(docker_config=config)) as opened,
        pytest.raises(NotFound),
    ):
        list_tags(opened, "tests/absent")


@pytest.mark.parametrize("host", ["", ".", "._m:", "a..b", "x" * 64, "a/b", "a@b", "a:99999"])
def test_what_no_look_up_would_take_is_no_host(host: str) -> None:
    with pytest.raises(InvalidInput, match="is not a registry's host"):
        open_registry(host, settings())
