"""What was told of users' intent in their first events, against what came.

Where labels are known, what is told of an event without its label is held against the label. Until
one is, what was told after a user's event is held against the first category of the next item
that they take; of a user's first event nothing had been told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from dataflows.evaluation.metrics.top_calibration import TopCalibration
from learners.intent.explanation import likeliest_first
from learners.online_model import OnlineModel
from learners.types import Interaction

FIRST = 20
"""So many events of each user are judged."""


class ToldIntent:
    """Judges the likeliest need that was told, of the event and of the session."""

    def __init__(self) -> None:
        self._events: Counter[str] = Counter()
        self._of_event, self._of_session = TopCalibration(), TopCalibration()

    def before_learn(self, recommender: OnlineModel, interaction: Interaction) -> int:
        """Judge an event about to be learnt by its category; return its number for its user."""
        number = self._events[interaction.user_id]
        self._events[interaction.user_id] += 1
        tracker = recommender.tracker
        # With types of events among what is told, what came is not one of them alone.
        is_of_categories = not tracker.stated.labels and not tracker.settings.intent_actions > 0
        if not 0 < number < FIRST or not is_of_categories or not interaction.weight > 0:
            return number
        category = _category(recommender, interaction)
        if category is not None:
            user = recommender.users.get(interaction.user_id, interaction.position)
            report = tracker.report(user.intent)
            self.judge(report.intent, report.belief, category, number)
        return number

    def judge(
        self, intent: Mapping[str, float], belief: Mapping[str, float], came: str, number: int
    ) -> None:
        """Judge what was told of the event of this number, if it is among the first."""
        if number >= FIRST:
            return
        for told, collected in ((intent, self._of_event), (belief, self._of_session)):
            need = next(iter(likeliest_first(told)), None)
            if need is not None:
                collected.add(told[need], came=need == came)

    def figures(self) -> dict[str, Any]:
        """Return the figures of both, and how many events of a user are `first`."""
        return {
            "first": FIRST,
            "intent": self._of_event.figures(),
            "belief": self._of_session.figures(),
        }


def _category(recommender: OnlineModel, interaction: Interaction) -> str | None:
    items = recommender.signals.items
    number = items.index.get(interaction.item_id or "")
    names = [] if number is None else items.category_names_of(number)
    return names[0] if names else None
