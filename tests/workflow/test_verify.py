"""What a verification needs to know before it runs an image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kernel_containers.core.parameters import Parameter
from kernel_containers.errors import UsageError
from kernel_containers.workflow.images.verify import values_for_verification

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Parameter(name="weeks", type="int", default=26)
NEEDED = Parameter(name="region", type="str", required=True)
TOKEN = Parameter(name="token", type="str", secret=True)
KEY = Parameter(name="key", type="str", secret=True)


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": "token = ''\nkey = 'as written'\nweeks = 26",
        "outputs": [],
        "execution_count": None,
    }
    path = tmp_path / "n.ipynb"
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    path.write_text(json.dumps(document))
    return path


def test_secrets_come_from_the_environment_or_the_notebook(notebook: Path) -> None:
    given = {"token": "given", "weeks": "99", "PATH": "/bin"}

    found = values_for_verification((PLAIN, TOKEN, KEY), notebook, given)

    assert found == {"token": "given", "key": "as written"}
    found = values_for_verification((KEY,), notebook, {"key": "other"})
    assert found == {"key": "other"}


def test_what_has_no_value_is_named(notebook: Path) -> None:
    with pytest.raises(UsageError, match="without a value for region, token"):
        values_for_verification((PLAIN, NEEDED, TOKEN, KEY), notebook, {})
