"""What a user may set about cleaning: named policies; section `[clean]` of the config."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dataflows.config.event_types import EXPOSED, NEGATIVE
from dataflows.config.values import Said, ValueScale
from learners.limited_settings import LimitedSettings

USUAL_WEIGHT = 1.0
WEIGHTS = {NEGATIVE: 0.0, EXPOSED: 0.0}
"""Of event types that the settings do not name; all others have the usual one."""

Seconds = Annotated[float, Meta(ge=0, le=10_000_000_000)]


class CleanSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[clean]`. Raises ValueError (name, value, limit) for what is outside."""

    late: Literal["learn", "skip"] = "learn"
    """What becomes of a late event: `"learn"` or `"skip"`; counted in both cases, by partition, and
    told where it is skipped.
    """
    late_after: Seconds = 300.0
    """An event so many seconds behind event time is late; from Kafka, behind that of its own
    partition.
    """
    ahead: Literal["clamp", "skip"] = "clamp"
    """What becomes of an event ahead of the broker's clock: `"clamp"` (learnt at the broker's time)
    or `"skip"`.
    """
    max_skew: Seconds = 300.0
    """An event so far ahead of the broker's clock is ahead."""
    bots: Literal["off", "skip", "observe"] = "skip"
    """What becomes of events above the rate below: `"off"`, `"skip"`, `"observe"` (the user gets a
    list, nothing is learnt).
    """
    bot_events_per_minute: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 600
    """Events of one user in a minute that are still taken for a person's."""
    bot_users: Annotated[int, Meta(ge=1, le=100_000_000)] = 20_000
    """Users whose rate is remembered."""
    remembered_ids: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 200_000
    """Event ids remembered, to drop duplicates; 0 for none."""
    weights: Annotated[
        dict[str, Annotated[float, Meta(ge=-1000, le=1000)]], Meta(max_length=10_000)
    ] = msgspec.field(default_factory=dict)
    """How much an event type counts: 1 where it is not named (0 for `negative`), 0 for observed
    only, below 0 for what speaks against its item; counts of what is popular, goes together and
    follows take it as .1 at the least and 10 at the most
    (docs/explanation/learners.md#repeats-weights-removals-retractions).
    """

    values: Annotated[dict[str, ValueScale], Meta(max_length=10_000)] = msgspec.field(
        default_factory=dict
    )
    """By event type, what its `value` says: a table with `dislike_below` and `like_above` (-1e12 to
    1e12, the first not above the second). A value below `dislike_below` speaks against its item, as
    a weight below 0 does; one above `like_above` is a wish with the weight of the type; one between
    is neutral: the user had the item. An event of the type without a value is a wish. Not for types
    whose weight is not above 0. Without a table every value is a wish.
    """

    rests: Annotated[dict[str, Seconds], Meta(max_length=10_000)] = msgspec.field(
        default_factory=dict
    )
    """For how many seconds an item that an event of a type took is not listed again for its user,
    where repeats are on (`purchase = 604800`: a week); where the type is not named, as the log
    itself shows (`learner.rests`); 0 for not at all.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind in self.values:
            if self.weight(kind) <= 0:
                raise ValueError(
                    f"values: {kind!r} weighs {self.weight(kind):g}, so that no value of it is a "
                    "wish; give it a weight above 0, or leave it out of values"
                )

    def weight(self, kind: str) -> float:
        """Return how much an event of this type counts."""
        return self.weights.get(kind, WEIGHTS.get(kind, USUAL_WEIGHT))

    def said(self, kind: str, value: float | None) -> Said | None:
        """Return what an event of this type says by its value; None where it has no scale."""
        scale = self.values.get(kind)
        return None if scale is None or value is None else scale.says(value)
