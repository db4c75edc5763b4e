"""Images between the engine and registries, as jobs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kernel_containers.engine import images
from tests.acceptance.product import write_notebook
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel_containers.engine import Engine
    from tests.server.api import Api
    from tests.support.registry import RegistryServer


@pytest.fixture(scope="module")
def built(api: Api, engine: Engine) -> Iterator[str]:
    """The name of an image of ours that only the engine has."""
    name = f"built-{uuid.uuid4().hex[:10]}"
    write_notebook(api.server.root / f"{name}.ipynb", "n = 1  # how many")
    plan = {"notebook": f"{name}.ipynb", "to": f"docker:{name}:1"}
    made = api.finish(api.start("containerize", plan=plan))
    assert made["state"] == "succeeded", made
    yield f"{name}:1"
    images.remove(engine, f"{name}:1")


@pytest.mark.full
def test_an_image_that_only_the_engine_has_is_pushed(
    api: Api, engine: Engine, registry: RegistryServer, built: str
) -> None:
    to = f"{registry.host}/late/{built}"

    job = api.finish(api.start("push", image=built, to=to))
    again = api.finish(api.start("push", image=built, to=to))
    moved = api.finish(api.start("push", image=built, to=to, overwrite=True))

    assert job["state"] == "succeeded", job
    assert (again["state"], again["error"]["code"]) == ("failed", "refused")
    assert moved["result"]["digest"] == job["result"]["digest"]
    assert moved["result"]["sent"] < 100_000
    assert job["command"] == f"kernel-containers push {built} --to {to}"
    found = images.inspect(engine, built)
    assert found
    manifest = httpx.get(
        f"{registry.url}/v2/late/{built.removesuffix(':1')}/manifests/1",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
    )
    assert manifest.headers["docker-content-digest"] == job["result"]["digest"]
    assert manifest.json()["config"]["digest"] == str(found.id)
    assert api.json("/image", reference=job["result"]["reference"])["parameters"]["properties"]


@pytest.mark.full
def test_a_push_that_is_cancelled_leaves_no_tag(
    api: Api, registry: RegistryServer, built: str
) -> None:
    with FaultProxy(registry.host) as proxy:
        proxy.add("hang", method="PUT", path=r"/manifests/", times=None)
        job = api.start("push", image=built, to=f"{proxy.host}/held/{built}")

        def is_held(event: dict[str, Any]) -> bool:
            return event["type"] == "progress" and event["stage"]["message"].startswith("manifest")

        api.follow(job["id"], until=is_held)
        api.post(f"/jobs/{job['id']}/cancel")
        done = api.finish(job)

    assert done["state"] == "cancelled"
    assert "was not made or moved" in done["cleaned"]
    name = built.removesuffix(":1")
    assert httpx.head(f"{registry.url}/v2/held/{name}/manifests/1").status_code == 404


@pytest.mark.parametrize(
    ("image", "to", "code"),
    [
        ("never-made:1", "127.0.0.1:9/a:1", "unavailable"),
        ("{built}", "docker:a:1", "invalid-input"),
        ("{built}", "oci:a", "invalid-input"),
    ],
)
def test_a_push_to_nowhere_is_refused(api: Api, built: str, image: str, to: str, code: str) -> None:
    answer = api.post("/jobs", kind="push", image=image.format(built=built), to=to)

    error = answer.json() if answer.status_code == 422 else api.finish(answer.json())["error"]
    assert error["code"] == code


def test_what_is_not_ours_is_not_pushed(
    api: Api, registry: RegistryServer, base_image: str
) -> None:
    job = api.finish(api.start("push", image=base_image, to=f"{registry.host}/foreign:1"))

    assert (job["state"], job["error"]["code"]) == ("failed", "invalid-input")


def test_the_image_of_a_kernel_is_pulled_with_progress(
    api: Api, engine: Engine, registry: RegistryServer, built: str
) -> None:
    where = f"{registry.host}/kernels/{built}"
    assert api.finish(api.start("push", image=built, to=where))["state"] == "succeeded"
    engine.api.tag(built, where.rpartition(":")[0], "1")
    added = api.finish(api.start("add-kernel", name="pulled", image=where))
    assert added["state"] == "succeeded", added
    images.remove(engine, where)

    job = api.start("pull", kernel="pulled")
    events = api.follow(job["id"])
    done = api.json(f"/jobs/{job['id']}")

    assert done["state"] == "succeeded", done
    assert (done["title"], done["image"]) == (added["result"]["display_name"], where)
    assert done["command"] == "kernel-containers kernel pull pulled"
    assert any(event["type"] == "progress" for event in events)
    assert images.inspect(engine, where)
    images.remove(engine, where)
    assert api.delete("/kernels/pulled").status_code == 204


@pytest.mark.parametrize("body", [{}, {"image": "a", "kernel": "team"}])
def test_a_pull_is_of_an_image_or_of_a_kernels(api: Api, body: dict[str, str]) -> None:
    assert api.post("/jobs", kind="pull", **body).status_code == 400


def test_only_kernels_of_ours_have_an_image(api: Api) -> None:
    job = api.finish(api.start("pull", kernel="python3"))

    assert (job["state"], job["error"]["code"]) == ("failed", "invalid-input")
