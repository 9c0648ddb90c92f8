"""Calibration, on probabilities that are true, on such that are not, and against a plain sum."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.evaluation.metrics.calibration import Calibration, wilson


class Ranked(NamedTuple):
    ids: list[str]
    scores: np.ndarray


def drawn(events: int, *, sharper: float = 1.0, seed: int = 0) -> Calibration:
    """Events whose true item is drawn by a softmax; what is ranked by is `sharper` than that."""
    rng = np.random.default_rng(seed)
    calibration = Calibration(5)
    ids = [f"i{number}" for number in range(40)]
    for _ in range(events):
        scores = rng.normal(0.0, 1.5, len(ids))
        chances = np.exp(scores) / np.exp(scores).sum()
        calibration.add(Ranked(ids, sharper * scores), ids[rng.choice(len(ids), p=chances)])
    return calibration


def test_true_probabilities_are_found_true() -> None:
    figures = drawn(4000).figures()
    assert figures["events"] == 4000
    assert figures["ece"] < 0.01
    assert figures["predicted_hits"] == pytest.approx(figures["observed_hits"], abs=0.02)
    inside = [
        each["interval"][0] <= each["predicted"] <= each["interval"][1] for each in figures["bins"]
    ]
    assert sum(inside) >= len(inside) - 2


def test_probabilities_that_promise_too_much_are_found_out() -> None:
    figures = drawn(4000, sharper=2.0).figures()
    assert figures["ece"] > 0.05
    last = figures["bins"][-1]
    assert last["predicted"] > last["interval"][1]
    assert figures["predicted_hits"] > figures["observed_hits"] + 0.2


def test_bins_and_places_hold_everything_once() -> None:
    figures = drawn(300).figures()
    bins = figures["bins"]
    assert 6 <= len(bins) <= 12
    assert sum(each["places"] for each in bins) == 300 * 5
    for before, after in pairwise(bins):
        assert before["to"] == after["from"]
    for each in bins:
        assert each["from"] <= each["predicted"] <= each["to"]
    for name in ("predicted", "observed"):
        over_bins = sum(each["places"] * each[name] for each in bins) / 300
        over_places = sum(figures["by_place"][name])
        assert over_bins == pytest.approx(over_places) == pytest.approx(figures[f"{name}_hits"])
    predicted = figures["by_place"]["predicted"]
    assert predicted == sorted(predicted, reverse=True)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.integers(1, 4))
def test_a_place_gets_its_softmax(scores, k) -> None:
    calibration = Calibration(k)
    ids = [str(number) for number in range(len(scores))]
    calibration.add(Ranked(ids, np.array(scores)), ids[int(np.argmax(scores))])
    chances = sorted(np.exp(np.array(scores) - max(scores)), reverse=True)
    chances = [chance / sum(chances) for chance in chances][:k]
    got = calibration.figures()
    assert got["by_place"]["predicted"][: len(chances)] == pytest.approx(chances)
    assert got["by_place"]["observed"][0] == 1.0


def test_scores_that_are_no_number_promise_nothing() -> None:
    calibration = Calibration(3)
    calibration.add(Ranked(["a", "b"], np.array([np.nan, 1.0])), "a")
    calibration.add(Ranked(["a"], np.array([np.nan])), "a")
    calibration.add(Ranked([], np.array([])), "a")
    figures = calibration.figures()
    assert figures["events"] == 3
    assert figures["predicted_hits"] == pytest.approx(1 / 3)
    assert figures["observed_hits"] == 0.0


def test_without_events_there_are_no_figures() -> None:
    figures = Calibration(3).figures()
    assert figures["ece"] is figures["predicted_hits"] is None
    assert figures["bins"] == []


def test_wilson_interval_is_that_of_the_textbook() -> None:
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = wilson(0, 20)
    assert low == 0.0
    assert high == pytest.approx(0.1611, abs=1e-4)


def test_a_few_places_left_over_make_no_bin_of_their_own() -> None:
    calibration, ids = Calibration(1), ["a", "b"]
    for number in range(1200):
        calibration.add(Ranked(ids, np.array([0.1, 0.0])), ids[number % 2])
    assert len(calibration.figures()["bins"]) == 1
    sure = Ranked(ids, np.array([50.0, 0.0]))
    for _ in range(4):
        calibration.add(sure, "a")
    (only,) = calibration.figures()["bins"]
    assert (only["places"], only["to"]) == (1204, 1.0)
    for _ in range(20):
        calibration.add(sure, "a")
    first, last = calibration.figures()["bins"]
    assert (first["places"], first["observed"]) == (1200, 0.5)
    assert (last["places"], last["observed"], last["predicted"]) == (24, 1.0, 1.0)
