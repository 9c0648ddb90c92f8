"""What a model knows by vectors, made anew in another encoder's space while it goes on learning.

Begin one, put every item in, step until nothing is left, follow what came meanwhile, and
hand it to `OnlineModel.switch`: from then on no vector of the old space is left in the model.
Everything but `follow`, during which the model must not change, may run in another thread.
"""

from __future__ import annotations

from learners.signals.semantic import SemanticIndex
from learners.state.model import ModelState
from learners.state.reencode_intent import Encode, IntentReencoding
from learners.state.reencode_searches import SearchReencoding
from learners.types import Vector


class Reencoding:
    """All of a model that hangs on vectors: `semantic` index, `searched`, intent `tracker`."""

    def __init__(self, model: ModelState) -> None:
        settings = model.settings
        self._model = model
        self.semantic = SemanticIndex(settings.dim, settings.similar)
        self.tracker = IntentReencoding(model.tracker, self.semantic)
        self.searched = SearchReencoding(self.semantic)
        self._index = model.signals.items.index
        self._rows: list[int] = []
        self._followed = 0
        self.follow()

    def __len__(self) -> int:
        """Return how much is left: rows and hubs to be found, events and labels to be learnt."""
        return len(self._rows) + len(self.searched) + len(self.tracker)

    def follow(self) -> int:
        """Note what came since the last call; return how much there is to do.

        The model must not change meanwhile. A removed item is to be put in with None.
        """
        model = self._model
        items = len(model.signals.items.available)
        self.semantic.make_room(items)
        owners = model.signals.semantic.owners
        self._rows += owners[self._followed :]
        self._followed = len(owners)
        self.searched.follow(model.signals.searched)
        self.tracker.follow(model.tracker)
        return len(self)

    def put_item(self, item_id: str, vector: Vector | None) -> None:
        """Set the vector (dim,) of an item, None for "no text" and for one that was removed.

        An item that the model does not know is ignored. Raises ValueError as `SemanticIndex.check`.
        """
        number = self._index.get(item_id)
        if number is None:
            return
        self.semantic.make_room(number + 1)
        self.semantic.put(number, vector)
        self.searched.item_put(number, vector)

    def step(self, encode: Encode, most: int) -> int:
        """Work at most so much, rows first; return how much is left.

        Put the items in before: rows and hubs are found among those that are there.
        """
        for _ in range(min(most, len(self._rows))):
            self.semantic.look_up(self._rows.pop())
            most -= 1
        if most and self.searched:
            most -= self.searched.step(encode, most)
        if most:
            self.tracker.step(encode, most)
        return len(self)

    def take_over(self) -> None:
        """Let the model go on in the new space with what was made ready; all must be learnt."""
        model = self._model
        model.dirty |= model.signals.switch(self.semantic, self.searched.hubs)
        model.tracker = self.tracker.take_over(model.tracker)
        model.users.switch(self.tracker.active(), model.position)
        model.open = model.peek = None
