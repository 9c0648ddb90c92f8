"""Alarms of drift in the log: few lines, and none is lost from their count."""

from __future__ import annotations

import logging
import re

import pytest

from dataflows.engine.status.drift_log import TELL_EVERY, DriftLog
from learners.drift import Alarm
from learners.testing import FakeClock


@pytest.fixture
def told(caplog):
    caplog.set_level(logging.WARNING, "dataflows")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_line_a_minute_that_counts_what_it_leaves_out(told) -> None:
    clock = FakeClock()
    log = DriftLog(clock)
    alarms = 0
    for second in range(400):  # an alarm every second
        clock.now = float(second)
        log.tell(Alarm("hit", second, 0.3, 0.1))
        alarms += 1
    log.finish()
    lines = told()
    assert len(lines) == 400 // TELL_EVERY + 2
    assert lines[0] == "drift: the mean hit went from 0.300 to 0.100 at learnt event 0"
    assert lines[1].endswith("at learnt event 60 (59 others before it were left out)")
    left_out = sum(int(number) for line in lines for number in re.findall(r"\((\d+) others", line))
    assert lines[-1] == "drift: 39 more since then"
    assert len(lines) - 1 + left_out + 39 == alarms


def test_alarms_far_apart_are_all_told(told) -> None:
    clock = FakeClock()
    log = DriftLog(clock)
    for place in range(3):
        clock.now += TELL_EVERY
        log.tell(Alarm("intent_loss", place, 0.8, 0.4))
    log.finish()
    assert len(told()) == 3
    assert not any("left out" in line or "more" in line for line in told())


def test_a_label_is_named(told) -> None:
    DriftLog(FakeClock()).tell(Alarm("intent_label", 7, 0.9, 0.1, "gift"))
    (line,) = told()
    assert line.startswith("drift: the label 'gift' changed its meaning")
    assert line.endswith("from 0.900 to 0.100 at learnt event 7")
