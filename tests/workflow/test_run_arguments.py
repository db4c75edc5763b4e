"""What of a run's parameters becomes an argument, a file or a secret."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.errors import InvalidInput, NotFound
from kernel_containers.workflow.runs.run_arguments import RunOptions, place_arguments

if TYPE_CHECKING:
    from pathlib import Path

OPEN: dict[str, Any] = {"properties": {"n": {}}}
SECRET: dict[str, Any] = {"properties": {"n": {}, "key": {"writeOnly": True}}}


def options(**given: Any) -> RunOptions:
    return RunOptions(image="x", **given)


def test_values_of_any_form_stay_as_they_are() -> None:
    pairs = (("n", "-5"), ("m", ""), ("o", 'ü\n"'), ("p", "@s3://bucket/key"))

    arguments, files, secrets = place_arguments(options(parameters=pairs), OPEN)

    assert arguments == [item for pair in pairs for item in ("-p", *pair)]
    assert (files, secrets) == ({}, {})


def test_a_file_is_placed_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "ü b.yaml").write_text("n: 1")
    path = str(tmp_path / "ü b.yaml")

    arguments, files, _ = place_arguments(
        options(parameters=(("n", f"@{path}"),), files=(path,)), OPEN
    )

    first, second = (
        "/run/kernel-containers/files/0/ü b.yaml",
        "/run/kernel-containers/files/1/ü b.yaml",
    )
    assert arguments == ["-p", "n", f"@{first}", "-f", second]
    assert files == {first: b"n: 1", second: b"n: 1"}


def test_the_value_of_a_secret_parameter_is_never_an_argument(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file")

    given = [
        options(parameters=(("key", "hunter2"),)),
        options(raw_parameters=(("key", "hunter2"),)),
        options(parameters=(("key", f"@{tmp_path}/key"),)),
        options(secrets={"key": "hunter2"}),
    ]

    found = [place_arguments(one, SECRET) for one in given]

    assert [secrets["key"] for _, _, secrets in found] == [
        "hunter2",
        "hunter2",
        "from-file",
        "hunter2",
    ]
    assert all(not arguments and not files for arguments, files, _ in found)


def test_documents_that_may_hold_a_secret_become_files_in_the_order_of_the_image(
    tmp_path: Path,
) -> None:
    (tmp_path / "f.yaml").write_text("key: f")
    given = options(
        yaml=("key: y",),
        files=(str(tmp_path / "f.yaml"),),
        base64=(base64.b64encode(b"key: b").decode(),),
    )

    arguments, files, _ = place_arguments(given, SECRET)

    assert arguments[0::2] == ["-f", "-f", "-f"]
    assert [files[path] for path in arguments[1::2]] == [b"key: b", b"key: f", b"key: y"]


def test_documents_for_an_image_without_secrets_stay_arguments() -> None:
    arguments, files, _ = place_arguments(options(yaml=("n: 1",), base64=("bjogMQ==",)), OPEN)

    assert arguments == ["-b", "bjogMQ==", "-y", "n: 1"]
    assert files == {}


def test_a_missing_file_is_not_found_and_tells_how_to_give_the_text() -> None:
    with pytest.raises(NotFound, match="-r n @nobody"):
        place_arguments(options(parameters=(("n", "@nobody"),)), OPEN)


def test_a_secret_that_the_image_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no parameter other"):
        place_arguments(options(secrets={"other": "x"}), SECRET)
