"""Environment variables pass because they are known to be harmless."""

from __future__ import annotations

import pytest

from kernel_containers.snapshot.variables import LOOKS_SECRET, NOT_LISTED, allowed_variables


@pytest.mark.parametrize(
    "name",
    ["LANG", "LC_ALL", "TZ", "PYTHONHASHSEED", "OMP_NUM_THREADS", "NUMEXPR_MAX_THREADS",
     "MPLBACKEND", "TF_CPP_MIN_LOG_LEVEL", "TOKENIZERS_PARALLELISM", "PYTHONUNBUFFERED"],
)  # fmt: skip
def test_harmless_variables_pass(name: str) -> None:
    assert allowed_variables({name: "1"}) == (((name, "1"),), ())


@pytest.mark.parametrize(
    "name",
    ["HOME", "PATH", "USER", "PWD", "PYTHONPATH", "LD_LIBRARY_PATH", "AWS_PROFILE", "MY_VAR",
     "JPY_PARENT_PID", "JUPYTER_SERVER_URL", "HTTPS_PROXY", "SSH_AUTH_SOCK", "VIRTUAL_ENV",
     "DOCKER_HOST", "LANGFLOW", "TZX", "lang"],
)  # fmt: skip
def test_all_others_are_held_back(name: str) -> None:
    passed, [held] = allowed_variables({name: "1"})

    assert passed == ()
    assert held.path == f"${name}"


def test_what_is_held_back_has_a_reason_without_its_value() -> None:
    passed, held = allowed_variables(
        {"API_TOKEN": "x", "HTTPS_PROXY": "http://me:hunter2@proxy:3128", "OTHER": "1"}
    )

    assert passed == ()
    assert {item.path: item.reason for item in held} == {
        "$API_TOKEN": LOOKS_SECRET,
        "$HTTPS_PROXY": LOOKS_SECRET,
        "$OTHER": NOT_LISTED,
    }
    assert "hunter2" not in repr(held)


def test_an_allowed_variable_with_a_login_in_it_is_held_back() -> None:
    passed, _ = allowed_variables({"TF_X": "https://me:hunter2@host", "LANG": "C.UTF-8"})

    assert passed == (("LANG", "C.UTF-8"),)
