"""Credentials from Docker's config.json and from helpers."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest

from kernel_containers.errors import InvalidInput, NotFound, Unauthorized, Unavailable
from kernel_containers.registry.credentials import Credentials, find_credentials
from kernel_containers.registry.docker_config import config_path, read_docker_config

if TYPE_CHECKING:
    from pathlib import Path

HOST = "registry.example.com:5000"
SECRET = "s3cret:with colon"


def encoded(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


class Machine:
    """A home with a config.json, and a PATH with credential helpers."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config.json"
        self.programs = folder / "bin"
        self.programs.mkdir()

    def write(self, **config: object) -> None:
        self.config.write_text(json.dumps(config))

    def add_helper(self, name: str, script: str) -> None:
        program = self.programs / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def find(self, host: str = HOST, timeout: float = 20.0) -> Credentials | None:
        return find_credentials(
            host,
            read_docker_config(self.config),
            environ={"PATH": f"{self.programs}:{os.environ['PATH']}"},
            timeout=timeout,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_machine_without_a_configuration_has_no_credentials(machine: Machine) -> None:
    assert machine.find() is None


@pytest.mark.parametrize(
    "server", [HOST, f"https://{HOST}", f"http://{HOST}/", f"https://{HOST}/v1/", f"{HOST}/v2/"]
)
def test_an_entry_is_found_under_every_form_of_its_host(machine: Machine, server: str) -> None:
    machine.write(auths={server: {"auth": encoded("ann", SECRET)}})

    assert machine.find() == Credentials("ann", SECRET)


def test_an_entry_of_another_host_is_not_used(machine: Machine) -> None:
    machine.write(auths={"registry.example.com": {"auth": encoded("ann", SECRET)}})

    assert machine.find() is None


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_one_login_under_all_its_names(machine: Machine, host: str) -> None:
    machine.write(auths={"https://index.docker.io/v1/": {"auth": encoded("ann", SECRET)}})

    assert machine.find(host) == Credentials("ann", SECRET)


def test_an_identity_token_is_told_from_a_password(machine: Machine) -> None:
    machine.write(auths={HOST: {"auth": encoded("ann", ""), "identitytoken": SECRET}})

    assert machine.find() == Credentials("ann", SECRET, is_identity_token=True)


def test_zero_bytes_after_a_password_are_padding(machine: Machine) -> None:
    machine.write(auths={HOST: {"auth": encoded("ann", SECRET + "\0\0")}})

    assert machine.find() == Credentials("ann", SECRET)


@pytest.mark.parametrize("auth", ["%%%", base64.b64encode(b"nocolon").decode(), "w6c", "//8="])
def test_a_malformed_entry_is_named_without_its_content(machine: Machine, auth: str) -> None:
    machine.write(auths={HOST: {"auth": auth}})

    with pytest.raises(InvalidInput) as caught:
        machine.find()

    assert HOST in str(caught.value)
    assert auth not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"auths": []}', '{"auths": {"h": 1}}', '{"credsStore": 1}']
)
def test_a_malformed_file_is_an_error_not_an_empty_one(machine: Machine, text: str) -> None:
    machine.config.write_text(text)

    with pytest.raises(InvalidInput, match=r"config\.json"):
        machine.find()


def test_a_file_that_can_not_be_read_is_an_error_not_an_empty_one(machine: Machine) -> None:
    machine.config.mkdir()

    with pytest.raises(InvalidInput, match="can't be read"):
        machine.find()


def test_a_helper_is_asked_for_the_host(machine: Machine) -> None:
    machine.add_helper(
        "vault",
        '[ "$1" = get ] && read -r server;'
        'echo "{\\"Username\\":\\"ann\\",\\"Secret\\":\\"for $server\\"}"',
    )
    machine.write(credsStore="vault", auths={HOST: {}})

    assert machine.find() == Credentials("ann", f"for {HOST}")


def test_the_helper_of_a_host_goes_before_the_general_one(machine: Machine) -> None:
    machine.add_helper("general", 'echo \'{"Username": "general", "Secret": "x"}\'')
    machine.add_helper("special", 'echo \'{"Username": "special", "Secret": "x"}\'')
    machine.write(credsStore="general", credHelpers={HOST: "special"})

    found, other = machine.find(), machine.find("other.example.com")

    assert found == Credentials("special", "x")
    assert other == Credentials("general", "x")


def test_a_helper_may_hold_an_identity_token(machine: Machine) -> None:
    machine.add_helper("vault", 'echo \'{"Username": "<token>", "Secret": "t"}\'')
    machine.write(credsStore="vault")

    found = machine.find()

    assert found is not None
    assert (found.secret, found.is_identity_token) == ("t", True)


def test_the_file_is_used_where_the_helper_has_nothing(machine: Machine) -> None:
    machine.add_helper("vault", "echo credentials not found in native keychain; exit 1")
    machine.write(credsStore="vault", auths={HOST: {"auth": encoded("ann", SECRET)}})

    assert machine.find() == Credentials("ann", SECRET)
    assert machine.find("other.example.com") is None


def test_a_helper_that_fails_is_not_one_that_has_nothing(machine: Machine) -> None:
    machine.add_helper("vault", "echo the keychain is locked; exit 1")
    machine.write(credsStore="vault", auths={HOST: {"auth": encoded("ann", SECRET)}})

    with pytest.raises(Unauthorized, match="the keychain is locked"):
        machine.find()


def test_a_missing_helper_is_named(machine: Machine) -> None:
    machine.write(credHelpers={HOST: "absent"})

    with pytest.raises(NotFound, match="docker-credential-absent, which is not installed"):
        machine.find()


def test_a_helper_that_says_nothing_is_not_waited_for_without_end(machine: Machine) -> None:
    machine.add_helper("vault", "exec sleep 60")
    machine.write(credsStore="vault")

    with pytest.raises(Unavailable, match=r"did not answer within 0\.2 s"):
        machine.find(timeout=0.2)


def test_what_a_helper_says_by_mistake_is_not_shown(machine: Machine) -> None:
    machine.add_helper("vault", 'echo \'{"Secret": 1, "password": "hunter2"}\'')
    machine.write(credsStore="vault")

    with pytest.raises(Unavailable) as caught:
        machine.find()

    assert "hunter2" not in str(caught.value)


def test_a_helpers_name_is_not_a_path(machine: Machine) -> None:
    machine.write(credsStore="../../bin/sh")

    with pytest.raises(InvalidInput, match="not the name of a credential helper"):
        machine.find()


def test_credentials_do_not_show_their_secret() -> None:
    assert SECRET not in repr(Credentials("ann", SECRET))


def test_the_configuration_is_where_docker_looks(tmp_path: Path) -> None:
    assert config_path({"DOCKER_CONFIG": "/etc/d", "HOME": "/h"}) == tmp_path / "/etc/d/config.json"
    assert config_path({"HOME": "/h"}) == tmp_path / "/h/.docker/config.json"
