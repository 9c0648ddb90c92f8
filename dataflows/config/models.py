"""What a user may set about versions of models."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dataflows.config.kinds import PathText
from learners.limited_settings import LimitedSettings


class ModelsSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[models]`.

    `root`: the folder, or the URL of a store that fsspec knows, where versions lie; None for
    `models` in the state folder. `cache`: the folder for local copies of a root that is no
    folder; None for the user's cache folder. `poll_seconds`: how often the running flow looks
    for promotions there. `keep`: how many of the newest versions of a kind `gc` leaves.
    """

    root: PathText | None = None
    cache: PathText | None = None
    poll_seconds: Annotated[float, Meta(ge=0.01, le=3600)] = 1.0
    keep: Annotated[int, Meta(ge=0, le=1_000_000)] = 5
