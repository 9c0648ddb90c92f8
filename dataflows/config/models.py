"""What a user may set about versions of models."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dataflows.config.kinds import PathText
from learners.limited_settings import LimitedSettings


class ModelsSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[models]`. docs/how-to/models.md tells what lies there, and how one goes live."""

    root: PathText | None = None
    """Where versions of models lie: a folder, or the URL of a store that fsspec knows
    (`s3://bucket/models`); without it, `models` in the state folder.
    """
    cache: PathText | None = None
    """The folder for local copies of a root that is no folder; without it, `penchant/models` in the
    user's cache folder.
    """
    poll_seconds: Annotated[float, Meta(ge=0.01, le=3600)] = 1.0
    """How often the running flow looks for promotions at the root."""
    keep: Annotated[int, Meta(ge=0, le=1_000_000)] = 5
    """How many of the newest versions of each kind `penchant models gc` leaves."""
