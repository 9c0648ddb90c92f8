"""The model lives, and its figures stay finite, at both ends of every setting."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from dataflows.config.limits import range_of
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.types import Interaction, Item

DIM, ITEMS, STEPS = 8, 40, 60
RANGES = {field.name: range_of(field.type) for field in msgspec.structs.fields(LearnerSettings)}
ENDS = [
    (name, end)
    for name, found in RANGES.items()
    if found is not None and name != "dim"
    for end in found
]


def unit(dice: np.random.Generator) -> np.ndarray:
    row = dice.normal(size=DIM).astype(np.float32)
    return row / np.linalg.norm(row)


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_both_ends_of_a_setting_give_finite_lists(name: str, end: float) -> None:
    fitting = {"k": {"candidates": 10_000}, "candidates": {"k": 1}}.get(name, {})
    model = OnlineModel(LearnerSettings(**({"dim": DIM, name: end} | fitting)))
    dice = np.random.default_rng(3)
    for number in range(ITEMS):
        item = Item(f"i{number}", f"thing {number}", (f"c{number % 3}",), True, unit(dice))
        model.put_item(item)
    weights = (1.0, 1000.0, -1000.0)  # the limits of clean.weights
    for step in range(STEPS):
        user, vector = f"u{step % 5}", unit(dice)
        done = Interaction(
            step, f"e{step}", user, f"i{step * 7 % ITEMS}", "view", 1e9 + step, weights[step % 3]
        )
        model.learn(msgspec.structs.replace(done, vector=vector, value=1e300))
        offered = model.recommend(user)
        assert np.isfinite([entry.score for entry in offered.entries]).all()
        assert np.isfinite([entry.propensity for entry in offered.entries]).all()
    assert offered.entries
    assert all(blob is None or blob for _, _, blob in model.changed())
