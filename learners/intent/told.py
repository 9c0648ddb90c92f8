"""What is told of a user's intent: the chances of the newest event and of the session, calibrated.

Each has a calibrator of its own (`learners.intent.calibration`). They learn when it turns out
which need it was: from the category that a user takes next while no label is known, else from the
labels. A teacher's labels prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.classifiers.base import LabelLearner
from learners.intent.calibration import ChanceCalibrator
from learners.intent.session_belief import Belief, SessionFilter, widened
from learners.settings import LearnerSettings

Chances = NDArray[np.float64]


class Said(NamedTuple):
    """What a learner and the filter say of a user after `events` events of their session.

    `posterior` (n,) is that of the newest event, `belief` that of the session; None where there
    is none.
    """

    posterior: Chances | None
    belief: Belief | None = None
    events: int = 1


class ToldChances:
    """Tells what a learner of needs and its filter say, and learns how true that was.

    `by_label`: the needs are labels, and the learner reads one event by itself.
    """

    def __init__(self, settings: LearnerSettings, *, by_label: bool = False) -> None:
        # Counts are sums of weights; what is asked of them is how many examples there were.
        weight = settings.intent_labels or settings.intent_teacher
        self._weight = (weight if by_label else settings.intent_next) or 1.0
        self._by_label = by_label
        self._of_event, self._of_session = ChanceCalibrator(), ChanceCalibrator()

    def tell(self, learner: LabelLearner, said: Said) -> tuple[Chances, Chances]:
        """Return the chances (n,) to tell for the newest event and for the session.

        What they lack in 1 is for needs that nobody was after yet. Where one of the two is not
        known, the other stands for it; where neither is, what is usual.
        """
        counts, belief = learner.counts / self._weight, said.belief
        posterior, of_session = said.posterior, None
        if belief is not None and self._by_label and belief.labelled >= 0 and not belief.since:
            # The newest event said what its need is: that is believed as it stands.
            of_session = widened(belief.shares, len(counts))
        elif belief is not None:
            of_session = self._of_session.tell(belief.shares, counts, said.events)
        if posterior is None:
            if of_session is not None:
                return of_session, of_session
            posterior = learner.predict(None)
        of_event = self._of_event.tell(posterior, counts, self._seen(said))
        return of_event, of_event if of_session is None else of_session

    def prove(self, learner: LabelLearner, said: Said, label: str) -> None:
        """Learn which need it turned out to be, before the learner learns it."""
        if label not in learner.labels:
            return
        slot, counts = learner.labels.index(label), learner.counts / self._weight
        if said.posterior is not None:
            self._of_event.learn(said.posterior, counts, self._seen(said), slot)
        if said.belief is not None:
            self._of_session.learn(said.belief.shares, counts, said.events, slot)

    def _seen(self, said: Said) -> int:
        """Return how many events a posterior is read from."""
        return 1 if self._by_label else said.events

    def state(self) -> dict[str, object]:
        """Return all that was learnt as plain values and copies of arrays, for `learners.codec`."""
        return {"event": self._of_event.state(), "session": self._of_session.state()}

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Restore, bit for bit, what `state` returned; None was stored before there was any."""
        if state is not None:
            self._of_event.restore(state["event"])
            self._of_session.restore(state["session"])


def whole_session(
    posteriors: Sequence[Chances], session_filter: SessionFilter | None, edition: int
) -> Iterator[Said]:
    """Yield what is said after each event of a session; without a filter, of events alone."""
    belief: Belief | None = None
    for events, posterior in enumerate(posteriors, 1):
        if session_filter is not None:
            belief = session_filter.look(belief, posterior, edition, len(posterior))
        yield Said(posterior, belief, events)
