"""An alarm where a label no longer means what it meant: its events are suddenly missed.

For each label the share of its events that are missed is known; a run of misses far above
it is found by a cumulative sum of log likelihood ratios (Page, 1954, "Continuous
inspection schemes"): is this label now missed nine times in ten? A window over all labels
(ADWIN over the loss) cannot see one label of 77 change within a few of its events; five or
six misses in a row of a label that was mostly known are enough here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np

from learners.arrays import LabelRows, Slots

_MISSED = 0.9
_LEAST, _MOST = 0.05, 0.6
_MEMORY = 100.0
_PRIOR, _FIRM = 0.5, 4.0


class LabelAlarm(msgspec.Struct, frozen=True):
    """A label whose meaning changed: the share of its events that were hit, `before` and `after`.

    `position` is the number of examples that the learner had learnt before.
    """

    label: str
    position: int
    before: float
    after: float


class Change(NamedTuple):
    """The share of a label's events that were hit, before and in the run that gave the alarm."""

    before: float
    after: float


class LabelWatch(LabelRows):
    """Misses of each label: their usual share, and the evidence that this has changed.

    `limit` is the evidence, in nats, at which there is an alarm: at 10, one label's steady
    stream gives a false one in some 20,000 of its events.
    """

    def __init__(self, max_labels: int, limit: float) -> None:
        self.limit = limit
        super().__init__(Slots(max_labels, _BLANKS))

    def update(self, slot: int, *, missed: bool) -> Change | None:
        """Note whether a label's event was missed; return a change where that is an alarm.

        After an alarm the label is watched as a new one.
        """
        shares, counts, evidence, run, lost, usual = (self._slots[name] for name in _BLANKS)
        share = max(float(shares[slot]), _LEAST)
        if evidence[slot] == 0.0:
            usual[slot], run[slot], lost[slot] = shares[slot], 0, 0
        run[slot] += 1
        lost[slot] += missed
        if share > _MOST:
            evidence[slot] = 0.0  # it was hardly ever known: there is nothing to be lost
        else:
            ratio = _MISSED / share if missed else (1.0 - _MISSED) / (1.0 - share)
            evidence[slot] = max(float(evidence[slot]) + math.log(ratio), 0.0)
        counts[slot] = min(float(counts[slot]) + 1.0, _MEMORY)
        shares[slot] += (missed - float(shares[slot])) / float(counts[slot])
        if evidence[slot] < self.limit:
            return None
        change = Change(1.0 - float(usual[slot]), 1.0 - int(lost[slot]) / int(run[slot]))
        self.clear(slot)
        return change

    def merge(self, gone: int, kept: int) -> None:  # noqa: ARG002 (as the other parts)
        """Watch a label as a new one, since it means more than it did."""
        self.clear(kept)


_BLANKS = {
    "shares": np.array(_PRIOR),
    "counts": np.array(_FIRM),
    "evidence": np.array(0.0),
    "run": np.array(0, np.int32),
    "lost": np.array(0, np.int32),
    "usual": np.array(_PRIOR),
}
