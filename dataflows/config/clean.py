"""What a user may set about cleaning: named policies; section `[clean]` of the config."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dataflows.config.event_types import NEGATIVE
from dataflows.config.values import Said, ValueScale
from learners.limited_settings import LimitedSettings

Seconds = Annotated[float, Meta(ge=0, le=10_000_000_000)]


class CleanSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[clean]`. Raises ValueError (name, value, limit) for what is outside.

    * `late`: what becomes of an event that lies more than `late_after` seconds
      behind event time, from a broker that of its own partition: "learn" it all the same,
      or "skip" it. Counted in both cases, and told where it is skipped.
    * `ahead`: what becomes of an event dated more than `max_skew` seconds after the
      broker received it: "clamp" learns it at the broker's time, "skip" does not
      learn it. Event time never follows it.
    * `bots`: what becomes of the events of one user above `bot_events_per_minute`:
      "off", "skip", or "observe" (the user still gets a list, nothing is learnt).
      `bot_users` is how many users are remembered for it.
    * `remembered_ids`: how many of the last event ids are known, to drop duplicates; 0
      switches that off.
    * `weights`: how much an event type counts, as against 1.0, which is that of a type that is
      not named (0 for `negative`); 0 means "observed only", below 0 speaks against the item.
    * `values`: by event type, which values are likes and which dislikes; without it every
      event of the type is a wish, whatever its value.
    * `rests`: for how many seconds an item that an event of a type took is not listed again
      for its user, where repeats are on; for a type that is not named as was learnt
      (`learner.rests`).
    """

    late: Literal["learn", "skip"] = "learn"
    late_after: Seconds = 300.0
    ahead: Literal["clamp", "skip"] = "clamp"
    max_skew: Seconds = 300.0
    bots: Literal["off", "skip", "observe"] = "skip"
    bot_events_per_minute: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 600
    bot_users: Annotated[int, Meta(ge=1, le=100_000_000)] = 20_000
    remembered_ids: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 200_000
    weights: Annotated[
        dict[str, Annotated[float, Meta(ge=-1000, le=1000)]], Meta(max_length=10_000)
    ] = msgspec.field(default_factory=dict)

    values: Annotated[dict[str, ValueScale], Meta(max_length=10_000)] = msgspec.field(
        default_factory=dict
    )

    rests: Annotated[dict[str, Seconds], Meta(max_length=10_000)] = msgspec.field(
        default_factory=dict
    )

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
        return self.weights.get(kind, 0.0 if kind == NEGATIVE else 1.0)

    def said(self, kind: str, value: float | None) -> Said | None:
        """Return what an event of this type says by its value; None where it has no scale."""
        scale = self.values.get(kind)
        return None if scale is None or value is None else scale.says(value)
