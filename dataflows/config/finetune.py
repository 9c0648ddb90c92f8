"""What a user may set about fine-tuning as a whole: section `[finetune]` of the config."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from dataflows.config.kinds import PathText
from learners.limited_settings import LimitedSettings

Kind = Literal["encoder", "language"]
"""The kinds of models that are tuned."""
Events = Annotated[int, Meta(ge=1, le=10_000_000)]
Seconds = Annotated[float, Meta(ge=1, le=86_400 * 365)]


class FinetuneSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[finetune]`. Raises ValueError (name, value, limit) for what is outside.

    * `enabled`: `penchant run` starts `penchant finetune` as a child, at a low priority.
    * `models`: what is tuned: "both", "encoder" or "language".
    * `path`: folder of its own state; None for `finetune` in the state folder. `group_id`:
      its consumer group; None for the one of `[kafka]` with `-finetune` after it.
    * `window_events`, `window_days`: the newest events that a round sees, by count and age.
    * `encoder_events`, `language_events`: a round of that model is due when so many events are
      new since the last; `encoder_seconds`, `language_seconds`: or when so much event time
      has passed and at least `least_events` are new.
    * `newest_share`: the part of a window that old and new are compared on, never trained on.
    * `round_seconds`: a round that takes longer, its judgement included, is ended.
      `attempts`: how often a round that crashed or was ended is tried before it is given up.
    * `tidy`: after a promotion old versions are removed, as `penchant models gc` does.
    * `nice`, `threads`: how low its priority is, and on how many processor threads it works.
    * `quiet_seconds`: with `--once`, where more could come, so long without a record is the end;
      of Kafka once each partition was read to its end.
    """

    enabled: bool = False
    models: Literal["both", "encoder", "language"] = "both"
    path: PathText | None = None
    group_id: str | None = None
    window_events: Annotated[int, Meta(ge=10, le=10_000_000)] = 50_000
    window_days: Annotated[float, Meta(ge=0.001, le=36_500)] = 365.0
    encoder_events: Events = 5_000
    encoder_seconds: Seconds = 3_600.0
    language_events: Events = 20_000
    language_seconds: Seconds = 86_400.0
    least_events: Events = 1_000
    newest_share: Annotated[float, Meta(ge=0.01, le=0.9)] = 0.2
    round_seconds: Annotated[float, Meta(ge=1, le=86_400 * 7)] = 3_600.0
    attempts: Annotated[int, Meta(ge=1, le=100)] = 2
    tidy: bool = True
    nice: Annotated[int, Meta(ge=0, le=19)] = 10
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    quiet_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0

    def kinds(self) -> tuple[Kind, ...]:
        """Return what is tuned."""
        return ("encoder", "language") if self.models == "both" else (self.models,)

    def events_of(self, kind: Kind) -> int:
        """Return how many new events make a round due."""
        return self.encoder_events if kind == "encoder" else self.language_events

    def seconds_of(self, kind: Kind) -> float:
        """Return how much event time makes a round due."""
        return self.encoder_seconds if kind == "encoder" else self.language_seconds
