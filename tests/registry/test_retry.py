"""When a request is sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kernel_containers.registry.retry import wait_after
from kernel_containers.registry.settings import RegistrySettings

SETTINGS = RegistrySettings(attempts=6, first_wait=1.0, longest_wait=5.0)


def test_waits_double_up_to_the_longest() -> None:
    waits = [wait_after(attempt, None, SETTINGS) for attempt in range(1, 6)]

    for wait, most in zip(waits, (1.0, 2.0, 4.0, 5.0, 5.0), strict=True):
        assert wait is not None
        assert most / 2 <= wait <= most


def test_clients_do_not_come_back_together() -> None:
    assert len({wait_after(3, None, SETTINGS) for _ in range(20)}) > 10


def test_the_last_attempt_is_not_followed_by_a_wait() -> None:
    assert wait_after(6, None, SETTINGS) is None


def test_retry_after_is_obeyed() -> None:
    assert wait_after(1, "3", SETTINGS) == 3.0


def test_retry_after_may_be_a_date() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)

    wait = wait_after(1, moment, SETTINGS)

    assert wait is not None
    assert 2.0 < wait <= 4.0


def test_who_asks_for_too_long_a_wait_is_given_up() -> None:
    assert wait_after(1, "3600", SETTINGS) is None


@pytest.mark.parametrize("header", ["soon", "-1", "", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_useless_retry_after_changes_nothing(header: str) -> None:
    wait = wait_after(1, header, SETTINGS)

    assert wait is not None
    assert 0.5 <= wait <= 1.0
