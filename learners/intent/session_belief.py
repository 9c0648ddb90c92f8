"""The belief over a session: what a person is after, held against single odd events.

A hidden Markov model, filtered forward (Rabiner, 1989, "A tutorial on hidden Markov
models"): need `i` stays with probability `stay[i]` from one event to the next, else another
is drawn from `entry`, the shares with which sessions begin and needs are taken up. Both are
learnt from labels of the same session. The evidence of an event is its posterior over
the mean posterior of all events, so that a common need is not believed twice:

    prior  = stay * belief + entry * sum((1 - stay) * belief)
    belief ∝ prior * (odd + (1 - odd) * posterior / usual) ** trust

`odd` is the chance that an event says nothing of the need (a quarter of it at the first
event of a session, where there is nothing to hold it against); with the default settings and
a need that mostly stays, no single event can turn a firm belief over, two or three do.
`trust` allows for events that repeat one another (`learners.intent.trust`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from learners.arrays import compiled
from learners.intent.record import Belief
from learners.intent.trust import LEAST, TRUSTS, Trust
from learners.limited_settings import FromOne, LimitedSettings

Shares = NDArray[np.float64]
Chance = Annotated[float, Meta(gt=0, lt=1)]


class BeliefSettings(LimitedSettings, frozen=True):
    """Settings of the filter. Raises ValueError with the value and the limit.

    `odd` is explained at the top of this file. `stay` is believed before anything is learnt, as
    firmly as `prior` steps would tell; what is learnt is kept from `least` to `most`.
    `half_life` counts steps with a label; `memory` (events) is the span of `usual`.
    """

    odd: Chance = 0.2
    stay: Chance = 0.95
    prior: FromOne = 50.0
    least: Chance = 0.6
    most: Chance = 0.99
    half_life: FromOne = 5_000.0
    memory: FromOne = 1_000.0


DEFAULT = BeliefSettings()
_JUDGE_EVERY = 16
_REFRESH = 16
_FORGET = 64
_SURE = 0.98
_FIRST_ODD = 0.25
_NO_BELIEF, _NO_POSTERIOR = np.zeros(0, np.float32), np.zeros(0)


class SessionFilter:
    """Learns how needs stay and switch, and turns posteriors into beliefs.

    `stay` (n,) is the chance of each need to stay from event to event; `entry` (n,) are the
    shares with which needs are taken up, `usual` (n,) is the mean posterior of all events.
    """

    def __init__(self, settings: BeliefSettings = DEFAULT) -> None:
        self.settings = settings
        self._clock = 0
        self._events = 0
        self.trust = Trust()
        self.stayed, self.left, self.entered = np.zeros(0), np.zeros(0), np.zeros(0)
        self.usual: Shares = np.zeros(0)
        self.stay: Shares = np.zeros(0)
        self.entry: Shares = np.zeros(0)

    def step(self, belief: Belief | None, posterior: Shares | None, edition: int, n: int) -> Belief:
        """Learn from one more event; return the belief after it, as `look` would."""
        if posterior is None:
            return self.look(belief, None, edition, n)
        self._events += 1
        rate = max(1.0 / self.settings.memory, 1.0 / (self._events + 10.0))
        after = self.look(belief, posterior, edition, n, rate)
        if self._events % _FORGET == 0:
            self._refresh()
        return after

    def look(
        self, belief: Belief | None, posterior: Shares | None, edition: int, n: int,
        rate: float = 0.0,
    ) -> Belief:  # fmt: skip
        """Return the belief after one more event; at a `rate` of 0 learn nothing of it.

        `posterior` (n,) is None where the event says nothing. `belief` is None at a
        session's first event; one of another edition counts as None.
        """
        if n > len(self.stayed):
            self._grow(n)
        prior, shares = np.empty(n, np.float32), np.empty(n, np.float32)
        before, labelled, since, odd = _NO_BELIEF, -1, 0, self.settings.odd
        if belief is None or belief.edition != edition:
            odd *= _FIRST_ODD
        else:
            before, labelled, since = belief.shares, belief.labelled, belief.since + 1
        said, trust = _NO_POSTERIOR if posterior is None else posterior, self.trust.value
        learnt = self.stay, self.entry, self.usual
        step(learnt, before, said, (odd, trust, rate), prior, shares)
        return Belief(edition, prior, shares, trust, labelled, since)

    def observe(self, belief: Belief, slot: int) -> Belief:
        """Learn that the newest event's need turned out to be `slot`; its shares stay."""
        if len(belief.shares) > len(self.stayed):
            self._grow(len(belief.shares))
        self._clock += 1
        if self._clock % _JUDGE_EVERY == 0:
            self.trust.judge(belief, slot)
        self._count(belief.labelled, slot, belief.since)
        return msgspec.structs.replace(belief, labelled=slot, since=0)

    def tell(self, belief: Belief, slot: int) -> Belief:
        """Learn a known need as `observe` does; return the belief that knows it too."""
        return self.known(self.observe(belief, slot), slot)

    def known(self, belief: Belief, slot: int) -> Belief:
        """Return the belief that knows the newest event's need; learn nothing of it."""
        shares = belief.prior * np.float32(1.0 - _SURE)
        shares[slot] += np.float32(_SURE)
        return msgspec.structs.replace(belief, shares=shares, labelled=slot, since=0)

    def tell_all(self, posteriors: list[Shares], slot: int) -> None:
        """Learn that one need held for a whole session, whose posteriors are given in order."""
        self._clock += 1
        n = len(posteriors[0]) if posteriors else 0
        self._grow(n)
        self._count(-1, slot, 0)
        for _ in posteriors[1:]:
            self._count(slot, slot, 1)
        if not posteriors or self._clock % 2:
            return
        losses = np.zeros(len(TRUSTS))
        prior, shares = np.empty(n, np.float32), np.empty(n, np.float32)
        for place, trust in enumerate(TRUSTS):
            shares[:] = self.entry
            odd = self.settings.odd * _FIRST_ODD
            for posterior in posteriors:
                advance(self.stay, self.entry, shares, prior)
                weigh(prior, posterior, self.usual, odd, trust, shares)
                odd = self.settings.odd
                losses[place] -= np.log(max(float(shares[slot]), LEAST))
        self.trust.score(losses / len(posteriors))

    def remove(self, slot: int) -> None:
        """Drop a slot; those behind it move up."""
        if slot < len(self.stayed):
            for name in _ARRAYS:
                setattr(self, name, np.delete(getattr(self, name), slot))
            if len(self.stayed):
                self._refresh()

    def clear(self, slot: int) -> None:
        """Forget what was learnt of a slot that another need takes over."""
        if slot < len(self.stayed):
            self.stayed[slot] = self.left[slot] = self.entered[slot] = 0.0
            self.usual[slot] = 1.0 / len(self.usual)
            self._refresh()

    def state(self) -> dict[str, object]:
        """Return all as plain values and copies of arrays, for `learners.codec`."""
        return {
            "settings": msgspec.to_builtins(self.settings),
            "clock": self._clock,
            "events": self._events,
            "losses": self.trust.losses.copy(),
            "trust": self.trust.value,
            **{name: getattr(self, name).copy() for name in _ARRAYS},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SessionFilter:
        """Build a filter that goes on, bit for bit, where the one of `state` stopped."""
        made = cls(msgspec.convert(state["settings"], BeliefSettings))
        made._clock, made._events = state["clock"], state["events"]
        made.trust.losses, made.trust.value = state["losses"].copy(), state["trust"]
        for name in _ARRAYS:
            setattr(made, name, state[name].copy())
        return made

    def _count(self, before: int, slot: int, steps: int) -> None:
        """Count the way from one label to the next, so many events later, in one session."""
        if before < 0:
            self.entered[slot] += 1.0
        elif before == slot:
            self.stayed[slot] += max(steps, 1)
        else:
            self.stayed[before] += max(steps - 1, 0)
            self.left[before] += 1.0
            self.entered[slot] += 1.0
        if self._clock % _FORGET == 0:
            fading = 0.5 ** (_FORGET / self.settings.half_life)
            self.stayed *= fading
            self.left *= fading
            self.entered *= fading
        if self._clock % _REFRESH == 0 or self._clock < _REFRESH:
            self._refresh()

    def _refresh(self) -> None:
        """Work out what to believe of staying and switching from the counts."""
        chosen, n = self.settings, len(self.stayed)
        # Each need is judged by its own counts, and where those are few, by those of all.
        stayed, left = self.stayed.sum(), self.left.sum()
        common = (stayed + chosen.stay * chosen.prior) / (stayed + left + chosen.prior)
        own = (self.stayed + common * chosen.prior) / (self.stayed + self.left + chosen.prior)
        self.stay = np.clip(own, chosen.least, chosen.most)
        # Labels tell where needs are taken up; so does what is seen of all who have none.
        labelled = (self.entered + 1.0) / (self.entered.sum() + n)
        seen = self.usual.sum()
        self.entry = 0.5 * (labelled + self.usual / seen) if seen > 0 else labelled

    def _grow(self, n: int) -> None:
        """Make room for needs that were not known when the arrays were made."""
        have = len(self.stayed)
        if n <= have:
            return
        for name in ("stayed", "left", "entered"):
            setattr(self, name, widened(getattr(self, name), n))
        # What nobody was after yet is as unusual as it is unlikely to be taken up.
        usual = (self.entered + 1.0) / (self.entered.sum() + n)
        usual[:have] = self.usual * (1.0 - float(usual[have:].sum()))
        self.usual = usual
        self._refresh()


_ARRAYS = ("stayed", "left", "entered", "usual", "stay", "entry")


def widened(shares: NDArray[np.floating[Any]], n: int) -> Shares:
    """Return shares as float64 `(n,)`, 0 for what is new."""
    wide = np.zeros(n)
    wide[: len(shares)] = shares
    return wide


@compiled
def step(learnt: Any, before: Any, posterior: Any, how: Any, prior: Any, shares: Any) -> None:
    """Write `prior` and `shares` (n,) after an event, and let the mean posterior follow it.

    `before` is empty at a session's first event, `posterior` where the event says nothing; `how`
    are the chance that it is odd, the trust in it, and the rate at which the mean follows.
    """
    stay, entry, usual = learnt
    odd, trust, rate = how
    if before.size:
        advance(stay, entry, before, prior)
    else:
        prior[:] = entry
    if not posterior.size:
        shares[:] = prior
        return
    weigh(prior, posterior, usual, odd, trust, shares)
    if rate > 0.0:
        follow(usual, posterior, rate)


@compiled
def advance(stay: Any, entry: Any, before: Any, prior: Any) -> None:
    """Write into `prior` (n,) what is believed after one step; `before` may be shorter."""
    kept = total = 0.0
    for need in range(before.size):
        prior[need] = stay[need] * before[need]
        kept += prior[need]
        total += before[need]
    for need in range(before.size, prior.size):
        prior[need] = 0.0
    for need in range(prior.size):
        prior[need] += entry[need] * (total - kept)


@compiled
def weigh(prior: Any, posterior: Any, usual: Any, odd: float, trust: float, shares: Any) -> None:
    """Write into `shares` (n,) what is believed after an event with this posterior (n,)."""
    total = 0.0
    for need in range(prior.size):
        evidence = odd + (1.0 - odd) * posterior[need] / usual[need]
        if trust != 1.0:
            evidence = evidence**trust
        shares[need] = prior[need] * evidence
        total += shares[need]
    for need in range(prior.size):
        shares[need] = shares[need] / total if total > 0.0 else prior[need]


@compiled
def follow(usual: Any, posterior: Any, rate: float) -> None:
    """Move the mean posterior (n,) towards one more, never down to nothing."""
    for need in range(usual.size):
        usual[need] = max(usual[need] + rate * (posterior[need] - usual[need]), 1e-6)
