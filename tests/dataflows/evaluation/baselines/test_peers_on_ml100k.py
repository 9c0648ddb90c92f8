"""Baselines on a real log: each must be as good as such a method is known to be."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from dataflows.evaluation.baselines.catalogue import BASELINES
from dataflows.evaluation.baselines.runner import run_baseline
from dataflows.evaluation.log_order import replay_order

EVENTS = 12_000


@pytest.fixture(scope="module")
def trace(ml100k, judged):
    with (ml100k / "ml-100k.inter").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    times = np.array([float(row[3]) for row in rows])
    users = np.array([int(row[0]) for row in rows])
    order = replay_order(times, users)[:EVENTS].tolist()
    events = [(rows[n][0], rows[n][1], times[n], 1.0) for n in order]
    return judged(events, EVENTS // 5).trace


def hit_rate(name: str, trace) -> float:
    ranks = run_baseline(BASELINES[name](0), trace, repeats_on=False).ranks
    return float(((ranks > 0) & (ranks <= 10)).mean())


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("popularity", 0.07),
        ("popularity-decayed", 0.075),
        ("markov-last", 0.064),
        ("markov", 0.14),
        ("item-knn", 0.143),
        ("vmis-knn", 0.129),
        ("bpr", 0.113),
        ("isgd", 0.124),
        ("ials", 0.14),
        ("ease", 0.143),
        ("river-biased-mf", 0.108),
        ("river-funk-mf", 0.12),
        ("vowpal-wabbit", 0.108),
        ("sasrec", 0.11),
    ],
)
def test_a_peer_is_as_good_as_it_is_known_to_be(name, least, trace) -> None:
    assert hit_rate(name, trace) > least
