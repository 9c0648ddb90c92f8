"""What a model knows by vectors, made anew in another encoder's space while it goes on learning.

Begin one, put every item in, step until nothing is left, follow what came meanwhile, and
hand it to `Recommender.switch`: from then on no vector of the old space is left in the model.
Everything but `follow`, which wants the model to stand still, may run in another thread.
"""

from __future__ import annotations

from learners.interaction import Vector
from learners.meaning import Meanings
from learners.model_state import ModelState
from learners.needs_shadow import Encode, NeedsShadow
from learners.searched_shadow import SearchedShadow


class Shadow:
    """The other half of a model: `meanings` of items, `searched` by users, and their `needs`."""

    def __init__(self, model: ModelState) -> None:
        settings = model.settings
        self._model = model
        self.meanings = Meanings(settings.dim, settings.similar)
        self.needs = NeedsShadow(model.needs, self.meanings)
        self.searched = SearchedShadow(self.meanings)
        self._index = model.signals.items.index
        self._rows: list[int] = []
        self._followed = 0
        self.follow()

    def __len__(self) -> int:
        """How much there is to do: rows and hubs to be found, events and labels to be learnt."""
        return len(self._rows) + len(self.searched) + len(self.needs)

    def follow(self) -> int:
        """Take note of what came since the last call; give how much there is to do.

        The model must stand still for it. A removed item is to be put in with None.
        """
        model = self._model
        items = len(model.signals.items.available)
        self.meanings.make_room(items)
        owners = model.signals.meanings.owners
        self._rows += owners[self._followed :]
        self._followed = len(owners)
        self.searched.follow(model.signals.searched)
        self.needs.follow(model.needs)
        return len(self)

    def put_item(self, item_id: str, vector: Vector | None) -> None:
        """Set the vector (dim,) of an item, None for "no text" and for one that was removed.

        An item that the model does not know is ignored. Raises ValueError as `Meanings.check`.
        """
        number = self._index.get(item_id)
        if number is None:
            return
        self.meanings.make_room(number + 1)
        self.meanings.put(number, vector)
        self.searched.item_put(number, vector)

    def step(self, encode: Encode, most: int) -> int:
        """Do at most so much, rows first; give what is left.

        Put the items in before: rows and hubs are found among those that are there.
        """
        for _ in range(min(most, len(self._rows))):
            self.meanings.look_up(self._rows.pop())
            most -= 1
        if most and self.searched:
            most -= self.searched.step(encode, most)
        if most:
            self.needs.step(encode, most)
        return len(self)
