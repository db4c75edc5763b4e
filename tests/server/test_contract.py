"""Answers to whatever the contract allows, and to much that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance

from kernel_containers.server.contract import Contract
from kernel_containers.server.routes import STREAM

if TYPE_CHECKING:
    from tests.server.api import Api

DOCUMENT = Contract().document
# A WebSocket; and what would remove ended runs of whoever else uses the engine.
LEFT_OUT = {(STREAM, "GET"), ("/space", "DELETE")}
OPERATIONS = sorted(set(Contract().operations()) - LEFT_OUT)


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("path", "verb"), OPERATIONS)
def test_nothing_is_a_defect(api: Api, path: str, verb: str, mode: GenerationMode) -> None:
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][verb]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case[Any]) -> None:
        answer = case.call(base_url=api.url, headers=api.headers, timeout=120)

        assert answer.status_code != 500, (
            case.as_curl_command(),
            api.server.log.read_text()[-3000:],
        )
        case.validate_response(answer, checks=[response_schema_conformance])

    ask()
