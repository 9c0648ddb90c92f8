"""What a user may set about examples: section `[examples]` of the config."""

from __future__ import annotations

import math

import msgspec


class ExampleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section `[examples]`. Raises ValueError (value, limit, remedy) for what cannot be meant.

    * `most`: examples of one round at most; of more, a draw of all is taken.
    * `most_of_user`, `most_of_label`: examples at most whose user, or whose intent, is the
      same, so that neither a busy user nor a common need is all that is learnt.
    * `popular_power`: an example counts by the frequency of its item to minus this power: 0
      leaves them as they come, 1 lets every item count the same.
    * `drop`, `shuffle`: the chance that a title of a history is left out, and that the order
      of all but the last two is shuffled.
    * `reach`: how many steps apart two items of a history make a pair, each step further
      counting less; `gap_seconds`: how far apart in time.
    """

    most: int = 20_000
    most_of_user: int = 100
    most_of_label: int = 400
    popular_power: float = 0.0
    drop: float = 0.15
    shuffle: float = 0.15
    reach: int = 2
    gap_seconds: float = 7 * 86_400.0

    def __post_init__(self) -> None:
        for name in ("most", "most_of_user", "most_of_label", "reach"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; the least is 1")
        for name in ("popular_power", "drop", "shuffle"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}; it goes from 0 to 1")
        if not (math.isfinite(self.gap_seconds) and self.gap_seconds > 0):
            raise ValueError(f"gap_seconds is {self.gap_seconds}; give seconds, above 0")
