"""SASRec: what follows what, and nothing of what is global is left changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dataflows.evaluation.baselines import sasrec
from dataflows.evaluation.baselines.sasrec import SasRec
from dataflows.evaluation.baselines.sasrec_network import LENGTH, Network
from dataflows.evaluation.judging.trace import Group


def group_of(user: int, rows: list[int]) -> Group:
    ones = np.ones(len(rows), dtype=np.float32)
    return Group(user, 0.0, np.array(rows, dtype=np.int32), ones, ones, 0)


def learn_circles(baseline: SasRec, events: int) -> None:
    """Each user goes on from an item to the next of ten, round and round."""
    for n in range(events):
        user, step = n % 20, n // 20
        baseline.learn(group_of(user, [(user + step) % 10]))


def test_the_next_of_a_circle_is_learnt(monkeypatch) -> None:
    monkeypatch.setattr(sasrec, "EVERY", 100)
    baseline = SasRec()
    learn_circles(baseline, 2000)
    right = 0
    for first in range(10):
        user = 100 + first
        baseline.learn(group_of(user, [first]))
        baseline.learn(group_of(user, [(first + 1) % 10]))
        right += int(baseline.scores(user, 0.0, 10).argmax()) == (first + 2) % 10
    assert right >= 9
    assert baseline.notes[0].startswith("trained 20 times")


def test_what_follows_in_a_sequence_changes_no_state_before() -> None:
    torch.manual_seed(0)
    network = Network().eval()
    rows = torch.randint(0, 50, (2, LENGTH))
    other = rows.clone()
    other[:, 20:] = 7
    with torch.inference_mode():
        assert torch.allclose(network(rows)[:, :20], network(other)[:, :20], atol=1e-5)
        assert not torch.allclose(network(rows)[:, 20:], network(other)[:, 20:], atol=1e-2)


def test_runs_are_alike_and_torch_is_left_as_it_was(monkeypatch) -> None:
    monkeypatch.setattr(sasrec, "EVERY", 100)
    answers = []
    for drawn_before in (1, 5):
        torch.manual_seed(9)
        torch.rand(drawn_before)
        state, threads = torch.random.get_rng_state(), torch.get_num_threads()
        baseline = SasRec(3)
        learn_circles(baseline, 300)
        answers.append(baseline.scores(4, 0.0, 10).tolist())
        assert torch.equal(torch.random.get_rng_state(), state)
        assert torch.get_num_threads() == threads
    assert answers[0] == answers[1]


def test_items_beyond_the_table_are_not_scored(monkeypatch) -> None:
    monkeypatch.setattr(sasrec, "EVERY", 10)
    monkeypatch.setattr(sasrec, "MOST_ITEMS", 8)
    baseline = SasRec()
    learn_circles(baseline, 100)
    scores = baseline.scores(0, 0.0, 10)
    assert np.isfinite(scores[:8]).all()
    assert scores[8:].tolist() == pytest.approx([-np.inf, -np.inf])
    assert "20 events were of items beyond 8" in baseline.notes[0]


def test_a_softmax_over_a_draw_holds_what_was_wanted(monkeypatch) -> None:
    monkeypatch.setattr(sasrec, "MOST_COMPARED", 6)
    baseline = SasRec()
    learn_circles(baseline, 40)
    wanted = np.array([9, 3, 3, 0])
    for _ in range(20):
        compared, places = baseline._compare(wanted)
        assert compared[places].tolist() == wanted.tolist()
        assert len(set(compared.tolist())) == len(compared) == 6
