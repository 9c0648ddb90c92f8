"""What signals give, held against the network asked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.evaluation.metrics.ablation import EVERY, Contributions
from learners.online_model import OnlineModel
from learners.ranking.columns import FEATURES, GROUPS, SOMETIMES
from learners.settings import LearnerSettings
from learners.types import Interaction

ALWAYS = {group: names for group, names in GROUPS.items() if group not in SOMETIMES}


@pytest.fixture(scope="module")
def grown() -> tuple[OnlineModel, Contributions, list[tuple[int, np.ndarray]]]:
    """A model and what was sampled while it grew, and the same sampled by hand."""
    model = OnlineModel(LearnerSettings(repeats="off"))
    contributions, by_hand = Contributions(5), []
    rng = np.random.default_rng(0)
    for position in range(600):
        item = f"i{int(40 * rng.random() ** 2)}"
        user = f"u{position % 23}"
        model.learn(Interaction(position, f"e{position}", user, item, "view", 60.0 * position, 1.0))
        if position % 4 == 0:  # as if four interactions stood in a group
            contributions.look(model, position // 4)
            if (position // 4) % EVERY == 0:
                by_hand.append((position, naive(model)))
    return model, contributions, by_hand


def naive(model: OnlineModel) -> np.ndarray:
    """Mean loss of score of the best five, one item and one group of signals at a time."""
    batch, score = model.open, model.preference.score
    item_weights = batch.item_weights
    best = np.argsort(-(score(batch.scaled) + item_weights), kind="stable")[:5]
    lost = np.zeros(len(ALWAYS))
    for number, (group, names) in enumerate(ALWAYS.items()):
        columns = [FEATURES.index(name) for name in names if name in FEATURES]
        for place in best:
            row = batch.scaled[[place]].copy()
            full = score(row)[0]
            row[0, columns] = batch.scaled[:, columns].mean(axis=0)
            lost[number] += (full - score(row)[0]) / len(best)
            if group == "together":
                lost[number] += (item_weights[place] - item_weights.mean()) / len(best)
    return lost


def test_one_group_in_so_many_is_sampled_and_as_by_hand(grown) -> None:
    _, contributions, by_hand = grown
    figures = contributions.figures()
    assert figures["groups"] == len(by_hand) == len(figures["events"]) == 8
    assert figures["events"] == [position for position, _ in by_hand]
    for number, name in enumerate(ALWAYS):
        expected = [lost[number] for _, lost in by_hand]
        assert figures["over_time"][name] == pytest.approx(expected, abs=1e-4)
        assert figures["mean"][name] == pytest.approx(float(np.mean(expected)), abs=1e-4)
    assert max(figures["mean"].values()) > 0.01


def test_the_same_group_is_not_sampled_twice(grown) -> None:
    model, *_ = grown
    contributions = Contributions(5)
    contributions.look(model, EVERY)
    contributions.look(model, 2 * EVERY)
    contributions.look(model, 2 * EVERY + 1)
    assert contributions.figures()["groups"] == 1


def test_a_model_that_has_learnt_nothing_gives_nothing() -> None:
    contributions = Contributions(5)
    contributions.look(OnlineModel(), 0)
    figures = contributions.figures()
    assert figures["groups"] == 0
    assert figures["mean"] == {}
    assert set(figures["over_time"]) == set(ALWAYS)
