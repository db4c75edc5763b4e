"""The collector of cycles rests for a moment, and works again after it."""

from __future__ import annotations

import gc

import pytest

from kernel_containers.core.collecting import no_collecting, set_aside


def test_the_collector_rests_and_works_again_also_after_an_error() -> None:
    def fail() -> None:
        with no_collecting():
            assert not gc.isenabled()
            with no_collecting():
                pass
            assert not gc.isenabled()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()

    assert gc.isenabled()


def test_who_stopped_the_collector_finds_it_stopped() -> None:
    gc.disable()
    try:
        with no_collecting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_is_set_aside_is_not_looked_at_until_the_end() -> None:
    before = gc.get_freeze_count()

    with set_aside():
        assert gc.get_freeze_count() > before

    assert gc.get_freeze_count() == 0
