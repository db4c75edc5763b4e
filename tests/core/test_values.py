"""Digests, sizes, places, names and JSON forms."""

from __future__ import annotations

import json

import pytest

from kernel_containers.core.containers import parse_size
from kernel_containers.core.contract import (
    Contract,
    KernelCommand,
    contract_from_json,
    contract_to_json,
)
from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import Descriptor, ImageConfig, Manifest, Platform
from kernel_containers.core.oci_json import (
    canonical,
    config_from_json,
    config_to_json,
    manifest_from_json,
    manifest_to_json,
)
from kernel_containers.core.parameters import Edit, Parameter, check_names, json_schema
from kernel_containers.core.redaction import (
    hide_user_info,
    is_secret_name,
    is_secret_value,
    names_secret,
)
from kernel_containers.core.uris import OutputUris, Uri
from kernel_containers.errors import InvalidInput


def test_the_empty_digest_is_the_known_one() -> None:
    # FIPS 180-4's value for the empty message.
    assert Digest.of(b"").hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("text", ["", "sha256:", "md5:" + "a" * 32, "sha256:" + "A" * 64])
def test_a_malformed_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Digest.parse(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        ("1k", 1024),
        ("512m", 512 * 1024**2),
        ("1.5G", 3 * 1024**3 // 2),
        ("4gb", 4 * 1024**3),
    ],
)
def test_sizes_have_binary_units_as_docker_does(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1g", "0", "1x", "nan", "inf", "1e999"])
def test_a_malformed_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/data/runs/", "file:///data/runs"),
        ("file:///data/a%20b", "file:///data/a%20b"),
        ("s3://bucket", "s3://bucket/"),
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
        ("s3://bucket/a?b#c", "s3://bucket/a?b#c"),
    ],
)
def test_places_for_outputs(text: str, shown: str) -> None:
    assert str(Uri.parse(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "runs", "file:runs", "http://x/y", "s3://", "s3:///a", "file://host/x"]
)
def test_other_places_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Uri.parse(text)


def test_outputs_lie_below_notebook_and_run() -> None:
    outputs = OutputUris.below(Uri.parse("s3://bucket/p"), "report", "20260101T000000Z-abcdef")

    assert str(outputs.html) == "s3://bucket/p/report/20260101T000000Z-abcdef/notebook.html"
    assert str(outputs.latest) == "s3://bucket/p/report/latest.json"


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "apiKey",
        "API_KEY",
        "github_token",
        "secret",
        "AWS_SECRET_ACCESS_KEY",
        "authToken",
    ],
)
def test_names_that_give_secrets_away(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["region", "tokenizer", "keyboard", "author", "passenger_count", "primary_key"]
)
def test_names_that_do_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    "token_count max_tokens pad_token eos_token token_type_ids token2id start_token key_column "  # noqa: SIM905
    "password_length secret_santa use_auth has_token n_secret token_price auth_method pwd_dir "
    "api_key_name low_pass sort_key show_password access_key_id".split(),
)
def test_names_that_only_speak_of_a_secret(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    "name",
    "db_pass PGPASSWORD smtp_pass dbpass pw user_pw account_key signing_key X-API-Key Passwort "  # noqa: SIM905
    "creds session_key api_token2 hf_token".split(),
)
def test_names_that_hold_a_secret(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        ("Server=db;User Id=sa;Password=hunter2;", True),
        ("host=db user=me password=hunter2", True),
        ("postgresql://me:hunter2@db/x", True),
        ("postgresql://{user}:{password}@db/x", False),
        ("Server=db;Password={password};", False),
        ("a text; the password = is below", False),
    ],
)
def test_connection_strings_with_a_password_are_secrets(text: str, is_secret: bool) -> None:
    assert is_secret_value(text) is is_secret


def test_user_and_password_in_addresses_are_hidden() -> None:
    assert "hunter2" not in hide_user_info("see https://me:hunter2@example.org/x")


def test_a_contract_survives_json() -> None:
    edit = Edit(cell=1, cell_id="a", start=4, end=5, source_sha256="0" * 64)
    contract = Contract(
        notebook="/srv/report.ipynb",
        working_directory="/work",
        kernel=KernelCommand(name="k", language="python", argv=("python",), environment={"A": "b"}),
        parameters=(Parameter(name="n", type="int", default=1, edits=(edit,)),),
    )

    assert contract_from_json(json.loads(json.dumps(contract_to_json(contract)))) == contract


def test_a_contract_of_another_version_is_refused() -> None:
    with pytest.raises(InvalidInput, match="version 2"):
        contract_from_json({"contract": 2})


def test_manifests_and_configs_survive_json() -> None:
    descriptor = Descriptor(media_type="x", digest=Digest.of(b""), size=0)
    manifest = Manifest(config=descriptor, layers=(descriptor,), annotations={"a": "é"})
    config = ImageConfig(
        platform=Platform("linux", "arm64", "v8"),
        diff_ids=(Digest.of(b""),),
        environment=("A=b",),
        entrypoint=("python",),
        labels={"a": "b"},
        created="2026-01-01T00:00:00Z",
    )

    again = config_from_json(json.loads(canonical(config_to_json(config))))

    assert manifest_from_json(manifest_to_json(manifest), "") == manifest
    assert canonical(config_to_json(again)) == canonical(config_to_json(config))


def test_fields_of_a_base_config_that_we_do_not_know_are_carried_on() -> None:
    value = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"StopSignal": "SIGQUIT", "User": "me"},
    }

    assert config_to_json(config_from_json(value))["config"]["StopSignal"] == "SIGQUIT"


def test_the_schema_hides_the_default_of_a_secret() -> None:
    schema = json_schema(
        (
            Parameter(name="n", type="int", default=3, description="how many"),
            Parameter(name="key", type="str", secret=True, required=True),
        )
    )

    assert schema["properties"]["n"] == {
        "type": "integer",
        "x-type": "int",
        "default": 3,
        "description": "how many",
    }
    assert "default" not in schema["properties"]["key"]
    assert schema["required"] == ["key"]


def test_a_parameter_declared_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        check_names((Parameter(name="a", type="int"), Parameter(name="a", type="str")))


def test_a_default_that_is_data_rather_than_a_setting_is_left_out_of_the_schema() -> None:
    parameters = tuple(
        Parameter(name=name, type="str", default=default)
        for name, default in (("short", "x" * 4000), ("long", "x" * 5000))
    )

    properties = json_schema(parameters)["properties"]

    assert properties["short"]["default"] == "x" * 4000
    assert "default" not in properties["long"]
    assert json_schema(parameters)["required"] == []
