"""Whether an answer is one that the contract declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from kernel_containers.server.contract import Contract

if TYPE_CHECKING:
    import httpx

DOCUMENT = Contract().document


def check_answer(answer: httpx.Response, verb: str, path: str) -> None:
    """Fail for a status, a media type or a body that the operation does not declare."""
    responses, status = _responses(verb, path), str(answer.status_code)
    assert answer.is_error or status in responses, (verb, path, status)
    content = _declared(responses, status).get("content", {})
    if not content:
        assert not answer.content
        return
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in content, (kind, answer.text[:200])
    if kind == "application/json":
        schema = content[kind]["schema"]
        whole = {**schema, "components": DOCUMENT["components"]}
        Draft202012Validator(whole).validate(answer.json())


def _declared(responses: dict[str, Any], status: str) -> dict[str, Any]:
    found: dict[str, Any] = responses.get(status, responses["default"])
    return DOCUMENT["components"]["responses"]["Error"] if "$ref" in found else found


def _responses(verb: str, path: str) -> dict[str, Any]:
    for template, verbs in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, unquote(path)) and verb.lower() in verbs:
            found: dict[str, Any] = verbs[verb.lower()]["responses"]
            return found
    return {"default": {"$ref": "#/components/responses/Error"}}
