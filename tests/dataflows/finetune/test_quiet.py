from __future__ import annotations

import pytest

from dataflows.errors import InputError
from dataflows.finetune.end_of_input import QuietInput

SECONDS, PATIENCE = 5.0, 30.0


class Input:
    """An input whose end is set, and a clock that is too."""

    def __init__(self, seconds: float | None = SECONDS) -> None:
        self.now, self.is_read = 100.0, False
        self.quiet = QuietInput(seconds, PATIENCE, lambda: self.now)
        self.quiet.is_read = lambda: self.is_read

    def is_over_after(self, seconds: float) -> bool:
        self.now += seconds
        return self.quiet.is_over()


def test_silence_before_all_is_read_is_no_end():
    given = Input()
    assert not given.is_over_after(0)
    assert not given.is_over_after(PATIENCE - 1)
    given.is_read = True
    assert not given.is_over_after(0), "the quiet time begins here"
    assert not given.is_over_after(SECONDS - 1)
    assert given.is_over_after(1)
    given.quiet.check("broker:9092", 0)


def test_what_comes_begins_it_anew():
    given = Input()
    for _ in range(10):
        given.quiet.arrived(1)
        assert not given.is_over_after(PATIENCE - 1)
    given.is_read = True
    assert not given.is_over_after(1)
    for _ in range(10):
        assert not given.is_over_after(SECONDS - 1)
        given.quiet.arrived(1)
    assert not given.is_over_after(SECONDS - 1)
    assert given.is_over_after(1)


def test_a_broker_that_never_answers_is_an_error_and_no_end():
    given = Input()
    assert not given.is_over_after(1000), "the time before the first look does not count"
    assert given.is_over_after(PATIENCE)
    given.is_read = True
    assert given.is_over_after(0)
    assert given.quiet.has_failed
    with pytest.raises(InputError, match=r"broker:9092 gave nothing for 30 s .*7 records") as told:
        given.quiet.check("broker:9092", 7)
    assert "kafka.start_seconds" in str(told.value)
    assert "\n" not in str(told.value)


def test_without_an_end_it_is_never_over():
    given = Input(None)
    assert not given.is_over_after(1e9)
    given.is_read = True
    assert not given.is_over_after(1e9)
    given.quiet.check("broker:9092", 0)
