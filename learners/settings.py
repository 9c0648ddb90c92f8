"""The settings of the whole model: one set of defaults for all data."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from learners.limited_settings import LimitedSettings, Share

HalfLife = Annotated[float, Meta(ge=0.01, le=1e12)]
Step = Annotated[float, Meta(ge=1e-9, le=1)]
Places = Annotated[int, Meta(ge=1, le=1000)]
Listed = Annotated[int, Meta(ge=0, le=10_000)]
Weight = Annotated[float, Meta(ge=0, le=100)]
# Marked as a path, so that a configuration reads `~` as the home.
NameOrPath = Annotated[str, Meta(min_length=1, max_length=4096, extra={"mark": "path"})]


class LearnerSettings(LimitedSettings, frozen=True):
    """Settings of the recommender. Half-lives are numbers of interactions learnt in the shard.

    `k`: places in a list. `repeats`: whether items that a user already has may come
    back ("auto": where more than 5 % of what was learnt are repeats). `rests`: whether what was
    just taken rests as was learnt where nothing is ruled (`clean.rests`), and is ranked by how long
    ago that was ("learnt"), or as is ruled alone. `recent`: how
    many of a user's newest items are the context. `window`: how many of them a new
    item is counted as seen together with. `neighbours`: how many other items one item
    remembers. `pull_rate`: the step of the item-to-item weights.
    `prior`: the weights that the ranking network starts from: "packaged", "none" for chance, or
    the path of a file (`learners.ranking.prior`).
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

    k: Places = 10
    repeats: Literal["auto", "on", "off"] = "auto"
    rests: Literal["ruled", "learnt"] = "learnt"
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    dim: Annotated[int, Meta(ge=0, le=65_536)] = 0
    recent: Places = 40
    window: Places = 40
    neighbours: Annotated[int, Meta(ge=1, le=10_000)] = 384
    candidates: Annotated[int, Meta(ge=1, le=10_000)] = 250
    hidden: Annotated[int, Meta(ge=1, le=1024)] = 48
    prior: NameOrPath = "packaged"
    learning_rate: Step = 0.0015
    pull_rate: Step = 0.1
    count_half_life: HalfLife = 200_000.0
    popularity_half_life: HalfLife = 5_000.0
    trend_half_life: HalfLife = 500.0
    stage_half_life: HalfLife = 20_000.0
    similar: Annotated[int, Meta(ge=1, le=10_000)] = 64
    fresh: Listed = 64
    sampled: Listed = 16
    idle_users: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1_000_000
    users_in_memory: Annotated[int, Meta(ge=1, le=100_000_000)] = 20_000
    taken_limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 5_000
    generated: Annotated[int, Meta(ge=0, le=100)] = 0
    generated_life: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 50_000
    intent_labels: Weight = 1.0
    intent_teacher: Weight = 0.5
    intent_next: Weight = 1.0
    intent_actions: Weight = 0.0
    intent_inferred: Share = 0.0
    intent_pending: Annotated[int, Meta(ge=0, le=10_000_000)] = 5_000
    intent_new: Share = 0.5

    def __post_init__(self) -> None:
        """Raise ValueError with the value, the limit and the remedy."""
        super().__post_init__()
        if self.k > self.candidates:
            raise ValueError(
                f"k is {self.k}, above candidates ({self.candidates}); raise candidates or lower k"
            )
