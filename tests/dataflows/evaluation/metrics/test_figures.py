"""Ranks to figures, by formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dataflows.evaluation.metrics.rank_metrics import averages, bounds, gains, in_parts


def test_gains_at_ten() -> None:
    earned = gains(np.array([1, 2, 10, 11, 0]), 10)
    assert earned[:, 0].tolist() == [1, 1, 1, 0, 0]
    assert earned[:, 1] == pytest.approx([1, 1 / math.log2(3), 1 / math.log2(11), 0, 0])
    assert earned[:, 2] == pytest.approx([1, 0.5, 0.1, 0, 0])


def test_cold_warm_and_quarters_are_parts_of_the_whole() -> None:
    ranks = np.array([1, 0, 1, 1, 0, 0, 2, 0])
    cold = np.array([True, True, False, False, False, False, False, True])
    figures = in_parts(gains(ranks, 1), cold, 1)
    assert (figures["hr@1"], figures["events"]) == (3 / 8, 8)
    assert figures["cold"] == {"hr@1": 1 / 3, "ndcg@1": 1 / 3, "mrr@1": 1 / 3, "events": 3}
    assert figures["warm"]["hr@1"] == 2 / 5
    assert [part["hr@1"] for part in figures["quarters"]] == [0.5, 1.0, 0.0, 0.0]


def test_nothing_scored_gives_no_figure_rather_than_nan() -> None:
    empty = gains(np.array([], dtype=np.int64), 10)
    assert averages(empty, 10) == {"hr@10": None, "ndcg@10": None, "mrr@10": None, "events": 0}
    assert bounds(np.full((3, 2), np.nan), 10)["hr@10"] is None
