"""The preference profile: what a user leans towards in the long run, per category.

For a user and a category, `n` is the decayed weight of what the user took of it and
`e` what anybody would have taken: the user's own decayed total times the category's
share of everybody's interactions. Both are counts of a Beta distribution with a
prior of `a` on either side, so that

    liking    = (n + a) / (n + e + 2a)      0.5: as much as anybody
    certainty = (n + e) / (n + e + 2a)      how much of that is evidence, not prior

A category that everybody takes is thus not a leaning by itself. Decayed Beta counts
are those of Jøsang and Ismail, 2002, "The beta reputation system"; observed against
expected counts shrunk by a prior, those of DuMouchel, 1999, "Bayesian data mining in
large frequency tables".
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from itertools import starmap
from operator import itemgetter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from learners.limited_settings import LARGEST, Count, FiniteAboveZero, LimitedSettings
from learners.types import Leaning

_REBASE_AT = 1e100
# Far above any event's weight, far below where sums would overflow.
_LARGEST_WEIGHT = 1e6
_NOTHING_LEFT = 1e-9
_BELOW_ONE = math.nextafter(1.0, 0.0)


class CategoryShares:
    """What share of everybody's recent interactions each category has; at most `limit` of them.

    Instead of fading all weights at every event, new ones weigh more (forward decay:
    Cormode et al., 2009, "Forward decay: a practical time decay model for streaming
    systems"). `half_life` is a number of interactions. When there are too many
    categories, the lightest tenth goes.
    """

    def __init__(self, half_life: float, limit: int) -> None:
        self.half_life = half_life
        self.limit = limit
        self._growth = 2.0 ** (1.0 / half_life)
        self._unit = 1.0
        self._total = 0.0
        self._weights: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._weights)

    def learn(self, categories: Collection[str], weight: float) -> None:
        """Count one interaction with an item of these categories."""
        self._unit *= self._growth
        amount = weight * self._unit
        self._total += amount
        for category in categories:
            self._weights[category] = self._weights.get(category, 0.0) + amount
        if len(self._weights) > self.limit:
            self._drop_lightest()
        if self._unit > _REBASE_AT:
            self._rebase()

    def unlearn(self, categories: Collection[str], weight: float, ago: int) -> None:
        """Take back an interaction that was counted `ago` interactions ago."""
        amount = weight * self._unit * self._growth**-ago
        self._total = max(self._total - amount, 0.0)
        for category in categories:
            if category in self._weights:
                self._weights[category] = max(self._weights[category] - amount, 0.0)

    def share(self, category: str) -> float:
        """Return P(an interaction is with an item of this category), 0 for an unknown one."""
        return self.of((category,))[0]

    def of(self, categories: Iterable[str]) -> list[float]:
        """Return the share of each of these categories, in order."""
        total, weights = self._total or 1.0, self._weights
        # Rounding could carry a category that every item has a hair above 1.
        return [min(weights.get(category, 0.0) / total, 1.0) for category in categories]

    def state(self) -> dict[str, Any]:
        """Return all as plain values."""
        return {"unit": self._unit, "total": self._total, "weights": dict(self._weights)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore, bit for bit, what `state` returned."""
        self._unit, self._total = state["unit"], state["total"]
        self._weights = dict(state["weights"])

    def _drop_lightest(self) -> None:
        keep = max(1, self.limit - self.limit // 10)
        heaviest = sorted(self._weights.items(), key=lambda pair: -pair[1])[:keep]
        self._weights = dict(heaviest)

    def _rebase(self) -> None:
        self._total /= self._unit
        self._weights = {name: weight / self._unit for name, weight in self._weights.items()}
        self._unit = 1.0


class ProfileSettings(LimitedSettings, frozen=True):
    """Settings of the profile. Raises ValueError with the value and the limit.

    `clock`: whether evidence fades with the user's own events or with time.
    `half_life` counts those events, or seconds. `prior` is `a` above, in events.
    `max_categories` are kept per user; a heavier one takes the lightest's place. `share_half_life`
    (interactions) and `max_shares` (categories) are those of everybody's shares.
    """

    clock: Literal["count", "time"] = "count"
    half_life: FiniteAboveZero = 200.0
    prior: FiniteAboveZero = 3.0
    max_categories: Count = 32
    share_half_life: Annotated[float, Meta(ge=1, le=LARGEST)] = 50_000.0
    max_shares: Count = 10_000


class Profile(msgspec.Struct):
    """What is kept of one user: decayed weights per category, their total, the newest time."""

    total: float = 0.0
    ts: float = -math.inf
    weights: dict[str, float] = {}


NOBODY = Profile()


class ProfileLearner:
    """Learns profiles; holds everybody's shares, while each user's record holds their profile."""

    def __init__(self, settings: ProfileSettings | None = None) -> None:
        self.settings = settings or ProfileSettings()
        self._shares = CategoryShares(self.settings.share_half_life, self.settings.max_shares)
        self._per_event = 0.5 ** (1.0 / self.settings.half_life)

    def learn(
        self, profile: Profile, categories: Collection[str], ts: float, weight: float = 1.0
    ) -> None:
        """Update a profile (in place) and everybody's shares by one interaction.

        `categories` are those of its item; each counts once, and none still counts as
        an interaction with something else. `ts` is in seconds; an interaction that
        comes late counts for less by its age where time is the clock. A weight that is
        not above 0 and at most a million, or a time that is not finite, changes nothing.
        """
        if not 0 < weight <= _LARGEST_WEIGHT or not math.isfinite(ts):
            return
        named = dict.fromkeys(categories)
        self._shares.learn(named, weight)
        amount = weight * self._fade(profile, ts)
        profile.total += amount
        weights = profile.weights
        for category in named:
            if category not in weights and len(weights) >= self.settings.max_categories:
                lightest = min(weights, key=weights.__getitem__)
                if weights[lightest] > amount:
                    continue
                del weights[lightest]
            weights[category] = weights.get(category, 0.0) + amount

    def unlearn(
        self,
        profile: Profile,
        categories: Collection[str],
        ts: float,
        weight: float,
        since: tuple[int, int],
    ) -> None:
        """Take back what `learn` was called with, in a profile and in everybody's shares.

        `since` tells how many interactions were learnt after it: of its user, and of everybody.
        """
        if not 0 < weight <= _LARGEST_WEIGHT or not math.isfinite(ts):
            return
        own, all_ = since
        named = dict.fromkeys(categories)
        self._shares.unlearn(named, weight, all_)
        by_count = self.settings.clock == "count"
        amount = weight * (self._per_event**own if by_count else self._by_time(profile.ts - ts))
        profile.total = _less(profile.total, amount)
        for category in named:
            if category in profile.weights:
                profile.weights[category] = _less(profile.weights[category], amount)
                if not profile.weights[category]:
                    del profile.weights[category]
        if not profile.total:  # the item may have had other categories then
            profile.weights = {}

    def liking(self, profile: Profile | None, category: str, now: float | None = None) -> float:
        """Return the liking of a category, in (0, 1); 0.5 where nothing is known.

        `now` (seconds) lets the evidence fade up to that time, where time is the clock.
        """
        known = profile or NOBODY
        taken = known.weights.get(category, 0.0)
        return self._judge(known, {category: taken}, now)[0][1]

    def leanings(
        self, profile: Profile | None, n: int, now: float | None = None
    ) -> tuple[Leaning, ...]:
        """Return the `n` best liked of the categories that the user took; ties by name."""
        known = profile or NOBODY
        judged = self._judge(known, known.weights, now)
        judged.sort(key=itemgetter(0))
        judged.sort(key=itemgetter(1), reverse=True)
        return tuple(starmap(Leaning, judged[: max(n, 0)]))

    def likings(self, profile: Profile | None, index: Mapping[str, int]) -> list[float]:
        """Return a user's liking of each category in `index`, by its number there, less 0.5.

        0 is as much as anybody's, and that of what the user never took.
        """
        likings = [0.0] * len(index)
        if profile is not None:
            prior, total = self.settings.prior, profile.total
            shares = self._shares.of(profile.weights)
            for (name, taken), share in zip(profile.weights.items(), shares, strict=True):
                liking = (taken + prior) / (taken + total * share + 2 * prior)
                likings[index[name]] = liking - 0.5
        return likings

    def state(self) -> dict[str, object]:
        """Return everybody's shares and the settings as plain values, for `learners.codec`."""
        return {"settings": msgspec.to_builtins(self.settings), "shares": self._shares.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ProfileLearner:
        """Build a learner that goes on, bit for bit, where the one of `state` stopped."""
        learner = cls(msgspec.convert(state["settings"], ProfileSettings))
        learner._shares.restore(state["shares"])
        return learner

    def _judge(
        self, profile: Profile, taken: Mapping[str, float], now: float | None
    ) -> list[tuple[str, float, float]]:
        """Return each category with its liking and certainty, as on top of this file."""
        prior = self.settings.prior
        fading = 1.0 if now is None else self._by_time(now - profile.ts)
        total = profile.total * fading
        judged = []
        for (name, amount), share in zip(taken.items(), self._shares.of(taken), strict=True):
            liked = amount * fading + prior
            counts = liked + total * share + prior
            judged.append((name, liked / counts, min(1.0 - 2 * prior / counts, _BELOW_ONE)))
        return judged

    def _fade(self, profile: Profile, ts: float) -> float:
        """Fade a profile up to an event at `ts`; return what the event itself counts."""
        if self.settings.clock == "count":
            factor, own = self._per_event, 1.0
        else:
            factor, own = self._by_time(ts - profile.ts), self._by_time(profile.ts - ts)
        profile.ts = max(profile.ts, ts)
        if factor < 1.0 and profile.total:
            profile.total *= factor
            for name in profile.weights:
                profile.weights[name] *= factor
        return own

    def _by_time(self, seconds: float) -> float:
        """Return what evidence weighs after this many seconds; 1 by count, or when none passed."""
        if self.settings.clock == "count" or seconds <= 0:
            return 1.0
        return float(0.5 ** (seconds / self.settings.half_life))


def _less(sum_: float, amount: float) -> float:
    """Subtract an amount from a sum that holds it; what rounding leaves is nothing."""
    left = sum_ - amount
    return left if left > _NOTHING_LEFT * amount else 0.0
