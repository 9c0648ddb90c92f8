"""What a user may set about reading records; section `[events]` of the config."""

from __future__ import annotations

import math

import msgspec

from dataflows.event_types import OUR_OWN
from dataflows.times import TimeUnit, iso


class EventSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section `[events]`. Raises ValueError (value, limit, remedy) for what cannot be meant.

    `min_time` and `max_time` are seconds since 1970 UTC: what is dated outside
    them is refused. Text longer than `max_text_chars` (a title: `max_title_chars`)
    is cut, marked and counted; a record longer than `max_record_bytes`, an id
    longer than `max_id_chars` and a `context` or `attributes` nested deeper than
    `max_depth` are refused. `retracts` maps event types that take an earlier event back to the
    types of what they take back.
    """

    time_unit: TimeUnit = "s"
    min_time: float = 631_152_000.0  # 1990-01-01
    max_time: float = 4_102_444_800.0  # 2100-01-01
    max_text_chars: int = 4_000
    max_title_chars: int = 300
    max_id_chars: int = 256
    max_record_bytes: int = 1_048_576
    max_depth: int = 32
    retracts: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not (math.isfinite(self.min_time) and self.min_time < self.max_time):
            raise ValueError(
                f"min_time {self.min_time} must be a number below max_time {self.max_time}"
            )
        for name in ("min_time", "max_time"):
            try:
                iso(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}; give seconds since 1970") from error
        for name in ("max_text_chars", "max_title_chars", "max_id_chars", "max_record_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; the least is 1")
        # Deeper than this and neither Python nor a consumer can be sure to read it again.
        if not 1 <= self.max_depth <= 64:
            raise ValueError(f"max_depth is {self.max_depth}; it goes from 1 to 64")
        for kind, other in self.retracts.items():
            if {"", *OUR_OWN} & {kind, other} or other in self.retracts:
                raise ValueError(
                    f"retracts: {kind!r} takes back {other!r}; name a type of event of your own "
                    "that takes nothing back itself"
                )
