"""The recommender passes on that a label of intent has changed its meaning, once."""

from __future__ import annotations

from learners.online_model import OnlineModel
from learners.settings import LearnerSettings
from learners.testing import clusters
from learners.types import Interaction


def test_labels_that_swap_raise_an_alarm_that_names_one() -> None:
    model = OnlineModel(LearnerSettings(dim=16))
    vectors, labels = clusters(900, 4, seed=1)
    swap = {"need-0": "need-1", "need-1": "need-0"}
    found = []
    for number, (x, label) in enumerate(zip(vectors, labels, strict=True)):
        intent = swap.get(label, label) if number >= 600 else label
        one = Interaction(
            number, f"e-{number}", f"u-{number % 50}", None, "search", 1e6 + number,
            vector=x, intent=intent,
        )  # fmt: skip
        found += [alarm for alarm in model.learn(one) if alarm.signal == "intent_label"]
    assert 1 <= len(found) <= 4
    assert {alarm.label for alarm in found} <= set(swap)
    assert all(600 <= alarm.position < 700 for alarm in found)
    assert model.drift.counts["intent_label"] == len(found)
