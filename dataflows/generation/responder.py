"""Answers requests with the language model: names items, writes narratives, finds labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dataflows.config.generate import GenerateSettings
from dataflows.generation.grounding import TitleIndex
from dataflows.generation.item_generator import Generator
from dataflows.generation.labeller import Teacher
from dataflows.generation.narrator import Narrator
from dataflows.messages.items import ItemRecord
from encoders.llm.model import LanguageModel

NAMES = "names"
NARRATIVES = "narratives"
LABELS = "labels"

Renew = Callable[[LanguageModel], LanguageModel | None]
"""Returns another model where one is in force by now, else None."""


class LlmResponder:
    """The language model and the catalogue that it may speak of. For one thread at a time.

    `renew` is asked before each batch of requests whether there is a newer model.
    """

    def __init__(
        self, model: LanguageModel, settings: GenerateSettings, renew: Renew | None = None
    ) -> None:
        self.generator = Generator(model, settings)
        self._records: dict[str, ItemRecord] = {}
        self._index = TitleIndex()
        self.narrator = Narrator(self._records, self._index, settings.narratives_cached)
        self.teacher = Teacher()
        self._settings = settings
        self._renew = renew

    @property
    def model(self) -> LanguageModel:
        """The model in use."""
        return self.generator.model

    def put_item(self, record: ItemRecord) -> None:
        """Put an item that is new or changed, or no longer available."""
        if not record.available:
            self.remove_item(record.item_id)
            return
        if self._settings.candidates:
            self.generator.put(record.item_id, record.title, record.categories)
        if self._settings.narratives:
            self._records[record.item_id] = record
            self._index.put(record.item_id, record.title)

    def remove_item(self, item_id: str) -> None:
        """Remove an item that left the catalogue."""
        self.generator.remove(item_id)
        self._records.pop(item_id, None)
        self._index.remove(item_id)

    def answer(
        self, kind: str, what: Sequence[Any], is_live: Callable[[str], bool] | None
    ) -> list[Any]:
        """Answer requests of one kind. Raises ValueError for one that is not known."""
        newer = None if self._renew is None else self._renew(self.model)
        if newer is not None:
            self.generator.use(newer)
        if kind == NAMES:
            return list(self.generator.name(what, is_live))
        if kind == NARRATIVES:
            return [self.narrator.tell(self.model, listed, is_live) for listed in what]
        if kind == LABELS:
            return list(self.teacher.tell(self.model, what))
        raise ValueError(f"{kind!r} is no kind of request")
