"""What an interaction counted, noted beside it in its user's history so it can be taken back.

An item that is bought once tells more than one that is looked at once, so counts take the weight
of an event's type. But a count is shared by all: one event of a huge weight would drown what
everybody else did, and one of next to none would not be counted at all. So the weight is cut at
both ends (`counted_as`).
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

WORDS, FIGURES = 7, 5
EVENT, TYPE, STEPS, HUB, AGAIN, RETURN, UNTIL = range(WORDS)
COUNTED, VALUE = 3, 4
LEAST, MOST = 0.1, 10.0
"""One event counts at least, and at most, as so many of weight 1."""
NO_RETURN = -1
NEVER = -(2**31)
"""The moment before all others (`learners.signals.rests`)."""
_NONE = 1e9  # far beyond what a value can count for; a record holds no NaN
_NO_VALUE = float(np.finfo(np.float64).max)

Words = NDArray[np.int32]
Figures = NDArray[np.float64]


class UndoRecord(NamedTuple):
    """One interaction as it was counted.

    `event` and `type` are the hashes (`hash32`) of its id and type, `steps` how many steps its
    user had taken before, `hub` the item that stood for their newest search then (-1: none).
    `position` is its number in the shard, `weight` that of its type, `deviation` what its value
    counted for (None: it had none). `again` tells that they had the item already, `counted` what it
    was counted as (`counted_as`), `returned` as which return to the item, and `until`
    at which moment the item rests no longer after it (`learners.signals.rests`). `value` is the
    number that the event brought, as it was, None where it had none.
    """

    event: int = 0
    type: int = 0
    steps: int = 0
    hub: int = -1
    position: int = -1
    weight: float = 1.0
    deviation: float | None = None
    again: bool = False
    counted: float = 1.0
    returned: int = NO_RETURN
    until: int = NEVER
    value: float | None = None

    def write(self, words: Words, figures: Figures, place: int) -> None:
        """Write it into column `place` of `words` (7, room) and of `figures` (5, room)."""
        words[:, place] = (
            *(self.event, self.type, self.steps, self.hub, self.again),
            *(self.returned, self.until),
        )
        deviation = _NONE if self.deviation is None else self.deviation
        value = self.value if self.value is not None and self.deviation is not None else _NO_VALUE
        figures[:, place] = self.position, self.weight, deviation, self.counted, value


def read(words: Words, figures: Figures, place: int) -> UndoRecord:
    """Return what `UndoRecord.write` wrote."""
    event, type_, steps, hub, again, returned, until = words[:, place].tolist()
    position, weight, deviation, counted, value = figures[:, place].tolist()
    known = None if deviation == _NONE else deviation
    noted = event, type_, steps, hub, int(position), weight, known, again > 0, counted
    return UndoRecord(*noted, returned, until, None if value == _NO_VALUE else value)


def whole(words: Words, figures: Figures) -> tuple[Words, Figures]:
    """Return undo records with all rows: earlier ones were counted as 1, and as no returns.

    The numbers that their events brought are not known.
    """
    missing, lacking = FIGURES - len(figures), WORDS - len(words)
    if missing:
        wanted = np.ones((FIGURES, figures.shape[1]))
        wanted[VALUE], wanted[: len(figures)] = _NO_VALUE, figures
        figures = wanted
    if lacking:
        wider = np.full((WORDS, words.shape[1]), NEVER, np.int32)
        wider[RETURN], wider[: len(words)] = NO_RETURN, words
        words = wider
    return words, figures


def hash32(word: str) -> int:
    """Return an id or a type in 32 bits, few enough to be kept beside every interaction.

    It is looked for among the newest events of one user alone, so two that share one by chance
    (one pair in four thousand million) hardly meet.
    """
    return crc32(word.encode("utf-8", "surrogatepass")) - 2**31


def counted_as(weight: float) -> float:
    """Return what an interaction of this weight, above 0, adds to a count: 1 for 1."""
    return min(max(weight, LEAST), MOST)
