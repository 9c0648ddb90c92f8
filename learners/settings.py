"""The settings of the whole model: one set of defaults for all data."""

from __future__ import annotations

from typing import Literal

import msgspec

_MOST_RECENT = 1_000
_HEAVIEST = 100
_AT_LEAST_ONE = (
    "k",
    "recent",
    "window",
    "neighbours",
    "candidates",
    "hidden",
    "similar",
    "idle_users",
    "users_in_memory",
    "taken_limit",
    "generated_life",
)


class LearnerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the recommender. Half-lives are numbers of interactions learnt in the shard.

    `k`: places in a list. `repeats`: whether items that a user already has may come
    back ("auto": where more than 5 % of what was learnt are repeats). `recent`: how
    many of a user's newest items are the context. `window`: how many of them a new
    item is counted as seen together with. `neighbours`: how many other items one item
    remembers. `pull_rate`: the step of the pulls that items learn on each other.
    `candidates`: the most that are ranked for one user. `idle_users`: a user with no
    interaction while this many were learnt in the shard is forgotten, so it also bounds the
    number of users. `users_in_memory`: how many user records stay loaded. `taken_limit`:
    how many distinct items of one user are remembered as already had. `dim`: length of the
    text vectors, 0 where there are none. `seed` keys all randomness together with an
    event's position.

    `generated`: how many items that a language model named are kept for a user; with 0 there
    are none, and lists are as if there were no such thing. `generated_life`: they are forgotten
    once so many interactions were learnt in the shard.

    `intent_labels`, `intent_teacher`, `intent_next`, `intent_actions`: how much an example of
    intent weighs that is a label, a teacher's label, the category of what is taken next, the
    type of the next event; 0: not learnt. `intent_inferred`: the share of what the user
    does next in the intents told, once labels are known. `intent_pending`: for how many of
    the newest events a label may still come. `intent_new`: the novelty from which on an
    event without a label is gathered with those like it.
    """

    k: int = 10
    repeats: Literal["auto", "on", "off"] = "auto"
    seed: int = 0
    dim: int = 0
    recent: int = 40
    window: int = 40
    neighbours: int = 384
    candidates: int = 250
    hidden: int = 48
    learning_rate: float = 0.0015
    pull_rate: float = 0.1
    count_half_life: float = 200_000.0
    popularity_half_life: float = 5_000.0
    trend_half_life: float = 500.0
    stage_half_life: float = 20_000.0
    similar: int = 64
    fresh: int = 64
    sampled: int = 16
    idle_users: int = 1_000_000
    users_in_memory: int = 20_000
    taken_limit: int = 5_000
    generated: int = 0
    generated_life: int = 50_000
    intent_labels: float = 1.0
    intent_teacher: float = 0.5
    intent_next: float = 1.0
    intent_actions: float = 0.0
    intent_inferred: float = 0.0
    intent_pending: int = 5_000
    intent_new: float = 0.5

    def __post_init__(self) -> None:
        """Raise ValueError with the value, the limit and the remedy."""
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.k > self.candidates:
            raise ValueError(
                f"k is {self.k}, above candidates ({self.candidates}); raise candidates or lower k"
            )
        for name in ("dim", "fresh", "sampled", "seed", "generated", "intent_pending"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0")
        for name in ("recent", "window"):
            if getattr(self, name) > _MOST_RECENT:
                raise ValueError(f"{name} is {getattr(self, name)}; the most is {_MOST_RECENT}")
        self._check_intent()
        for name in self.__struct_fields__:
            if name.endswith(("half_life", "rate")) and not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")

    def _check_intent(self) -> None:
        for name in ("intent_labels", "intent_teacher", "intent_next", "intent_actions"):
            if not 0 <= getattr(self, name) <= _HEAVIEST:
                raise ValueError(f"{name} is {getattr(self, name)}; keep it from 0 to {_HEAVIEST}")
        for name in ("intent_inferred", "intent_new"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; keep it from 0 to 1")
