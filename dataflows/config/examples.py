"""What a user may set about examples: section `[examples]` of the config."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from learners.limited_settings import LimitedSettings


class ExampleSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[examples]`. Raises ValueError (name, value, limit) for what is outside.

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

    most: Annotated[int, Meta(ge=1, le=10_000_000)] = 20_000
    most_of_user: Annotated[int, Meta(ge=1, le=10_000_000)] = 100
    most_of_label: Annotated[int, Meta(ge=1, le=10_000_000)] = 400
    popular_power: Annotated[float, Meta(ge=0, le=1)] = 0.0
    drop: Annotated[float, Meta(ge=0, le=1)] = 0.15
    shuffle: Annotated[float, Meta(ge=0, le=1)] = 0.15
    reach: Annotated[int, Meta(ge=1, le=1000)] = 2
    gap_seconds: Annotated[float, Meta(ge=0.001, le=10_000_000_000)] = 7 * 86_400.0
