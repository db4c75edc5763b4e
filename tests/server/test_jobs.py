"""Jobs by the API: made, followed, cancelled, found again after a restart."""

from __future__ import annotations

import os
import signal
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kernel_containers.engine import containers, images
from tests.acceptance.product import write_notebook
from tests.support.faultproxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kernel_containers.engine import Engine
    from tests.server.api import Api
    from tests.support.registry import RegistryServer

SECRET = "hunter2-correct-horse"


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"api-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def report(api: Api, name: str) -> str:
    """The path of a notebook with a parameter and a secret."""
    write_notebook(
        api.server.root / f"{name}.ipynb",
        "#md # Report",
        'weeks = 26  # how many\npassword = ""',
        "print('weeks', weeks * 2, len(password))",
    )
    return f"{name}.ipynb"


@pytest.fixture
def image(api: Api, engine: Engine, report: str, name: str) -> Iterator[str]:
    """An image of that notebook in the engine."""
    made = api.finish(
        api.start(
            "containerize",
            plan={
                "notebook": report,
                "to": f"docker:{name}:1",
                "parameters": ["weeks"],
                "secrets": ["password"],
            },
        )
    )
    assert made["state"] == "succeeded", made
    yield f"{name}:1"
    images.remove(engine, f"{name}:1")


def is_progress(event: dict[str, Any]) -> bool:
    return event["type"] == "progress"


def test_a_notebook_goes_to_a_registry_with_progress(
    api: Api, registry: RegistryServer, report: str, name: str
) -> None:
    to = f"{registry.host}/{name}:1"
    plan = api.post("/plan", notebook=report, to=to).json()

    job = api.start("containerize", plan={"notebook": report, "to": to, "title": "Weeks"})
    events = api.follow(job["id"])
    again = api.follow(job["id"], after=events[-3]["seq"])
    done = api.json(f"/jobs/{job['id']}")

    assert plan["destination"] == to
    assert plan["seconds"] > 0
    assert "kernel-containers containerize" in plan["command"]
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    assert again == events[-2:]
    assert events[-1]["state"] == done["state"] == "succeeded"
    assert {event["stage"]["name"] for event in events if is_progress(event)} >= {"push"}
    assert (done["title"], done["fraction"], done["events"]) == ("Weeks", 1.0, events[-1]["seq"])
    assert all(stage["ended"] for stage in done["stages"])
    manifest = httpx.head(
        f"{registry.url}/v2/{name}/manifests/1",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
    )
    assert manifest.headers["docker-content-digest"] == done["result"]["digest"]
    assert done["result"]["reference"] in done["result"]["docker_run"]
    assert api.json(f"/registries/{registry.host}/repositories", contains=name) == {
        "repositories": [name],
        "next": None,
    }
    assert api.json("/destination", to=to)["tag_digest"] == done["result"]["digest"]


def test_a_tag_that_exists_is_only_moved_on_demand(
    api: Api, registry: RegistryServer, report: str, name: str
) -> None:
    plan = {"notebook": report, "to": f"{registry.host}/{name}:1"}
    assert api.finish(api.start("containerize", plan=plan))["state"] == "succeeded"

    refused = api.finish(api.start("containerize", plan=plan))
    moved = api.finish(api.start("containerize", plan=plan, overwrite=True))

    assert (refused["state"], refused["error"]["code"]) == ("failed", "refused")
    assert moved["state"] == "succeeded"


def test_a_job_has_the_options_of_the_command(
    api: Api, registry: RegistryServer, report: str, name: str
) -> None:
    plan = {"notebook": report, "to": f"{registry.host}/{name}:1", "compression": "zstd"}

    done = api.finish(
        api.start("containerize", plan={**plan, "excludes": [report]}, verify_environment=True)
    )

    assert done["state"] == "succeeded", done
    assert "--compression zstd --verify-environment" in done["command"]
    assert "--exclude" in done["command"]
    manifest = httpx.get(
        f"{registry.url}/v2/{name}/manifests/1",
        headers={"Accept": "application/vnd.oci.image.manifest.v1+json"},
    ).json()
    assert manifest["layers"][-1]["mediaType"].endswith("tar+zstd")


def test_a_token_makes_one_job(api: Api) -> None:
    body = {"kind": "pull", "image": "never-made", "token": uuid.uuid4().hex}

    first, second = api.post("/jobs", **body), api.post("/jobs", **body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    ended = api.finish(first.json())
    assert (ended["state"], ended["error"]["code"]) == ("failed", "not-found")
    assert "token" not in ended["request"]


def test_a_token_is_for_one_request(api: Api) -> None:
    token = uuid.uuid4().hex
    first = api.post("/jobs", kind="pull", image="never-made:1", token=token)
    again = api.post("/jobs", image="never-made:1", kind="pull", token=token)
    other = api.post("/jobs", kind="pull", image="never-made:2", token=token)

    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 422]
    assert again.json()["id"] == first.json()["id"]
    assert first.json()["id"] in other.json()["why"]


def test_a_cancelled_push_leaves_no_tag(
    api: Api, registry: RegistryServer, report: str, name: str
) -> None:
    with FaultProxy(registry.host) as proxy:
        proxy.add("hang", method="PUT", path=r"/manifests/", times=None)
        job = api.start("containerize", plan={"notebook": report, "to": f"{proxy.host}/{name}:1"})

        def is_held(event: dict[str, Any]) -> bool:
            return is_progress(event) and event["stage"]["message"].startswith("manifest")

        seen = api.follow(job["id"], until=is_held)
        asked = api.post(f"/jobs/{job['id']}/cancel").json()
        done = api.finish(job)

    assert is_held(seen[-1])
    assert asked["state"] in ("cancelling", "cancelled")
    assert done["state"] == "cancelled"
    assert name in done["cleaned"]
    assert httpx.head(f"{registry.url}/v2/{name}/manifests/1").status_code == 404


def test_jobs_wait_for_their_turn(api: Api, registry: RegistryServer, report: str) -> None:
    with FaultProxy(registry.host) as proxy:
        proxy.add("hang", path="/v2/waiting/", times=None)
        plan = {"notebook": report, "to": f"{proxy.host}/waiting:1"}
        jobs = [api.start("containerize", plan=plan) for _ in range(4)]

        listed = api.json("/jobs", state="queued")
        positions = [api.json(f"/jobs/{job['id']}")["position"] for job in jobs]
        refused = api.delete(f"/jobs/{jobs[0]['id']}")
        for job in reversed(jobs):
            api.post(f"/jobs/{job['id']}/cancel")
        states = [api.finish(job)["state"] for job in jobs]

    assert positions == [None, None, 0, 1]
    assert [job["id"] for job in listed["jobs"]] == [jobs[3]["id"], jobs[2]["id"]]
    assert (listed["running"], listed["waiting"], listed["at_once"]) == (2, 2, 2)
    assert refused.status_code == 409
    assert states == ["cancelled"] * 4
    assert api.delete(f"/jobs/{jobs[0]['id']}").status_code == 204
    assert api.get(f"/jobs/{jobs[0]['id']}").status_code == 404


def test_a_run_gives_cells_log_and_html(api: Api, image: str) -> None:
    job = api.start(
        "run", image=image, parameters={"weeks": 7, "password": SECRET}, limits={"memory": "1g"}
    )
    events = api.follow(job["id"])
    done = api.json(f"/jobs/{job['id']}")

    assert done["state"] == "succeeded", done
    log = "".join(event["text"] for event in events if event["type"] == "log")
    assert f"weeks 14 {len(SECRET)}" in log
    assert done["cell"] == {
        "number": 2,
        "count": 2,
        "index": 2,
        "status": "succeeded",
        "error": None,
    }
    result = done["result"]
    where = f"/results/{result['notebook']}/{result['run_id']}"
    found = api.json(where)
    html = api.get(f"{where}/html")
    assert found["run"]["parameters"]["weeks"] == 7
    assert {file["name"] for file in found["files"]} >= {"notebook.ipynb", "report.json"}
    paths = [file["path"] for file in found["files"]]
    assert all(str(path).startswith("runs/") for path in paths)
    assert "weeks 14" in html.text
    assert html.headers["content-type"].startswith("text/html")
    assert html.headers["content-security-policy"].startswith("sandbox allow-scripts ")
    assert "allow-same-origin" not in html.headers["content-security-policy"]
    told = [str(events), str(done), str(found), html.text, api.server.log.read_text()]
    kept = [path.read_text() for path in api.server.prefix.rglob("*.json*")]
    assert [text for text in (*told, *kept) if SECRET in text] == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weeks": "seven", "password": "x"}, "'weeks' is an integer"),
        ({"week": 7, "password": "x"}, "no parameter 'week'"),
        ({"weeks": 7}, "password must be given"),
    ],
)
def test_wrong_values_are_refused_before_anything_starts(
    api: Api, image: str, values: dict[str, Any], words: str
) -> None:
    answer = api.post("/jobs", kind="run", image=image, parameters=values)

    assert answer.status_code == 422
    assert words in answer.json()["what"]


def test_images_are_listed_with_their_parameters_and_removed(api: Api, image: str) -> None:
    listed = api.json("/images", limit=500)["images"]
    (mine,) = [item for item in listed if image in item["names"]]
    described = api.json("/image", reference=image)

    assert mine["title"] == "Report"
    assert mine["parameters"] == described["parameters"]
    assert described["parameters"]["properties"]["password"]["writeOnly"] is True
    assert api.delete(f"/images/{mine['id']}").status_code == 204
    assert api.get("/image", reference=image).status_code == 404


def test_what_is_not_ours_is_not_removed(api: Api, engine: Engine, base_image: str) -> None:
    found = images.inspect(engine, base_image)

    assert found
    assert api.delete(f"/images/{found.id}").status_code == 403
    assert images.inspect(engine, base_image)


@pytest.mark.full
def test_a_run_that_is_stopped_writes_its_outputs(api: Api, engine: Engine, name: str) -> None:
    write_notebook(
        api.server.root / f"{name}.ipynb",
        "print('begun', flush=True)",
        "import time\ntime.sleep(600)",
    )
    to = f"docker:{name}:1"
    made = api.finish(api.start("containerize", plan={"notebook": f"{name}.ipynb", "to": to}))
    assert made["state"] == "succeeded", made
    job = api.start("run", image=f"{name}:1")
    api.follow(
        job["id"], until=lambda event: event["type"] == "cell" and event["cell"]["number"] == 2
    )

    api.post(f"/jobs/{job['id']}/cancel")
    done = api.finish(job)

    assert (done["state"], done["result"]["exit_code"]) == ("cancelled", 143)
    assert "outputs were written" in done["cleaned"]
    run = api.json(f"/results/{done['result']['notebook']}/latest")["run"]
    assert (run["run_id"], run["status"]) == (done["result"]["run_id"], "cancelled")
    images.remove(engine, f"{name}:1")


@pytest.mark.full
@pytest.mark.timeout(300)
def test_jobs_outlive_the_server(
    start_server: Callable[..., Api], engine: Engine, kernel_image: str, name: str
) -> None:
    first = start_server()
    added = first.finish(first.start("add-kernel", name="team", image=kernel_image))
    write_notebook(
        first.server.root / "long.ipynb",
        "import os, time\nfrom pathlib import Path",
        "print('begun', flush=True)\nwhile not Path('/tmp/go').exists():\n    time.sleep(0.05)",
        "print('went on')",
    )
    plan = {"notebook": "long.ipynb", "to": f"docker:{name}:1"}
    made = first.finish(first.start("containerize", plan=plan))
    assert made["state"] == "succeeded", made
    run = first.start("run", image=f"{name}:1", output="results")
    first.follow(run["id"], until=lambda event: "begun" in event.get("text", ""))
    with FaultProxy("127.0.0.1:9") as proxy:
        proxy.add("hang", times=None)
        plan = {"notebook": "long.ipynb", "to": f"{proxy.host}/{name}:1"}
        pushed = first.start("containerize", plan=plan)
        os.kill(first.server.server.process.pid, signal.SIGKILL)
        first.server.server.process.wait()

        second = start_server()
        lost = second.finish(pushed)
        kept = second.json(f"/jobs/{made['id']}")
        (container,) = containers.find(engine, {"io.kernel-containers.run-id": None})[:1]
        engine.api.exec_start(engine.api.exec_create(container.id, ["touch", "/tmp/go"])["Id"])
        found = second.finish(run)

    assert added["state"] == "succeeded"
    assert kept == made
    assert second.follow(made["id"])[-1]["state"] == "succeeded"
    assert (lost["state"], lost["error"]["code"]) == ("lost", "interrupted")
    assert found["state"] == "succeeded", found
    log = "".join(event["text"] for event in second.follow(run["id"]) if event["type"] == "log")
    assert ("begun" in log, "went on" in log) == (True, True)
    assert second.json("/results", prefix="results")["runs"][0]["status"] == "succeeded"
    images.remove(engine, f"{name}:1")
