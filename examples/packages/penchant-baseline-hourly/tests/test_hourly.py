from __future__ import annotations

import numpy as np
import pytest
from penchant_baseline_hourly import make

from dataflows.evaluation.baselines.catalogue import open_baselines
from dataflows.evaluation.baselines.testing import BASELINE_CHECKS
from dataflows.evaluation.judging.trace import Group

HOUR = 3600.0


@pytest.mark.parametrize("check", BASELINE_CHECKS, ids=lambda check: check.__name__)
def test_it_is_a_baseline(check) -> None:
    check(make)


def group(ts: float, row: int) -> Group:
    of = np.array([row], np.int32), np.array([1.0], np.float32), np.array([np.nan], np.float32)
    return Group(0, ts, *of, 0)


def test_what_is_wanted_in_the_morning_ranks_first_in_the_morning() -> None:
    hourly = make(0)
    for day in range(5):
        hourly.learn(group((24 * day + 8) * HOUR, 0))
        hourly.learn(group((24 * day + 20) * HOUR, 1))
        hourly.learn(group((24 * day + 21) * HOUR, 1))
    morning, noon, late = (hourly.scores(7, (24 * 9 + at) * HOUR, 3) for at in (8, 13, 22.5))
    assert morning.argmax() == 0
    assert late.argmax() == 1
    assert noon.tolist() == pytest.approx([0.05, 0.1, 0.0])


def test_midnight_is_near_both_evening_and_morning() -> None:
    hourly = make(0)
    hourly.learn(group(0.0, 0))
    assert hourly.scores(1, 23 * HOUR, 1) == hourly.scores(1, 1 * HOUR, 1) == 0.5


def test_it_is_found_by_its_name() -> None:
    assert open_baselines(("hourly",), 0).brought == {"hourly": "penchant-baseline-hourly 0.1.0"}
