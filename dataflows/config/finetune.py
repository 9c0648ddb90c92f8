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
    """Section `[finetune]`. docs/how-to/finetune.md tells how fine-tuning works.

    Raises ValueError (name, value, limit) for what is outside.
    """

    enabled: bool = False
    """`penchant run` starts the fine-tuning flow as a child process."""
    models: Literal["both", "encoder", "language"] = "both"
    """What is tuned: `"both"`, `"encoder"` or `"language"`."""
    path: PathText | None = None
    """The folder of its own state; without one `finetune` in the state folder."""
    group_id: str | None = None
    """Its consumer group; without one that of `[kafka]` with `-finetune` after it."""
    window_events: Annotated[int, Meta(ge=10, le=10_000_000)] = 50_000
    """A round sees at most so many of the newest events."""
    window_days: Annotated[float, Meta(ge=0.001, le=36_500)] = 365.0
    """And none that is so much older than the newest, unless it is new."""
    encoder_events: Events = 5_000
    """A round of the encoder is due when so many events are new since the last."""
    encoder_seconds: Seconds = 3_600.0
    """Or when so much event time has passed, and `least_events` are new."""
    language_events: Events = 20_000
    """The same for the language model."""
    language_seconds: Seconds = 86_400.0
    """The same for the language model."""
    least_events: Events = 1_000
    """With fewer new events, time alone makes no round due."""
    newest_share: Annotated[float, Meta(ge=0.01, le=0.9)] = 0.2
    """The part of a window on which old and new are compared, never trained on."""
    round_seconds: Annotated[float, Meta(ge=1, le=86_400 * 7)] = 3_600.0
    """A round that takes longer, its judgement included, is ended."""
    attempts: Annotated[int, Meta(ge=1, le=100)] = 2
    """How often a round that crashed or was ended is tried before it is refused."""
    tidy: bool = True
    """After a promotion old versions are removed, as `penchant models gc` does (`models.keep`)."""
    nice: Annotated[int, Meta(ge=0, le=19)] = 10
    """How low its priority is."""
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Processor threads of a round."""
    quiet_seconds: Annotated[float, Meta(ge=0.1, le=3600)] = 5.0
    """With `--once`, where more could come (Kafka, a file that is followed), so long without a
    record is the end; from Kafka once each partition was read to its end.
    """

    def kinds(self) -> tuple[Kind, ...]:
        """Return what is tuned."""
        return ("encoder", "language") if self.models == "both" else (self.models,)

    def events_of(self, kind: Kind) -> int:
        """Return how many new events make a round due."""
        return self.encoder_events if kind == "encoder" else self.language_events

    def seconds_of(self, kind: Kind) -> float:
        """Return how much event time makes a round due."""
        return self.encoder_seconds if kind == "encoder" else self.language_seconds
