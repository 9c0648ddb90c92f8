"""What a user may set about examples: section `[examples]` of the config."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from learners.limited_settings import LimitedSettings


class ExampleSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[examples]`: what a round of fine-tuning learns from.

    Raises ValueError (name, value, limit) for what is outside.
    """

    most: Annotated[int, Meta(ge=1, le=10_000_000)] = 20_000
    """Examples of one round; of more, a draw is taken."""
    most_of_user: Annotated[int, Meta(ge=1, le=10_000_000)] = 100
    """Examples of one user, so that a busy one is not all that is learnt."""
    most_of_label: Annotated[int, Meta(ge=1, le=10_000_000)] = 400
    """Examples of one intent, so that a common need is not all that is learnt."""
    popular_power: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """An example counts by the frequency of its item to minus this power: 0 leaves them as they
    come, 1 lets every item count the same.
    """
    drop: Annotated[float, Meta(ge=0, le=1)] = 0.15
    """The chance that a title of a history is left out."""
    shuffle: Annotated[float, Meta(ge=0, le=1)] = 0.15
    """The chance that the order of a history is shuffled, all but its last two."""
    reach: Annotated[int, Meta(ge=1, le=1000)] = 2
    """So many steps apart two items make a pair; each step further counts less."""
    gap_seconds: Annotated[float, Meta(ge=0.001, le=10_000_000_000)] = 7 * 86_400.0
    """And so far apart in time."""
