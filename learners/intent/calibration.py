"""Chances of needs that hold what they promise, from the first event on.

A softmax that has seen three examples is as sure as one that has seen three thousand, and a
filter that multiplies evidence is sure of what repeats itself. So what they say is told thus:

    told = (1 - new) * fix((1 - w) * share ** a / sum + w * usual)

`usual` are the shares with which needs came so far. `a`, a temperature (Guo et al., 2017, "On
calibration of modern neural networks"), and `w` are learnt online, by the log loss of what was
told, in common and apart for each number of events that the session had. However they stand,
`usual` has a part of `FIRST / (FIRST + n)`, n being the examples that the needs were learnt from.
`new` is kept for needs that nobody has been after yet: the share of those seen once (Good, 1953,
"The population frequencies of species"), as (once + 1) / (n + 2). `fix` moves the highest chance
by how much more often than told it came true where it was about as high (histogram binning, read
between the middles of the bins), and the others, in proportion, by the rest. It never puts another
need first.

The newest event and the session have a calibrator each. They learn from the category that a user
takes next while no label is known, else from the labels. A teacher's labels prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.classifiers.base import Chances, LabelLearner
from learners.intent.record import Belief
from learners.intent.session_belief import widened
from learners.settings import LearnerSettings

FIRST = 5.0
_PLACES = (1, 1, 2, 3, 3, 4, 4, 4, 5)
"""By the number of a session's events: which row of `lines` is its own."""
_BINS = 10
_FIRST_LINE = (0.0, -2.0)
_RATE = 0.2
_DOUBT, _MEMORY = 20.0, 500.0
_LEAST = 1e-12
_STEEPEST = 5.0
_ONCE = 1.0 + 1e-9
_MOST, _APART = 0.999, 1e-5
_LOWEST, _HIGHEST = (-2.5, -6.0), (1.5, 4.0)


class ChanceCalibrator:
    """Learns how true the chances of one source are, and tells them so that they are.

    `lines` (6, 2) are log(a) and logit(w): in the first row what is common to all, below it what is
    added to that after so many events. `squares` are the sums of their squared gradients (AdaGrad,
    Duchi et al., 2011), `offsets` (10,) what is added to a highest chance in the middle of each
    bin, `weights` (10,) how many were seen there. Nothing hangs on which need has which slot.
    """

    def __init__(self) -> None:
        self.lines = np.zeros((max(_PLACES) + 1, 2))
        self.lines[0] = _FIRST_LINE
        self.squares = np.ones_like(self.lines)
        self.offsets, self.weights = np.zeros(_BINS), np.zeros(_BINS)

    def tell(self, shares: NDArray[Any], counts: Chances, seen: int) -> Chances:
        """Return the chances (n,) to tell for these shares; what they lack in 1 is for new needs.

        `counts` (n,) is how often each need came so far, `seen` the session's events.
        """
        told = np.empty(len(counts))
        if len(counts):
            place = _PLACES[min(seen, len(_PLACES) - 1)]
            tell(shares, counts, self.lines, place, self.offsets, told)
        return told

    def learn(self, shares: NDArray[Any], counts: Chances, seen: int, slot: int) -> None:
        """Learn that the need in this slot came where `tell` was given the same."""
        if len(counts) > 1:
            place = _PLACES[min(seen, len(_PLACES) - 1)]
            learnt = self.lines, self.squares, self.offsets, self.weights
            learn(shares, counts, learnt, place, slot)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of all arrays."""
        return {name: getattr(self, name).copy() for name in _ARRAYS}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Restore, bit for bit, what `state` returned."""
        for name in _ARRAYS:
            setattr(self, name, state[name].copy())


_ARRAYS = ("lines", "squares", "offsets", "weights")


class ToldChances:
    """Tells what a learner of needs and its filter say of a user, and learns how true that was.

    `by_label`: the needs are labels, and the learner reads one event by itself. What they say
    after `events` events of a session are `posterior` (n,), that of the newest event, and
    `belief`, that of the session; None where there is none.
    """

    def __init__(self, settings: LearnerSettings, *, by_label: bool = False) -> None:
        # Counts are sums of weights; what is asked of them is how many examples there were.
        weight = settings.intent_labels or settings.intent_teacher
        self._weight = (weight if by_label else settings.intent_next) or 1.0
        self._by_label = by_label
        self._of_event, self._of_session = ChanceCalibrator(), ChanceCalibrator()

    def tell(
        self, learner: LabelLearner, posterior: Chances | None, belief: Belief | None, events: int
    ) -> tuple[Chances, Chances]:
        """Return the chances (n,) to tell for the newest event and for the session.

        What they lack in 1 is for needs that nobody was after yet. Where one of the two is not
        known, the other stands for it; where neither is, what is usual.
        """
        counts, of_session = learner.counts / self._weight, None
        if belief is not None and self._by_label and belief.labelled >= 0 and not belief.since:
            # The newest event said what its need is: that is believed as it stands.
            of_session = widened(belief.shares, len(counts))
        elif belief is not None:
            of_session = self._of_session.tell(belief.shares, counts, events)
        if posterior is None:
            if of_session is not None:
                return of_session, of_session
            posterior = learner.predict(None)
        of_event = self._of_event.tell(posterior, counts, 1 if self._by_label else events)
        return of_event, of_event if of_session is None else of_session

    def prove(
        self, learner: LabelLearner, slot: int, posterior: Chances | None,
        belief: Belief | None, events: int,
    ) -> None:  # fmt: skip
        """Learn which need it turned out to be, by its slot, before the learner learns it."""
        counts = learner.counts / self._weight
        if posterior is not None:
            self._of_event.learn(posterior, counts, 1 if self._by_label else events, slot)
        if belief is not None:
            self._of_session.learn(belief.shares, counts, events, slot)

    def state(self) -> dict[str, object]:
        """Return all that was learnt as plain values and copies of arrays, for `learners.codec`."""
        return {"event": self._of_event.state(), "session": self._of_session.state()}

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Restore, bit for bit, what `state` returned; None was stored before there was any."""
        if state is not None:
            self._of_event.restore(state["event"])
            self._of_session.restore(state["session"])


@compiled
def tell(shares: Any, counts: Any, lines: Any, place: int, offsets: Any, told: Any) -> None:
    """Write into `told` (n,) what `ChanceCalibrator.tell` returns for these shares (m,)."""
    temper(shares, counts, line_of(lines, place), told)
    correct(told, offsets)
    known = 1.0 - unseen(counts)
    for need in range(told.size):
        told[need] *= known


@compiled
def learn(shares: Any, counts: Any, learnt: Any, place: int, slot: int) -> None:
    """Learn a need in place, as `ChanceCalibrator.learn` says, whose arrays `learnt` are."""
    lines, squares, offsets, weights = learnt
    told = np.empty(counts.size)
    temper(shares, counts, line_of(lines, place), told)
    weigh_offsets(told, slot, offsets, weights)
    descend(shares, counts, lines, squares, place, slot)


@compiled
def unseen(counts: Any) -> float:
    """Return the chance that the next need is a new one, from how often each (n,) came."""
    total, once = 2.0, 1.0
    for count in counts:
        total += count
        if count <= _ONCE:
            once += 1.0
    return once / total


@compiled
def line_of(lines: Any, place: int) -> tuple[float, float]:
    """Return log(a) and logit(w) after as many events as have the row `place`."""
    first, second = lines[0, 0] + lines[place, 0], lines[0, 1] + lines[place, 1]
    return (
        min(max(first, _LOWEST[0]), _HIGHEST[0]),
        min(max(second, _LOWEST[1]), _HIGHEST[1]),
    )


@compiled
def usual_part(counts: Any, line: Any) -> tuple[float, float]:
    """Return what `usual` counts for of 1, and of that what `w` leaves, each from 0 to 1."""
    total = 0.0
    for count in counts:
        total += count
    kept = total / (FIRST + total)
    weight = 1.0 / (1.0 + np.exp(-line[1]))
    return 1.0 - (1.0 - weight) * kept, kept * weight * (1.0 - weight)


@compiled
def share_of(shares: Any, need: int) -> float:
    """Return the share of a need, at least 1e-12; one that came since the shares has none."""
    return max(np.float64(shares[need]), _LEAST) if need < shares.size else _LEAST


@compiled
def temper(shares: Any, counts: Any, line: Any, told: Any) -> None:
    """Write into `told` (n,) shares (m,), tempered and mixed with the usual ones; they sum to 1."""
    part, _ = usual_part(counts, line)
    exponent, highest, total, all_counts = np.exp(line[0]), _LEAST, 0.0, 0.0
    for share in shares:
        highest = max(highest, share)
    for need in range(told.size):
        told[need] = (share_of(shares, need) / highest) ** exponent
        total += told[need]
        all_counts += counts[need] + 0.5
    for need in range(told.size):
        usual = (counts[need] + 0.5) / all_counts
        told[need] = (1.0 - part) * told[need] / total + part * usual


@compiled
def offset_at(chance: float, offsets: Any) -> tuple[int, int, float]:
    """Return the two bins whose middles a chance lies between, and how near the second is."""
    place = chance * offsets.size - 0.5
    low = int(np.floor(place))
    near = place - low
    return max(low, 0), min(low + 1, offsets.size - 1), near


@compiled
def correct(told: Any, offsets: Any) -> None:
    """Move the highest of the chances (n,), in place, by what the offsets say; keep it first."""
    first = np.argmax(told)
    highest, second = told[first], 0.0
    if told.size < 2 or highest >= 1.0:
        return
    for need in range(told.size):
        if need != first:
            second = max(second, told[need])
    low, high, near = offset_at(highest, offsets)
    wanted = highest + (1.0 - near) * offsets[low] + near * offsets[high]
    second += _APART  # below this the second would be as likely
    wanted = min(max(wanted, second / (1.0 - highest + second)), max(_MOST, highest))
    shrink = (1.0 - wanted) / (1.0 - highest)
    for need in range(told.size):
        told[need] *= shrink
    told[first] = wanted


@compiled
def weigh_offsets(told: Any, slot: int, offsets: Any, weights: Any) -> None:
    """Learn how much more often than told the highest of `told` (n,) comes true."""
    first = np.argmax(told)
    low, high, near = offset_at(told[first], offsets)
    came = 1.0 if first == slot else 0.0
    off = came - told[first] - (1.0 - near) * offsets[low] - near * offsets[high]
    for number, part in ((low, 1.0 - near), (high, near)):
        weights[number] += part
        offsets[number] += off * part / min(weights[number] + _DOUBT, _MEMORY)


@compiled
def descend(shares: Any, counts: Any, lines: Any, squares: Any, place: int, slot: int) -> None:
    """Take one AdaGrad step of two rows of `lines`, in place, down the log loss of a slot."""
    line = line_of(lines, place)
    part, pull = usual_part(counts, line)
    exponent, highest, total, all_counts, mean = np.exp(line[0]), _LEAST, 0.0, 0.0, 0.0
    for share in shares:
        highest = max(highest, share)
    own = own_log = 0.0
    for need in range(counts.size):
        log = exponent * np.log(share_of(shares, need) / highest)
        share = np.exp(log)
        total += share
        mean += share * log
        all_counts += counts[need] + 0.5
        if need == slot:
            own, own_log = share, log
    own /= total
    usual = (counts[slot] + 0.5) / all_counts
    chance = max((1.0 - part) * own + part * usual, _LEAST)
    for number in range(2):
        if number == 0:
            gradient = -(1.0 - part) * own * (own_log - mean / total) / chance
        else:
            gradient = -pull * (usual - own) / chance
        gradient = min(max(gradient, -_STEEPEST), _STEEPEST)
        for row in (0, place):
            squares[row, number] += gradient * gradient
            moved = lines[row, number] - _RATE * gradient / np.sqrt(squares[row, number])
            lines[row, number] = min(max(moved, _LOWEST[number]), _HIGHEST[number])
