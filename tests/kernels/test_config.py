from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kernel_containers.core.containers import Mount, Resources
from kernel_containers.errors import InvalidInput
from kernel_containers.kernels.config import PROVISIONER, KernelConfig, written_size

ROOT = Path(__file__).parents[2]
EVERYTHING: dict[str, Any] = {
    "image": "registry.example:5000/team/env:1",
    "prefix": "/opt/project/.venv",
    "prefix_mounts": ["/opt/python"],
    "prefix_modules": ["/src/project"],
    "workspace": "notebook-dir",
    "workdir": "/work",
    "mounts": [{"source": "/data", "target": "/mnt/data", "read_only": True}],
    "tmpfs": {"/scratch": "size=1g"},
    "env_passthrough": ["AWS_PROFILE"],
    "user": "1000:100",
    "groups": [100, 27],
    "network": "none",
    "memory": "4g",
    "cpus": 1.5,
    "pids": 512,
    "shm_size": "1g",
    "gpus": "2",
    "read_only": True,
    "drop_capabilities": False,
    "restart": "fresh",
    "transport": "publish",
    "pool": "hot",
    "outlive": 600.0,
    "start_timeout": 30.0,
    "labels": {"team": "a"},
    "docker_host": "unix:///run/other.sock",
}


def test_every_key_survives_the_way_to_kernel_json_and_back() -> None:
    config = KernelConfig.parse(EVERYTHING)

    assert config.to_json() == EVERYTHING
    assert KernelConfig.parse(config.to_json()) == config
    assert set(EVERYTHING) == set(KernelConfig.parse({"image": "a"}).to_json()) | set(EVERYTHING)


def test_an_image_is_all_that_is_needed_and_all_that_is_written() -> None:
    config = KernelConfig.parse({"image": "python:3.11"})

    assert config == KernelConfig(image="python:3.11")
    assert config.to_json() == {"image": "python:3.11"}
    assert (config.user, config.workspace, config.restart) == ("host", "root-dir", "keep")


def test_sizes_are_bytes() -> None:
    config = KernelConfig.parse({"image": "a", "memory": "512m", "shm_size": 65536, "cpus": 2})

    assert config.resources == Resources(memory=512 * 1024**2, shm_size=65536, cpus=2.0)


def test_a_home_folder_is_written_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    config = KernelConfig.parse({"image": "a", "mounts": [{"source": "~/data"}]})

    assert config.mounts == (Mount(source=f"{tmp_path}/data", target=f"{tmp_path}/data"),)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("memori", "'memory'"), ("networks", "'network'"), ("env", "top of kernel.json")],
)
def test_an_unknown_key_is_refused_with_the_likely_one(name: str, suggestion: str) -> None:
    with pytest.raises(InvalidInput, match=f"unknown key '{name}'") as caught:
        KernelConfig.parse({"image": "a", name: "1"})

    assert suggestion in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", "UPPER case"),
        ("image", 3),
        ("memory", "1m"),
        ("memory", "many"),
        ("memory", True),
        ("memory", "99999999999999999999g"),
        ("memory", 2**63),
        ("shm_size", "0.1"),
        ("cpus", 0),
        ("cpus", "2"),
        ("cpus", 0.001),
        ("pids", 1.5),
        ("pids", 10**12),
        ("gpus", "a b"),
        ("gpus", "-1"),
        ("gpus", 0),
        ("user", "root"),
        ("user", "1000:"),
        ("user", 2**31),
        ("groups", ["docker"]),
        ("groups", [2**31]),
        ("network", ""),
        ("workspace", "home"),
        ("restart", "always"),
        ("start_timeout", -1),
        ("outlive", -1),
        ("outlive", "long"),
        ("read_only", "yes"),
        ("workdir", "relative/path"),
        ("mounts", [{"target": "/a"}]),
        ("mounts", [{"source": "/a", "readonly": True}]),
        ("mounts", [{"source": "data"}]),
        ("mounts", {"source": "/a"}),
        ("mounts", [{"source": "/a", "target": "/t"}, {"source": "/b", "target": "/t"}]),
        ("tmpfs", ["/scratch"]),
        ("env_passthrough", ["PATH"]),
        ("env_passthrough", ["LD_LIBRARY_PATH"]),
        ("env_passthrough", "AWS_PROFILE"),
        ("env_passthrough", ["A=1"]),
        ("labels", {"": "me"}),
        ("labels", {"io.kernel-containers.owner": "me"}),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_key(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"'{name}'"):
        KernelConfig.parse({"image": "a", name: value})


def test_a_configuration_without_an_image_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no image"):
        KernelConfig.parse({"memory": "1g"})


@pytest.mark.parametrize(
    ("size", "text"), [(4 * 1024**3, "4g"), (1536 * 1024**2, "1536m"), (1024, "1k"), (1001, "1001")]
)
def test_sizes_are_written_in_their_largest_whole_unit(size: int, text: str) -> None:
    assert written_size(size) == text


def test_every_key_is_described() -> None:
    text = (ROOT / "kernelspecs" / "README.md").read_text("utf-8")

    described = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)

    assert sorted(described) == sorted(EVERYTHING)


def test_the_template_is_a_configuration() -> None:
    template = json.loads((ROOT / "kernelspecs" / "kernel.json").read_text("utf-8"))

    stanza = template["metadata"]["kernel_provisioner"]

    assert stanza["provisioner_name"] == PROVISIONER
    assert KernelConfig.parse(stanza["config"]).image
