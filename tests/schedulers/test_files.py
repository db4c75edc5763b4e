"""What users copy: complete files that name only what an image knows, and hold no credentials."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator

from kernel_containers.core import contract
from kernel_containers.core.runs import EXIT_CODES
from kernel_containers.runner.arguments import parse_arguments
from tests.schedulers.examples import FOLDER

FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.name != "README.md")
NAMES = [str(path.relative_to(FOLDER)) for path in FILES]
OURS = {
    value
    for name, value in vars(contract).items()
    if name.endswith("_VARIABLE") and isinstance(value, str)
}
# What another try can change: the store was away, the kernel died, somebody stopped it.
WORTH_A_RETRY = {EXIT_CODES["outputs"], EXIT_CODES["kernel-died"], EXIT_CODES["terminated"]}
ENGINE_FAILED = 125  # docker's own: no image, no engine
REQUESTS = {
    "aws/job-definition.json": ("batch", "RegisterJobDefinition"),
    "aws/schedule-rule.json": ("events", "PutRule"),
    "aws/schedule-targets.json": ("events", "PutTargets"),
    "aws/upload-rule.json": ("events", "PutRule"),
    "aws/upload-targets.json": ("events", "PutTargets"),
}


def text_of(name: str) -> str:
    return (FOLDER / name).read_text()


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text_of(name)))


def cron_job() -> dict[str, Any]:
    (job,) = documents("kubernetes-cronjob.yaml")
    return dict(job["spec"]["jobTemplate"]["spec"])


def job() -> dict[str, Any]:
    return dict(documents("kubernetes-job.yaml")[1]["spec"])


def container(of: dict[str, Any]) -> dict[str, Any]:
    (found,) = of["template"]["spec"]["containers"]
    return dict(found)


def arguments_in_python() -> list[str]:
    tree = ast.parse(text_of("airflow_report.py"))
    (command,) = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "command"
    ]
    return [str(node.value) for node in ast.walk(command) if isinstance(node, ast.Constant)]


def arguments(name: str) -> list[str]:
    """Return what a file gives to the image."""
    if name.endswith(".json"):
        return list(json.loads(text_of(name))["containerProperties"]["command"])
    if name == "airflow_report.py":
        return arguments_in_python()
    if name.endswith(".yaml"):
        return list(container(cron_job() if "cron" in name else job())["args"])
    text = text_of(name).replace("\\\n", " ")
    (words,) = re.findall(r"team/report:1 (.*)$", text, re.MULTILINE)
    return [word.strip("\"'") for word in re.split(r"[>&]", words)[0].split()]


WITH_ARGUMENTS = [name for name in NAMES if "team/report:1" in text_of(name)]


def test_every_file_that_names_the_image_is_looked_at() -> None:
    assert len(WITH_ARGUMENTS) == 9


@pytest.mark.parametrize("name", WITH_ARGUMENTS)
def test_the_image_knows_the_arguments_and_ends_before_the_scheduler_ends_it(name: str) -> None:
    given = parse_arguments(arguments(name))

    assert given.timeout == 3300
    values = dict(given.parameters)
    assert name == "kubernetes-job.yaml" or set(values) >= {"region", "weeks"}


@pytest.mark.parametrize("name", NAMES)
def test_the_image_knows_the_variables_and_places(name: str) -> None:
    text = text_of(name)

    assert set(re.findall(r"KERNEL_CONTAINERS_[A-Z_]+", text)) <= OURS
    places = re.findall(r"/run/(?!secrets)[\w./-]+", text)
    assert set(places) <= {contract.REQUEST_PATH}
    assert not re.search(r"AKIA|aws_secret|SECRET_ACCESS_KEY|password *[:=] *\w", text)


def test_what_is_tried_again_is_said_once() -> None:
    for spec in (cron_job(), job()):
        _, by_code = spec["podFailurePolicy"]["rules"]
        assert by_code["action"] == "FailJob"
        assert by_code["onExitCodes"]["operator"] == "NotIn"
        assert set(by_code["onExitCodes"]["values"]) == WORTH_A_RETRY
    batch = json.loads(text_of("aws/job-definition.json"))["retryStrategy"]["evaluateOnExit"]
    assert {int(rule["onExitCode"]) for rule in batch if "onExitCode" in rule} == WORTH_A_RETRY
    assert batch[-1] == {"onReason": "*", "action": "EXIT"}
    (codes,) = re.findall(r"RestartForceExitStatus=(.*)", text_of("report.service"))
    assert set(map(int, codes.split())) == {*WORTH_A_RETRY, ENGINE_FAILED}
    (names,) = re.findall(r"WORTH_A_RETRY = (\{.*?\})", text_of("airflow_report.py"))
    assert ast.literal_eval(names) == WORTH_A_RETRY


def test_a_job_has_time_for_all_its_tries() -> None:
    for spec in (cron_job(), job()):
        given = parse_arguments(container(spec)["args"])
        grace = spec["template"]["spec"]["terminationGracePeriodSeconds"]
        assert given.timeout
        tries = spec["backoffLimit"] + 1
        assert tries * (given.timeout + grace) <= spec["activeDeadlineSeconds"]
        # After a signal the notebook has so long, and its outputs as long again.
        assert 2 * given.grace < grace


def test_both_kubernetes_files_run_the_same_pod() -> None:
    one, other = cron_job(), job()
    mounts = container(other)["volumeMounts"]
    request = [mount for mount in mounts if mount["name"] == "request"]
    assert [mount["mountPath"] for mount in request] == [contract.REQUEST_PATH]

    mounts.remove(request[0])
    volumes = other["template"]["spec"]["volumes"]
    volumes[:] = [volume for volume in volumes if volume["name"] != "request"]
    container(one)["args"][:] = container(other)["args"]

    assert one == other


@pytest.mark.parametrize("name", REQUESTS)
def test_amazon_s_own_description_of_its_requests_takes_the_files(name: str) -> None:
    service, operation = REQUESTS[name]
    model = botocore.session.Session().get_service_model(service).operation_model(operation)

    told = ParamValidator().validate(json.loads(text_of(name)), model.input_shape)

    assert told.generate_report() == ""


def test_triggers_name_a_job_and_parameters_that_are_defined() -> None:
    defined = json.loads(text_of("aws/job-definition.json"))
    command = defined["containerProperties"]["command"]
    taken = dict(parse_arguments(command).parameters)
    assert taken == {name: f"Ref::{name}" for name in defined["parameters"]}
    for trigger in ("schedule", "upload"):
        rule = json.loads(text_of(f"aws/{trigger}-rule.json"))
        targets = json.loads(text_of(f"aws/{trigger}-targets.json"))
        (target,) = targets["Targets"]
        transformer = target.get("InputTransformer", {})
        paths = transformer.get("InputPathsMap", {})
        template = target.get("Input") or transformer["InputTemplate"]
        given = json.loads(template)["Parameters"]
        assert targets["Rule"] == rule["Name"]
        assert target["BatchParameters"]["JobDefinition"] == defined["jobDefinitionName"]
        assert set(given) <= set(defined["parameters"])
        assert all(isinstance(value, str) for value in given.values())
        assert set(re.findall(r"<(\w+)>", template)) == set(paths)


def test_the_table_says_of_every_file_how_far_it_was_tried() -> None:
    rows = [line for line in text_of("README.md").splitlines() if re.match(r"\|.*\]\(", line)]

    named = {name for row in rows for name in re.findall(r"\]\(([^)]+)\)", row.split("|")[1])}

    assert named == set(NAMES)
    assert all(re.match(r"(run|checked|not run)", row.split("|")[-2].strip()) for row in rows)
