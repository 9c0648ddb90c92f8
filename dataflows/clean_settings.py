"""What a user may set about cleaning: named policies; section `[clean]` of the config."""

from __future__ import annotations

import math
from typing import Literal

import msgspec


class CleanSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section `[clean]`. Raises ValueError (value, limit, remedy) for what cannot be meant.

    * `late`: what becomes of an event that lies more than `late_after` seconds
      behind event time: "learn" it all the same, or "skip" it. Counted in both cases.
    * `ahead`: what becomes of an event dated more than `max_skew` seconds after the
      broker received it: "clamp" learns it at the broker's time, "skip" does not
      learn it. Event time never follows it.
    * `bots`: what becomes of the events of one user above `bot_events_per_minute`:
      "off", "skip", or "observe" (the user still gets a list, nothing is learnt).
      `bot_users` is how many users are remembered for it.
    * `remembered_ids`: how many of the last event ids are known, to drop duplicates; 0
      switches that off.
    * `weights`: how much an event type counts; 1.0 for a type that is not named; 0
      means "observed only".
    """

    late: Literal["learn", "skip"] = "learn"
    late_after: float = 300.0
    ahead: Literal["clamp", "skip"] = "clamp"
    max_skew: float = 300.0
    bots: Literal["off", "skip", "observe"] = "skip"
    bot_events_per_minute: int = 600
    bot_users: int = 20_000
    remembered_ids: int = 200_000
    weights: dict[str, float] = {}

    def __post_init__(self) -> None:
        for name in ("late_after", "max_skew"):
            seconds = getattr(self, name)
            if not (math.isfinite(seconds) and seconds >= 0):
                raise ValueError(f"{name} is {seconds}; give seconds, 0 or more")
        for name in ("bot_events_per_minute", "bot_users"):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} is {getattr(self, name)}; the least is 1 (bots = "off")')
        if self.remembered_ids < 0:
            raise ValueError(f"remembered_ids is {self.remembered_ids}; the least is 0 (off)")
        for kind, weight in self.weights.items():
            if not math.isfinite(weight):
                raise ValueError(f"weights: {kind!r} is {weight}; give a finite number")
