"""What a replay looks at beside the ranks: calibration, signals, lists, drift alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.judging.ranks import ScoredCandidates
from dataflows.evaluation.metrics.ablation import Contributions
from dataflows.evaluation.metrics.calibration import Calibration
from dataflows.evaluation.metrics.curves import curves
from dataflows.evaluation.metrics.exposure import exposure
from learners.drift import Alarm
from learners.recommender import Recommender
from learners.types import Interaction


class Insight:
    """Collects what the observer of a replay passes on; `shown` counts places by item."""

    def __init__(self, judge: Prequential, k: int) -> None:
        self.alarms: list[Alarm] = []
        self.shown: Counter[str] = Counter()
        self._judge = judge
        self._k = k
        self._calibration = Calibration(k)
        self._contributions = Contributions(k)
        self._scored = self._groups = 0

    def judged(
        self, recommender: Recommender, interaction: Interaction, ranking: ScoredCandidates | None
    ) -> None:
        """Look at an interaction right after the judge did; `ranking` is that of its group."""
        scored, groups = len(self._judge.scored), len(self._judge.trace)
        if scored > self._scored and ranking is not None and interaction.item_id is not None:
            self._calibration.add(ranking, interaction.item_id)
        if groups > self._groups:
            self._contributions.look(recommender, groups)
        self._scored, self._groups = scored, groups

    def listed(self, items: Sequence[str]) -> None:
        """Count the places of a list that was sent."""
        self.shown.update(items)

    def learnt(self, recommender: Recommender) -> None:
        """Note the drift alarms that are new."""
        last = self.alarms[-1].position if self.alarms else -1
        self.alarms += [alarm for alarm in recommender.drift.alarms if alarm.position > last]

    def figures(self, known: int) -> dict[str, Any]:
        """Return all that was looked at; `known` is how many items stream and catalogue held."""
        judge = self._judge
        return {
            **curves(judge.scored, judge.trace, self.alarms, self._k),
            "calibration": self._calibration.figures(),
            "contributions": self._contributions.figures(),
            "exposure": exposure(self.shown, judge, known),
        }
