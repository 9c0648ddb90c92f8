"""Every baseline of ours does what a baseline must; and the checks find one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.errors import InputError
from dataflows.evaluation.baselines.catalogue import BASELINES, open_baseline
from dataflows.evaluation.baselines.popularity import PopularityBaseline
from dataflows.evaluation.baselines.testing import (
    BASELINE_CHECKS,
    GROUPS,
    check_baseline,
    sample_trace,
)


@pytest.mark.parametrize("check", BASELINE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", BASELINES)
def test_it_is_a_baseline(name, check) -> None:
    try:
        open_baseline(name, 0)
    except InputError as error:
        pytest.skip(str(error))
    check(BASELINES[name])


def test_the_sample_has_what_it_says() -> None:
    trace = sample_trace()
    groups = [trace.group(number) for number in range(len(trace))]
    assert len(groups) == GROUPS
    assert {len(group.items) for group in groups} == {1, 2}
    assert 5 < sum((group.weights < 0).sum() for group in groups) < 60


class Short(PopularityBaseline):
    def scores(self, user, ts, items):
        return super().scores(user, ts, items)[:-1]


class Narrow(PopularityBaseline):
    def scores(self, user, ts, items):
        return super().scores(user, ts, items).astype(np.float32)


class Lists(PopularityBaseline):
    def scores(self, user, ts, items):
        return super().scores(user, ts, items).tolist()


class Infinite(PopularityBaseline):
    def scores(self, user, ts, items):
        return np.where(super().scores(user, ts, items) > 3.0, np.inf, 0.0)


class Silent(PopularityBaseline):
    def scores(self, user, ts, items):
        return np.full(items, -np.inf)


class Counting(PopularityBaseline):
    def scores(self, user, ts, items):
        self._counts[0] += 1.0
        return super().scores(user, ts, items)


class Remembering(PopularityBaseline):
    asked = 0

    def scores(self, user, ts, items):
        self.asked += 1
        return super().scores(user, ts, items)

    def learn(self, group) -> None:
        super().learn(group)
        self._counts[0] += self.asked


class Drawing(PopularityBaseline):
    def __init__(self) -> None:
        super().__init__()
        self.first = np.random.default_rng().random(1000)

    def scores(self, user, ts, items):
        return super().scores(user, ts, items) + self.first[:items]


class Known(PopularityBaseline):
    def scores(self, user, ts, items):
        if user >= 99_999:
            raise KeyError(user)
        return super().scores(user, ts, items)


@pytest.mark.parametrize(
    ("faulty", "told"),
    [
        (Short, "gave the shape"),
        (Narrow, "gave float32, not float64"),
        (Lists, "gave list, not an array"),
        (Infinite, "gave infinity"),
        (Silent, "no item has a score"),
        (Counting, "asked twice"),
        (Remembering, "asked for others between"),
        (Drawing, "otherwise"),
        (Known, "99999"),
    ],
)
def test_what_is_wrong_with_a_baseline_is_found(faulty, told) -> None:
    with pytest.raises((AssertionError, KeyError), match=told):
        check_baseline(lambda seed: faulty())
