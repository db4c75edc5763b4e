"""Credentials of fifty-five kinds: each is left out by its place or found by its looks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kernel_containers.snapshot import secret_patterns
from kernel_containers.snapshot.environment import written_by_people
from kernel_containers.snapshot.exclusions import IN_ENVIRONMENTS, IN_FILES
from kernel_containers.snapshot.secrets import find_secrets
from kernel_containers.snapshot.walk import walk
from tests.support.planted import FOUND, LEFT_OUT, plant, value_of

SECRET = value_of("environment")


def test_each_is_left_out_or_found_with_its_place_and_a_reason(tmp_path: Path) -> None:
    plant(tmp_path)

    entries, exclusions = walk(tmp_path, IN_FILES)
    findings = find_secrets((), entries)

    entered = {entry.target for entry in entries}
    assert [name for name in LEFT_OUT if str(tmp_path / name) in entered] == []
    assert all(item.reason for item in exclusions)
    places = {
        name for name in FOUND for it in findings if it.where.startswith(f"{tmp_path}/{name}")
    }
    assert sorted(FOUND.keys() - places) == []
    assert all(finding.rule for finding in findings)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("conda-meta/state", f'{{"env_vars": {{"DB": "{SECRET}"}}}}'),
        ("conda-meta/x-1-0.json", f'{{"channel": "https://conda.example/t/ab-{SECRET}/main"}}'),
        ("lib/site-packages/x-1.dist-info/direct_url.json", f'{{"url": "https://a:{SECRET}@h/x"}}'),
        ("pip.conf", f"[global]\nindex-url = https://me:{SECRET}@pypi.example/simple\n"),
    ],
)
def test_what_tools_write_into_an_environment_stays_out(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

    entries, (exclusion,) = walk(tmp_path, IN_ENVIRONMENTS)

    assert str(path) not in [entry.target for entry in entries]
    assert exclusion.path == str(path)


@pytest.mark.parametrize(
    "name",
    [
        "lib/python3.11/site-packages/ours.pth",
        "lib/python3.11/site-packages/sitecustomize.py",
        "etc/conda/activate.d/ours.sh",
        "bin/activate",
        "bin/postactivate",
    ],
)
def test_what_people_write_into_an_environment_is_searched(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(f'import os; os.environ["API_TOKEN"] = "{SECRET}"\n')
    if "/" in name and name.startswith(("bin", "etc")):
        path.write_text(f"export API_TOKEN={SECRET}\n")

    entries, _ = walk(tmp_path, IN_ENVIRONMENTS)
    findings = find_secrets((), written_by_people(entries))

    assert [finding.where for finding in findings] == [f"{path}, line 1"]
    assert SECRET not in str(findings)


def test_a_usual_environment_raises_no_alarm() -> None:
    entries, _ = walk(Path(sys.prefix), IN_ENVIRONMENTS)

    assert written_by_people(entries)
    assert find_secrets((), written_by_people(entries)) == ()


def test_what_looks_for_secrets_raises_no_alarm() -> None:
    sources = [
        (str(path), path.read_text()) for path in Path(secret_patterns.__file__).parent.glob("*.py")
    ]

    assert find_secrets(sources, ()) == ()
