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
`trust` below 1 allows for events of a session that repeat one another (clicks do): it is the
one of a few values under which the labels that came were the least surprising.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from learners.arrays import compiled
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


class Belief(msgspec.Struct, frozen=True):
    """The belief of one user's session, kept in their record.

    `shares` (n,) are by slot of the learner's labels, as of `edition` of their table;
    `prior` is what was believed before the newest event, and `trust` what it was read
    with. `labelled` is the slot of the newest label of the session, -1 while there is none,
    and `since` counts the events after it.
    """

    edition: int
    prior: NDArray[np.float32]
    shares: NDArray[np.float32]
    trust: float = 1.0
    labelled: int = -1
    since: int = 0


DEFAULT = BeliefSettings()
_TRUSTS = (1.0, 0.6, 0.3, 0.15)
_JUDGE_EVERY = 16
_REFRESH = 16
_FORGET = 64
_LEAST = 1e-12
_SURE = 0.98
_FIRST_ODD = 0.25


class SessionFilter:
    """Learns how needs stay and switch, and turns posteriors into beliefs.

    `trust` is the exponent of the evidence that serves best.
    """

    def __init__(self, settings: BeliefSettings = DEFAULT) -> None:
        self.settings = settings
        self._clock = 0
        self._events = 0
        # Evidence is taken at its word until labels speak against it.
        self._losses = 2.0 * np.arange(len(_TRUSTS))
        self.trust = _TRUSTS[0]
        self._stayed, self._left, self._entered = np.zeros(0), np.zeros(0), np.zeros(0)
        self._usual: Shares = np.zeros(0)
        self._stay: Shares = np.zeros(0)
        self._entry: Shares = np.zeros(0)

    @property
    def stay(self) -> Shares:
        """The chance of each need to stay from event to event (n,)."""
        return self._stay

    @property
    def entry(self) -> Shares:
        """The shares (n,) with which needs are taken up; they sum to 1."""
        return self._entry

    def step(self, belief: Belief | None, posterior: Shares | None, edition: int, n: int) -> Belief:
        """Learn from one more event; return the belief after it, as `look` would."""
        after = self.look(belief, posterior, edition, n)
        if posterior is not None:
            self._events += 1
            rate = max(1.0 / self.settings.memory, 1.0 / (self._events + 10.0))
            follow(self._usual, posterior, rate)
            if self._events % _FORGET == 0:
                self._refresh()
        return after

    def look(self, belief: Belief | None, posterior: Shares | None, edition: int, n: int) -> Belief:
        """Return the belief after one more event; learn nothing of it.

        `posterior` (n,) is None where the event says nothing. `belief` is None at a
        session's first event; one of another edition counts as None.
        """
        self._grow(n)
        prior, shares = np.empty(n, np.float32), np.empty(n, np.float32)
        labelled, since, odd = -1, 0, self.settings.odd
        if belief is None or belief.edition != edition:
            prior[:] = self._entry
            odd *= _FIRST_ODD
        else:
            advance(self._stay, self._entry, belief.shares, prior)
            labelled, since = belief.labelled, belief.since + 1
        trust = self.trust
        if posterior is None:
            shares[:] = prior
        else:
            weigh(prior, posterior, self._usual, odd, trust, shares)
        return Belief(edition, prior, shares, trust, labelled, since)

    def observe(self, belief: Belief, slot: int) -> Belief:
        """Learn that the newest event's need turned out to be `slot`; its shares stay."""
        self._grow(len(belief.shares))
        self._clock += 1
        if self._clock % _JUDGE_EVERY == 0:
            self._judge(belief, slot)
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
        losses = np.zeros(len(_TRUSTS))
        prior, shares = np.empty(n, np.float32), np.empty(n, np.float32)
        for place, trust in enumerate(_TRUSTS):
            shares[:] = self._entry
            odd = self.settings.odd * _FIRST_ODD
            for posterior in posteriors:
                advance(self._stay, self._entry, shares, prior)
                weigh(prior, posterior, self._usual, odd, trust, shares)
                odd = self.settings.odd
                losses[place] -= np.log(max(float(shares[slot]), _LEAST))
        self._score(losses / len(posteriors))

    def remove(self, slot: int) -> None:
        """Drop a slot; those behind it move up."""
        if slot < len(self._stayed):
            for name in _ARRAYS:
                setattr(self, f"_{name}", np.delete(getattr(self, f"_{name}"), slot))
            if len(self._stayed):
                self._refresh()

    def clear(self, slot: int) -> None:
        """Forget what was learnt of a slot that another need takes over."""
        if slot < len(self._stayed):
            self._stayed[slot] = self._left[slot] = self._entered[slot] = 0.0
            self._usual[slot] = 1.0 / len(self._usual)
            self._refresh()

    def state(self) -> dict[str, object]:
        """Return all as plain values and copies of arrays, for `learners.codec`."""
        return {
            "settings": msgspec.to_builtins(self.settings),
            "clock": self._clock,
            "events": self._events,
            "losses": self._losses.copy(),
            "trust": self.trust,
            **{name: getattr(self, f"_{name}").copy() for name in _ARRAYS},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> SessionFilter:
        """Build a filter that goes on, bit for bit, where the one of `state` stopped."""
        made = cls(msgspec.convert(state["settings"], BeliefSettings))
        made._clock, made._events = state["clock"], state["events"]
        made._losses, made.trust = state["losses"].copy(), state["trust"]
        for name in _ARRAYS:
            setattr(made, f"_{name}", state[name].copy())
        return made

    def _count(self, before: int, slot: int, steps: int) -> None:
        """Count the way from one label to the next, so many events later, in one session."""
        if before < 0:
            self._entered[slot] += 1.0
        elif before == slot:
            self._stayed[slot] += max(steps, 1)
        else:
            self._stayed[before] += max(steps - 1, 0)
            self._left[before] += 1.0
            self._entered[slot] += 1.0
        if self._clock % _FORGET == 0:
            fading = 0.5 ** (_FORGET / self.settings.half_life)
            self._stayed *= fading
            self._left *= fading
            self._entered *= fading
        if self._clock % _REFRESH == 0 or self._clock < _REFRESH:
            self._refresh()

    def _judge(self, belief: Belief, slot: int) -> None:
        """Ask how surprising a label was under each trust, from what the belief was made of."""
        prior = np.maximum(belief.prior.astype(np.float64), _LEAST)
        shares = np.maximum(belief.shares.astype(np.float64), _LEAST)
        ratio = shares / prior
        losses = [
            -np.log(_normal(prior * ratio ** (trust / belief.trust))[slot]) for trust in _TRUSTS
        ]
        self._score(np.minimum(losses, -np.log(_LEAST)))

    def _score(self, losses: NDArray[np.float64]) -> None:
        self._losses *= 0.995
        self._losses += losses
        self.trust = _TRUSTS[int(np.argmin(self._losses))]

    def _refresh(self) -> None:
        """Work out what to believe of staying and switching from the counts."""
        chosen, n = self.settings, len(self._stayed)
        # Each need is judged by its own counts, and where those are few, by those of all.
        stayed, left = self._stayed.sum(), self._left.sum()
        common = (stayed + chosen.stay * chosen.prior) / (stayed + left + chosen.prior)
        own = (self._stayed + common * chosen.prior) / (self._stayed + self._left + chosen.prior)
        self._stay = np.clip(own, chosen.least, chosen.most)
        # Labels tell where needs are taken up; so does what is seen of all who have none.
        labelled = (self._entered + 1.0) / (self._entered.sum() + n)
        seen = self._usual.sum()
        self._entry = 0.5 * (labelled + self._usual / seen) if seen > 0 else labelled

    def _grow(self, n: int) -> None:
        """Make room for needs that were not known when the arrays were made."""
        have = len(self._stayed)
        if n <= have:
            return
        for name in ("_stayed", "_left", "_entered"):
            setattr(self, name, widened(getattr(self, name), n))
        # What nobody was after yet is as unusual as it is unlikely to be taken up.
        usual = (self._entered + 1.0) / (self._entered.sum() + n)
        usual[:have] = self._usual * (1.0 - float(usual[have:].sum()))
        self._usual = usual
        self._refresh()


_ARRAYS = ("stayed", "left", "entered", "usual", "stay", "entry")


def widened(shares: NDArray[np.floating[Any]], n: int) -> Shares:
    """Return shares as float64 `(n,)`, 0 for what is new."""
    wide = np.zeros(n)
    wide[: len(shares)] = shares
    return wide


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


def _normal(shares: Shares) -> Shares:
    """Scale shares to a sum of 1; equal ones where nothing is left."""
    total = shares.sum()
    return shares / total if total > 0 else np.full(len(shares), 1.0 / max(len(shares), 1))
