"""Test, then learn, for intent: what was thought of each event before its label was seen.

An event's own text is seen, its label is not. Where the label comes later, what was thought
at the event's time is judged once it is there.
"""

from __future__ import annotations

import math
import time
from array import array
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.evaluation.judging.told_intent import ToldIntent
from dataflows.evaluation.metrics.curves import means, slide
from learners.classifiers.out_of_scope import OUT_OF_SCOPE
from learners.intent.event_buffer import LateLabel
from learners.intent.explanation import IntentPrediction
from learners.online_model import OnlineModel
from learners.types import Interaction

TOP = 3
LEAST = 1e-15
"""No probability counts for less: the log loss of one event is at most 34.5."""

Column = NDArray[np.float64]


class IntentJudge:
    """Writes down, for each label, what was thought of its event; `figures` sums it up.

    `remembered` is for how many events without a label that is kept, should one come later. `told`
    judges whether the chances told in the first events of users were true.
    """

    def __init__(self, remembered: int) -> None:
        self._remembered = remembered
        self.told = ToldIntent()
        self._waiting: OrderedDict[str, tuple[IntentPrediction, int]] = OrderedDict()
        self._rows = array("d")
        self._labels: set[str] = set()

    def before_learn(self, recommender: OnlineModel, interaction: Interaction) -> None:
        """Look at an event about to be learnt."""
        if recommender.tracker.clock is None:
            recommender.tracker.clock = time.thread_time
        number = self.told.before_learn(recommender, interaction)
        if interaction.vector is not None and not recommender.tracker.is_usable(interaction.vector):
            return
        prediction = recommender.predict_intent(interaction)
        if interaction.intent is not None:
            self._write(prediction, interaction.intent, number)
        elif self._remembered:
            kept = prediction._replace(labels=[*prediction.labels])
            self._waiting[interaction.event_id] = kept, number
            if len(self._waiting) > self._remembered:
                self._waiting.popitem(last=False)

    def before_label(self, recommender: OnlineModel, late: LateLabel) -> None:
        """Look at a label about to be learnt that comes after its event; a teacher's is none."""
        if late.source == "teacher":
            return
        for event_id in recommender.tracker.buffer.meant(late):
            waiting = self._waiting.pop(event_id, None)
            if waiting is not None:
                self._write(waiting[0], late.name, waiting[1])

    def figures(self, needs_seconds: float) -> dict[str, Any]:
        """Return the figures; `needs_seconds` is the CPU time that learning intent took.

        A figure over no events is None.
        """
        rows = np.array(self._rows).reshape(-1, len(_COLUMNS))
        column = dict(zip(_COLUMNS, rows.T, strict=True))
        fifth = slice(len(rows) - len(rows) // 5, None)
        in_scope = column["out_of_scope"] == 0
        running = {"accuracy": column["hit"], "belief": column["belief_hit"]}
        return {
            "events": len(rows),
            "labels": len(self._labels),
            "accuracy": _mean(column["hit"]),
            "accuracy_last_fifth": _mean(column["hit"][fifth]),
            "accuracy_in_scope": _mean(column["hit"][in_scope]),
            "top3": _mean(column["top3"]),
            "log_loss": _mean(column["loss"]),
            "belief": {
                "accuracy": _mean(column["belief_hit"]),
                "accuracy_last_fifth": _mean(column["belief_hit"][fifth]),
                "log_loss": _mean(column["belief_loss"]),
            },
            "oos_auroc": auroc(column["novelty"], ~in_scope),
            "oos_auroc_last_fifth": auroc(column["novelty"][fifth], ~in_scope[fifth]),
            "events_per_cpu_second": len(rows) / needs_seconds if needs_seconds else None,
            "running": _running(running),
        }

    def recent(self, newest: int) -> tuple[int, float | None]:
        """Return how many of the last `newest` labelled events there were, and their accuracy."""
        width = len(_COLUMNS)
        rows = np.array(self._rows[-newest * width :]).reshape(-1, width)
        return len(rows), _mean(rows[:, _COLUMNS.index("hit")])

    def _write(self, prediction: IntentPrediction, label: str, number: int) -> None:
        self._labels.add(label)
        hit, top3, loss = _judged(prediction.labels, prediction.posterior, label)
        belief_hit, _, belief_loss = _judged(prediction.labels, prediction.belief, label)
        labels = prediction.labels
        intent, belief = (dict(zip(labels, of.tolist(), strict=True)) for of in prediction[1:3])
        self.told.judge(intent, belief, label, number)
        out = float(label == OUT_OF_SCOPE)
        self._rows.extend((hit, top3, loss, belief_hit, belief_loss, prediction.novelty, out))


_COLUMNS = ("hit", "top3", "loss", "belief_hit", "belief_loss", "novelty", "out_of_scope")


def auroc(scores: Column, positive: NDArray[np.bool_]) -> float | None:
    """Return the chance that a positive one scores above another, ties counting half.

    None where there are no positives, or nothing else.
    """
    ones, others = int(positive.sum()), int((~positive).sum())
    if not ones or not others:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2.0
    above = float(ranks[place][positive].sum()) - ones * (ones + 1) / 2.0
    return above / (ones * others)


def _judged(labels: list[str], shares: Column, label: str) -> tuple[float, float, float]:
    """Return 1 or 0 for the first place and the first three, and the log loss in nats.

    Ties count against us. A label never met is taken to have had one share in n + 1.
    """
    if label not in labels:
        return 0.0, 0.0, math.log(len(labels) + 1)
    share = float(shares[labels.index(label)])
    rank = int((shares >= share).sum())
    return float(rank <= 1), float(rank <= TOP), -math.log(max(share, LEAST))


def _running(columns: dict[str, Column]) -> dict[str, Any]:
    """Return means over a window that slides over the labelled events, as those of the lists."""
    window, ends = slide(len(columns["accuracy"]))
    curves = {name: means(column, ends, window) for name, column in columns.items()}
    return {"window": window, "events": ends.tolist(), **curves}


def _mean(column: Column) -> float | None:
    return float(column.mean()) if len(column) else None
