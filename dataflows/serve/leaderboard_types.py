"""What is told of leaderboards; their items come as `dataflows.serve.api_types` has them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class LeaderboardRule(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A leaderboard of the configuration."""

    name: str
    score: Annotated[str, Meta(description="The formula that puts items in order.")]
    where: Annotated[str | None, Meta(description="The formula that keeps items; null: all.")] = (
        None
    )


class LeaderboardsAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The leaderboards that there are, by name."""

    leaderboards: tuple[LeaderboardRule, ...]
