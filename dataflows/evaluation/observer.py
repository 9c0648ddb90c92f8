"""The observer of a replay: it judges each event before it is learnt, and times the live path.

Beside the ranks it looks at calibration, signals, lists and drift alarms (`Insight`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from dataflows.evaluation.judging.intent import IntentJudge
from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.judging.ranks import ScoredCandidates
from dataflows.evaluation.metrics.ablation import Contributions
from dataflows.evaluation.metrics.calibration import Calibration
from dataflows.evaluation.metrics.curves import curves
from dataflows.evaluation.metrics.exposure import exposure
from dataflows.evaluation.metrics.semantic import ContentRanks
from dataflows.evaluation.timing import Pace
from dataflows.state.outbox import RECOMMENDATIONS, Out
from learners.drift import Alarm
from learners.intent.event_buffer import LateLabel
from learners.online_model import OnlineModel
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
        self, recommender: OnlineModel, interaction: Interaction, ranking: ScoredCandidates | None
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

    def learnt(self, recommender: OnlineModel) -> None:
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


class _Place(msgspec.Struct):
    item_id: str


class _List(msgspec.Struct):
    items: tuple[_Place, ...]
    refreshed: object = None


class _Timed:
    """The recommender as the judge sees it.

    The learn step uses the work of a ranking before a group again. So its time belongs to
    the live path, which without a judge would spend it.
    """

    def __init__(self, recommender: OnlineModel, pace: Pace) -> None:
        self._recommender = recommender
        self._pace = pace
        self.of_group: ScoredCandidates | None = None

    def rank(self, user_id: str, before: float | None = None) -> ScoredCandidates:
        if before is None:
            return self._recommender.rank(user_id)
        with self._pace.inside():
            self.of_group = self._recommender.rank(user_id, before)
        return self.of_group

    def is_known(self, item_id: str) -> bool:
        return self._recommender.is_known(item_id)


class ReplayObserver:
    """Hangs on the learn step; its own time is left out of `pace`.

    `log` is the partition of the events. `also` is called with the messages of each micro-batch;
    `intent` judges what is thought of intent, `content` ranks by meaning alone, `insight`
    looks at all else.
    `lists` counts the lists sent that events made, `listed` holds the items that reached any.
    """

    def __init__(
        self,
        judge: Prequential,
        log: str,
        also: Callable[[Sequence[Out]], None] | None = None,
        intent: IntentJudge | None = None,
        insight: Insight | None = None,
        content: ContentRanks | None = None,
    ) -> None:
        self.judge = judge
        self.intent = intent or IntentJudge(0)
        self.insight = insight
        self.content = content
        self.pace = Pace()
        self.lists = 0
        self.listed: set[str] = set()
        self._log = log
        self._also = also
        self._timed: _Timed | None = None
        self._read = msgspec.json.Decoder(_List)
        self._positions: Mapping[str, int] = {}

    def follow(self, positions: Mapping[str, int]) -> None:
        """Read from here how far each partition is learnt."""
        self._positions = positions

    def before_learn(
        self,
        recommender: OnlineModel,
        interaction: Interaction,
        last_sent: Sequence[str] | None,
        *,
        is_refreshed: bool = False,
    ) -> None:
        """Have the judge rank an interaction that is about to be learnt."""
        with self.pace.apart():
            if self._timed is None:
                self._timed = _Timed(recommender, self.pace)
            self.judge.before_learn(self._timed, interaction, last_sent, is_refreshed=is_refreshed)
            self.intent.before_learn(recommender, interaction)
            if self.insight is not None:
                self.insight.judged(recommender, interaction, self._timed.of_group)
            if self.content is not None:
                read = self._positions.get(self._log)
                self.content.judged(self.judge, recommender, interaction, read)

    def before_label(self, recommender: OnlineModel, late: LateLabel) -> None:
        """Have the judge look at a label about to be learnt."""
        with self.pace.apart():
            self.intent.before_label(recommender, late)

    def after_batch(self, recommender: OnlineModel, outs: Sequence[Out]) -> None:
        """Note the lists that a micro-batch gave."""
        self.pace.arrive(self._positions.get(self._log))
        with self.pace.apart():
            for out in outs:
                if out.topic == RECOMMENDATIONS and out.value is not None:
                    sent = self._read.decode(out.value)
                    self.lists += sent.refreshed is None
                    places = [place.item_id for place in sent.items]
                    self.listed.update(places)
                    if self.insight is not None:
                        self.insight.listed(places)
            if self.insight is not None:
                self.insight.learnt(recommender)
            if self._also is not None:
                self._also(outs)
