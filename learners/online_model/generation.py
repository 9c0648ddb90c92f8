"""The part of a model that a language model works with: what it is asked about, what it named."""

from __future__ import annotations

from collections.abc import Sequence

from learners.state.model import ModelState
from learners.users.generated import GenerationContext, taken_by


class Generation:
    """Tells what a language model is asked about, and keeps what it names."""

    def __init__(self, state: ModelState) -> None:
        self._state = state

    def length(self, user_id: str) -> int:
        """Return how many interactions of a user with items were learnt."""
        state = self._state
        return state.users.get(user_id, state.position).length

    def taken(self, user_id: str, most: int) -> GenerationContext:
        """Return a user's newest `most` items, and what is not to be named for them again."""
        state = self._state
        user = state.users.get(user_id, state.position)
        return taken_by(user, state.signals.items, most, again=state.repeats_on)

    def labels(self) -> list[str]:
        """Return the labels of intent that are known; not to be changed."""
        return self._state.tracker.stated.labels

    def put(
        self,
        user_id: str,
        item_ids: Sequence[str],
        lifts: Sequence[float],
        asked: tuple[int, float],
    ) -> int:
        """Keep what a language model named for a user; return how many items were kept.

        Best first, with how much likelier (nats) each is for this user than for anybody.
        `asked` is length and time of `taken` when it was asked. Items that are unknown,
        or not available now, are left out. Nothing is kept where the settings keep none.
        """
        state, items = self._state, self._state.signals.items
        found = [
            (items.index.get(item_id, -1), lift)
            for item_id, lift in zip(item_ids, lifts, strict=True)
        ]
        live = [(number, lift) for number, lift in found if number >= 0 and items.available[number]]
        if state.settings.generated and live:
            numbers, figures = zip(*live, strict=True)
            state.generated.put(user_id, numbers, figures, asked, state.position)
            state.peek = None
        return len(live)
