"""By how many users an item was taken: what reasons may say of people, where counts would not do.

A count grows with each taking, and ten of one user are not ten users. So here each user counts
once an item, when they take it for the first time: by the stage that they were at (the stages of
`learners.signals.popularity`), and where in the shard the newest three of those takings were.
Numbers are never above the truth; what is taken back may leave them below it.
"""

from __future__ import annotations

import bisect

import numpy as np
from numpy.typing import NDArray

from learners.signals.popularity import STAGES

NEWEST = 3
_MOST = 255
_NEVER = -1.0


class Takers:
    """`at_stage` (stages, items) uint8 and `newest` (3, items) float64, the newest position first.

    `newest` holds -1 where there were fewer.
    """

    def __init__(self) -> None:
        self.at_stage = np.zeros((len(STAGES), 0), np.uint8)
        self.newest = np.full((NEWEST, 0), _NEVER)

    def make_room(self, items: int) -> None:
        """Make room for item numbers below `items`."""
        have = self.at_stage.shape[1]
        if items > have:
            room = max(items, 2 * have) - have
            self.at_stage = np.pad(self.at_stage, ((0, 0), (0, room)))
            self.newest = np.pad(self.newest, ((0, 0), (0, room)), constant_values=_NEVER)

    def learn(self, item: int, steps: int, position: int) -> None:
        """Count a user who takes an item for the first time, after `steps` steps."""
        stage = bisect.bisect_right(STAGES, steps) - 1
        if self.at_stage[stage, item] < _MOST:
            self.at_stage[stage, item] += 1
        self.newest[1:, item] = self.newest[:-1, item]
        self.newest[0, item] = position

    def unlearn(self, item: int, steps: int, position: int) -> None:
        """Take back what `learn` counted when it was called with the same."""
        stage = bisect.bisect_right(STAGES, steps) - 1
        if self.at_stage[stage, item]:
            self.at_stage[stage, item] -= 1
        kept = [at for at in self.newest[:, item].tolist() if at != position]
        self.newest[:, item] = kept + [_NEVER] * (NEWEST - len(kept))

    def forget(self, item: int) -> None:
        """Forget who took an item."""
        self.at_stage[:, item] = 0
        self.newest[:, item] = _NEVER

    def count(self, item: int) -> int:
        """Return how many users took an item, at the least."""
        return int(self.at_stage[:, item].sum())

    def counts(self, items: NDArray[np.int32]) -> NDArray[np.uint64]:
        """Return how many users took each of these items (n,), at the least."""
        users: NDArray[np.uint64] = self.at_stage[:, items].sum(axis=0)
        return users

    def counts_at(self, items: NDArray[np.int32], steps: int) -> NDArray[np.uint8]:
        """Return how many took each (n,) at the stage of one who took so many steps."""
        users: NDArray[np.uint8] = self.at_stage[bisect.bisect_right(STAGES, steps) - 1, items]
        return users

    def out(self, item: int) -> tuple[bytes, list[int]]:
        """Return what is kept of an item: users at each stage up to the last, newest positions."""
        known = self.newest[:, item][self.newest[:, item] >= 0.0]
        return self.at_stage[:, item].tobytes().rstrip(b"\0"), known.astype(int).tolist()

    def put(self, item: int, at_stage: bytes, newest: list[int]) -> None:
        """Put back what `out` gave."""
        self.at_stage[: len(at_stage), item] = np.frombuffer(at_stage, np.uint8)
        self.newest[: len(newest), item] = newest
