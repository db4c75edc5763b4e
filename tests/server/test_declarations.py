"""What the wizard says about parameters stands in the image's schema and holds in its runs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from kernel_containers.engine import images
from tests.acceptance.product import write_notebook

if TYPE_CHECKING:
    from kernel_containers.engine import Engine
    from tests.server.api import Api


@pytest.fixture
def notebook(api: Api) -> str:
    """A notebook whose own types and defaults are not what its author wants."""
    name = f"declared-{uuid.uuid4().hex[:8]}.ipynb"
    write_notebook(
        api.server.root / name,
        'rate = 3\nday = "2024-01-31"\nregion = "south"\nscratch = 1',
        "print(type(rate).__name__, rate, type(day).__name__, day, region)",
    )
    return name


def test_declared_types_defaults_and_choices_hold_in_a_run(
    api: Api, engine: Engine, notebook: str
) -> None:
    image = f"{notebook.removesuffix('.ipynb')}:1"
    plan = {
        "notebook": notebook,
        "to": f"docker:{image}",
        "declarations": {
            "rate": {"type": "float", "description": "per week"},
            "day": {"type": "date", "default": "2025-02-28"},
            "region": {"choices": ["south", "north"]},
            "scratch": {"excluded": True},
        },
    }

    made = api.finish(api.start("containerize", plan=plan))
    schema = api.json("/image", reference=image)["parameters"]
    refused = api.post("/jobs", kind="run", image=image, parameters={"region": "west"})
    done = api.finish(api.start("run", image=image, parameters={"region": "north"}))

    assert made["state"] == "succeeded", made
    assert "--declare" in made["command"]
    assert schema["properties"] == {
        "rate": {"type": "number", "x-type": "float", "default": 3.0, "description": "per week"},
        "day": {"type": "string", "format": "date", "x-type": "date", "default": "2025-02-28"},
        "region": {"x-type": "enum", "enum": ["south", "north"], "default": "south"},
    }
    assert refused.status_code == 422
    assert done["state"] == "succeeded", done
    events = api.json(f"/jobs/{done['id']}/events")["events"]
    log = "".join(event.get("text", "") for event in events)
    assert "float 3.0 date 2025-02-28 north" in log
    images.remove(engine, image)


@pytest.mark.parametrize(
    ("declarations", "status", "words"),
    [
        ({"rate": {"type": "text"}}, 400, "$.declarations.rate.type must be one of"),
        ({"rate": {"typ": "int"}}, 400, "$.declarations.rate has unknown fields: typ"),
        ({"rate": {"type": "bool"}}, 422, "'rate' has no default"),
        ({"raet": {"type": "int"}}, 422, "no variable 'raet'"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(
    api: Api, notebook: str, declarations: dict[str, Any], status: int, words: str
) -> None:
    answer = api.post("/plan", notebook=notebook, declarations=declarations)

    assert answer.status_code == status
    assert words in answer.json()["what"]


@pytest.mark.parametrize(
    ("name", "secrets"), [("db_password", []), ("region", ["region"])], ids=["by name", "by choice"]
)
def test_a_secrets_default_is_refused_before_it_is_kept_anywhere(
    api: Api, notebook: str, name: str, secrets: list[str]
) -> None:
    declarations = {name: {"default": "hunter2-declared"}}
    plan = {"notebook": notebook, "secrets": secrets, "declarations": declarations}

    answer = api.post("/jobs", kind="containerize", plan=plan)

    assert answer.status_code == 422
    assert "hunter2-declared" not in answer.text
    assert all("hunter2-declared" not in str(job) for job in api.json("/jobs")["jobs"])
