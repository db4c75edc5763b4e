"""Images, places and credentials of a run, as a user names them."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.core import labels
from kernel_containers.core.digest import Digest
from kernel_containers.core.oci import ImageConfig
from kernel_containers.core.progress import Progress, silent
from kernel_containers.engine import images
from kernel_containers.engine.images import EngineImage
from kernel_containers.errors import InvalidInput, NotFound, Refused, UsageError
from kernel_containers.workflow.runs.run_arguments import RunOptions
from kernel_containers.workflow.runs.submit import (
    find_image,
    image_to_run,
    make_request,
    place_of,
)
from tests.support.registry import start_registry

if TYPE_CHECKING:
    from pathlib import Path

    from kernel_containers.engine import Engine

IMAGE = EngineImage(
    id=Digest.of(b""),
    names=(),
    repository_digests=(),
    config=ImageConfig(labels={labels.CONTRACT: "1", labels.PARAMETERS: '{"properties": {}}'}),
    size=0,
)


def test_an_image_is_found_as_containerize_and_docker_name_it(
    engine: Engine, base_image: str
) -> None:
    by_name = find_image(engine, base_image, silent)
    names = [f"docker:{base_image}", str(by_name.id), by_name.id.short]

    assert [find_image(engine, name, silent).id for name in names] == [by_name.id] * 3


def test_a_tag_is_what_its_registry_says_now_and_the_engines_copy_where_it_says_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    server = start_registry(tmp_path)
    name = f"{server.host}/moved:1"
    other = name.replace("127.0.0.1", "localhost")  # as somebody else would push it
    told: list[Progress] = []
    try:
        first = import_and_push(engine, other, b"1")
        assert image_to_run(engine, name, silent).id == first
        second = import_and_push(engine, other, b"2")

        assert image_to_run(engine, f"docker:{name}", silent).id == first
        assert image_to_run(engine, name, silent).id == second
        server.stop()
        assert image_to_run(engine, name, told.append).id == second
    finally:
        server.stop()
        for made in (name, other, str(first)):
            if left := images.inspect(engine, made):
                images.remove_whole(engine, left)

    assert told[-1].message.endswith(f"Its copy of {name} is taken.")


def import_and_push(engine: Engine, name: str, content: bytes) -> Digest:
    """Make an image of one file, push it and return its id."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    repository, _, tag = name.rpartition(":")
    engine.api.import_image_from_data(archive.getvalue(), repository=repository, tag=tag)
    made = images.inspect(engine, name)
    assert made
    engine.api.push(repository, tag=tag)
    return made.id


@pytest.mark.parametrize("name", ["", "BAD NAME", "a@b"])
def test_a_malformed_name_is_refused_before_the_engine_is_asked(engine: Engine, name: str) -> None:
    with pytest.raises(InvalidInput):
        find_image(engine, name, silent)


def test_an_image_in_a_folder_is_not_run(engine: Engine) -> None:
    with pytest.raises(UsageError, match=r"skopeo copy oci:\./made docker-daemon:"):
        find_image(engine, "oci:./made", silent)


def test_an_unknown_name_without_a_registry_is_not_pulled(engine: Engine) -> None:
    with pytest.raises(NotFound, match=r"docker\.io/library/never-made"):
        find_image(engine, "never-made", silent)


def test_a_place_is_a_path_or_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")

    places = [str(place_of(text)) for text in ("runs", "~/runs", "/a b", "s3://bucket/key")]

    assert places == [
        f"file://{tmp_path}/runs",
        "file:///home/me/runs",
        "file:///a%20b",
        "s3://bucket/key",
    ]


@pytest.mark.parametrize(
    "text", ["s3:/bucket/key", "s3:key", "file:runs", "ftp://x/y", "~nobody-here/x"]
)
def test_a_misspelt_address_makes_no_folder(text: str) -> None:
    with pytest.raises(InvalidInput, match="not a place"):
        place_of(text)


def aws_request(monkeypatch: pytest.MonkeyPatch, folder: Path, **profile: str) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    lines = "".join(f"{name} = {value}\n" for name, value in profile.items())
    (folder / "config").write_text(f"[profile work]\n{lines}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    return make_request(IMAGE, RunOptions(image="x", output="s3://bucket/runs"), {})


def test_a_profiles_region_and_keys_go_along_and_the_keys_as_a_file_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")

    request = aws_request(
        monkeypatch,
        tmp_path,
        region="eu-north-1",
        aws_access_key_id="AKID",
        aws_secret_access_key="hunter2",
    )

    assert request.environment["AWS_DEFAULT_REGION"] == "eu-north-1"
    assert b"hunter2" in request.files["/run/secrets/aws-credentials"]
    assert "hunter2" not in str(request.environment)


def test_an_unknown_profile_is_refused_with_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(Refused, match="AWS_PROFILE"):
        aws_request(monkeypatch, tmp_path)
