"""What `kernel add` makes of its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel_containers.cli.kernel_options import mount_from
from kernel_containers.cli.main import run
from kernel_containers.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_mounts_are_relative_to_this_folder_and_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")

    mounts = [mount_from(text) for text in ("data", "../x:/y:ro", "~/z:/z:rw")]

    assert mounts == [
        {"source": f"{tmp_path}/data", "target": f"{tmp_path}/data", "read_only": False},
        {"source": f"{tmp_path.parent}/x", "target": "/y", "read_only": True},
        {"source": "/home/me/z", "target": "/z", "read_only": False},
    ]


@pytest.mark.parametrize("text", ["", ":/data", "a:/b:rx"])
def test_a_mount_without_a_source_or_with_another_mode_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a mount"):
        mount_from(text)


@pytest.mark.parametrize("text", ["=x", "", "SURELY_NOT_SET_HERE"])
def test_a_variable_needs_a_name_and_a_value(text: str) -> None:
    assert run(["kernel", "add", "x", "--image", "x", "--env", text]) == 64


def test_a_kernel_is_added_on_the_engine_where_it_will_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nobody = f"unix://{tmp_path}/docker.sock"

    assert run(["kernel", "add", "x", "--image", "x", "--docker-host", nobody]) == 69

    assert f"{nobody} (from --docker-host)" in capsys.readouterr().err


def test_a_command_that_no_shell_would_take_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kernel", "add", "x", "--image", "x", "--command", "R 'x"]) == 64

    assert "No closing quotation" in capsys.readouterr().err
