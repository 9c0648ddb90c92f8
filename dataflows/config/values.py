"""What the value of an event says, such as so many stars: a wish, a dislike or neither."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from learners.limited_settings import LimitedSettings

Said = Literal["liked", "neutral", "disliked"]
Bound = Annotated[float, Meta(ge=-1e12, le=1e12)]


class ValueScale(LimitedSettings, frozen=True, kw_only=True):
    """Table `[clean.values.TYPE]`: where on its scale a value turns from dislike to like.

    A value below `dislike_below` speaks against the item, one above `like_above` is a wish, and
    one from the first to the second is neutral: its user had the item, and that is all. Raises
    ValueError where they are not in this order.
    """

    dislike_below: Bound
    like_above: Bound

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dislike_below > self.like_above:
            raise ValueError(
                f"dislike_below {self.dislike_below:g} is above like_above "
                f"{self.like_above:g}, so that a value between would be both; give it at most "
                "like_above"
            )

    def says(self, value: float) -> Said:
        """Return what a value says of its item."""
        if value < self.dislike_below:
            return "disliked"
        return "liked" if value > self.like_above else "neutral"
