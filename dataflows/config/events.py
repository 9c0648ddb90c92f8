"""What a user may set about reading records; section `[events]` of the config."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dataflows.config.event_types import OUR_OWN
from learners.limited_settings import LimitedSettings

TimeUnit = Literal["s", "ms", "us", "ns"]
# The years 1 to 9999: before and after, no date can be written.
Moment = Annotated[float, Meta(ge=-62_135_596_800, le=253_402_300_799)]


class EventSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[events]`. Raises ValueError (value, limit, remedy) for what cannot be meant."""

    time_unit: TimeUnit = "s"
    """What a number in `ts` counts: `"s"`, `"ms"`, `"us"`, `"ns"`."""
    min_time: Moment = 631_152_000.0  # 1990-01-01
    """An earlier event is a dead letter; seconds since 1970 (this is 1990)."""
    max_time: Moment = 4_102_444_800.0  # 2100-01-01
    """A later event is a dead letter; seconds since 1970 (this is 2100)."""
    max_text_chars: Annotated[int, Meta(ge=1, le=1_000_000)] = 4_000
    """A longer text is cut, and counted."""
    max_title_chars: Annotated[int, Meta(ge=1, le=100_000)] = 300
    """A longer title or category is cut, and counted."""
    max_id_chars: Annotated[int, Meta(ge=1, le=10_000)] = 256
    """A longer id is a dead letter."""
    max_record_bytes: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1_048_576
    """A longer record is a dead letter."""
    # Deeper and neither Python nor a consumer can be sure to read it again.
    max_depth: Annotated[int, Meta(ge=1, le=64)] = 32
    """`context` and `attributes` nested deeper are a dead letter."""
    retracts: Annotated[dict[str, str], Meta(max_length=10_000)] = msgspec.field(
        default_factory=dict
    )
    """Event types that take an earlier event back, and the type of what they take back, none of
    them `label`, `intents` or `retract`; their own weight has no meaning
    (docs/reference/messages.md).
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.min_time < self.max_time:
            raise ValueError(
                f"min_time {self.min_time} must be a number below max_time {self.max_time}"
            )
        for kind, other in self.retracts.items():
            if {"", *OUR_OWN} & {kind, other} or other in self.retracts:
                raise ValueError(
                    f"retracts: {kind!r} takes back {other!r}; name a type of event of your own "
                    "that takes nothing back itself"
                )
