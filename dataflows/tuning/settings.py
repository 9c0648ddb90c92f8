"""What a user may set about fine-tuning as a whole: section `[finetune]` of the config."""

from __future__ import annotations

from typing import Literal

import msgspec

from dataflows.limits import Limits, hold
from dataflows.tuning.evidence import Kind

LIMITS: Limits = {
    "window_events": (10, 10_000_000),
    "window_days": (0.001, 36_500),
    "encoder_events": (1, 10_000_000),
    "encoder_seconds": (1, 86_400 * 365),
    "language_events": (1, 10_000_000),
    "language_seconds": (1, 86_400 * 365),
    "least_events": (1, 10_000_000),
    "newest_share": (0.01, 0.9),
    "round_seconds": (1, 86_400 * 7),
    "attempts": (1, 100),
    "nice": (0, 19),
    "threads": (1, 1024),
    "quiet_seconds": (0.1, 3600),
}


class FinetuneSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section `[finetune]`. Raises ValueError (value, limit, remedy) for what cannot be meant.

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
    * `quiet_seconds`: with `--once`, where more could come, so long without a record is the end.
    """

    enabled: bool = False
    models: Literal["both", "encoder", "language"] = "both"
    path: str | None = None
    group_id: str | None = None
    window_events: int = 50_000
    window_days: float = 365.0
    encoder_events: int = 5_000
    encoder_seconds: float = 3_600.0
    language_events: int = 20_000
    language_seconds: float = 86_400.0
    least_events: int = 1_000
    newest_share: float = 0.2
    round_seconds: float = 3_600.0
    attempts: int = 2
    tidy: bool = True
    nice: int = 10
    threads: int = 1
    quiet_seconds: float = 5.0

    def __post_init__(self) -> None:
        hold(self, LIMITS)

    def kinds(self) -> tuple[Kind, ...]:
        """Give what is tuned."""
        return ("encoder", "language") if self.models == "both" else (self.models,)

    def events_of(self, kind: Kind) -> int:
        """Give how many new events make a round due."""
        return self.encoder_events if kind == "encoder" else self.language_events

    def seconds_of(self, kind: Kind) -> float:
        """Give how much event time makes a round due."""
        return self.encoder_seconds if kind == "encoder" else self.language_seconds
