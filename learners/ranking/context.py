"""What ranking knows of a user at one moment, and the candidates with their features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from learners.signals.searches import Search
from learners.users.generated import NOTHING, NamedCandidates


class Context(NamedTuple):
    """A user at one moment: `recent` (m,) distinct items, newest first, and the rest.

    `back` (m,) float64 is how many steps back each of them lies (`learners.signals.window`).
    `length` counts the user's interactions, `steps` the times at which there were any. `taken` (6,
    m) is as in `learners.users.user.User`; `apart` (a,) of its items are no candidates: all where
    `repeats` is off, else those that rest at the time `now` (seconds). `position` is the shard
    position. `liking` and `intent` (c,) are by category number,
    0 where nothing is known; `chances` are those of all intents, in the learner's order.
    `generated` is what a language model named for the user. `gap` is seconds since their last
    event, 0 where the moment is that event's, `session` the number of events since a long pause,
    up to those that are kept. `search` is what they searched for last, with its vector.
    """

    recent: NDArray[np.int32]
    back: NDArray[np.float64]
    length: int
    steps: int
    taken: NDArray[np.int32]
    apart: NDArray[np.int32]
    now: float
    repeats: bool
    position: int
    liking: NDArray[np.float32]
    intent: NDArray[np.float32]
    chances: NDArray[np.float64]
    generated: NamedCandidates = NOTHING
    gap: float = 0.0
    session: int = 0
    search: Search | None = None


class CandidateBatch(NamedTuple):
    """Candidates (n,) of one user at one moment with their scaled feature rows (n, f).

    `item_weights` (n,) is what the user's recent items add to the score of each; `sources` (r,)
    are those of them that have neighbours, `reach` (r,) what each counts for in it.
    """

    user_id: str
    before: float | None
    position: int
    ids: NDArray[np.int32]
    raw: NDArray[np.float32]
    scaled: NDArray[np.float32]
    item_weights: NDArray[np.float32]
    sources: NDArray[np.int32]
    reach: NDArray[np.float32]

    def only(self, kept: NDArray[np.intp] | NDArray[np.bool_]) -> CandidateBatch:
        """Return the batch of some of its candidates, by place or by a mask (n,)."""
        return self._replace(
            ids=self.ids[kept],
            raw=self.raw[kept],
            scaled=self.scaled[kept],
            item_weights=self.item_weights[kept],
        )
