"""The settings of the whole model: one set of defaults for all data."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from learners.limited_settings import LimitedSettings, Share

HalfLife = Annotated[float, Meta(ge=0.01, le=1e12)]
Step = Annotated[float, Meta(ge=1e-9, le=1)]
Places = Annotated[int, Meta(ge=1, le=1000)]
Listed = Annotated[int, Meta(ge=0, le=10_000)]
SignalName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Weight = Annotated[float, Meta(ge=0, le=100)]
# Marked as a path, so that a configuration reads `~` as the home.
NameOrPath = Annotated[str, Meta(min_length=1, max_length=4096, extra={"mark": "path"})]


class LearnerSettings(LimitedSettings, frozen=True):
    """Section `[learner]`. Half-lives are numbers of interactions learnt in the shard."""

    k: Places = 10
    """Places in a list."""
    repeats: Literal["auto", "on", "off"] = "auto"
    """Whether items that a user already has may come back: `"on"`, `"off"`, or `"auto"` (where more
    than 5 % of what was learnt are repeats).
    """
    rests: Literal["ruled", "learnt"] = "learnt"
    """Whether what was just taken rests as `clean.rests` says alone (`"ruled"`), or as was learnt
    where that says nothing, and is ranked by how long ago it was taken (`"learnt"`;
    docs/explanation/learners.md#rests-signalsrestspy-userstakenpy).
    """
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Keys all randomness, together with an event's position."""
    dim: Annotated[int, Meta(ge=0, le=65_536)] = 0
    """Length of the text vectors; leave it out, the encoder says it."""
    recent: Places = 40
    """Newest items of a user that are the context."""
    window: Places = 40
    """Newest items with which a new one is counted as seen together."""
    neighbours: Annotated[int, Meta(ge=1, le=10_000)] = 384
    """Other items that one item remembers."""
    candidates: Annotated[int, Meta(ge=1, le=10_000)] = 250
    """The most items ranked for one user."""
    hidden: Annotated[int, Meta(ge=1, le=1024)] = 48
    """Units of the network that ranks."""
    prior: NameOrPath = "packaged"
    """The weights that the network which ranks starts from: those of the package, `"none"` for
    chance, or the path of a file (docs/explanation/prior.md). A state that is there already goes on
    as it is.
    """
    signals: Annotated[tuple[SignalName, ...], Meta(max_length=32)] = ()
    """Signals of other packages that are added to ours, by their names
    (docs/how-to/signals.md). One that is taken out is forgotten.
    """
    learning_rate: Step = 0.0015
    """Step of that network."""
    pull_rate: Step = 0.1
    """Step of the item-to-item weights."""
    count_half_life: HalfLife = 200_000.0
    """Half-life of what was seen together."""
    popularity_half_life: HalfLife = 5_000.0
    """Half-life of popularity."""
    trend_half_life: HalfLife = 500.0
    """Half-life of what is trending."""
    stage_half_life: HalfLife = 20_000.0
    """Half-life of popularity among users who are as far along."""
    similar: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Candidates by meaning."""
    fresh: Listed = 64
    """Newest items of the catalogue that are candidates for everybody."""
    sampled: Listed = 16
    """Candidates drawn at random, to learn from."""
    idle_users: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1_000_000
    """A user with nothing learnt while this many were is forgotten, which also bounds the number of
    users.
    """
    users_in_memory: Annotated[int, Meta(ge=1, le=100_000_000)] = 20_000
    """User records kept loaded."""
    taken_limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 5_000
    """Items of one user remembered as had."""
    generated: Annotated[int, Meta(ge=0, le=100)] = 0
    """Items that a language model named kept for a user; leave it out, `[generate]` says it; with 0
    there are none, and lists are as if there were no such thing.
    """
    generated_life: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 50_000
    """Interactions learnt in the shard after which they are forgotten."""
    intent_labels: Weight = 1.0
    """How much a label of intent weighs when it is learnt, whether its event carried it or it came
    later; 0: not learnt.
    """
    intent_teacher: Weight = 0.5
    """The same, for a label that a teacher gave (docs/reference/messages.md)."""
    intent_next: Weight = 1.0
    """The same, for the category of what is taken next; lists ask what this has taught."""
    intent_actions: Weight = 0.0
    """The same, for the type of the next event, or `leave` where a session ends."""
    intent_inferred: Share = 0.0
    """The share of what the user is likely to do next in the intents told, 0 to 1, once a label is
    known; before that it is all that is told.
    """
    intent_pending: Annotated[int, Meta(ge=0, le=10_000_000)] = 5_000
    """For how many of the newest events a label may still come, and from how many a new encoder's
    learners of intent are trained; about 1 kB each.
    """
    intent_new: Share = 0.5
    """The novelty, 0 to 1, from which on an event without a label is gathered with those like it;
    above the highest novelty (1) nothing is.
    """

    def __post_init__(self) -> None:
        """Raise ValueError with the value, the limit and the remedy."""
        super().__post_init__()
        if self.k > self.candidates:
            raise ValueError(
                f"k is {self.k}, above candidates ({self.candidates}); raise candidates or lower k"
            )
