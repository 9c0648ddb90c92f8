"""Which kept examples are learnt once more, drawn as often as their labels come.

Experience replay (Lin, 1992, "Self-improving reactive agents based on reinforcement
learning, planning and teaching"). The draws are keyed by the number of the example, so that
a run that was broken off and goes on draws what an unbroken one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.classifiers.example_memory import NearestMemory

RECENT = 2048
_WORD = 2**64 - 1


class Rehearsal:
    """The slots of the newest examples, to draw labels from."""

    def __init__(self) -> None:
        self._recent = np.zeros(RECENT, np.int32)
        self._written = 0

    def draw(self, memory: NearestMemory, times: int) -> tuple[NDArray[np.int64], ...]:
        """Return the slots and places `(m,)` of up to `times` kept examples."""
        have, chosen = min(self._written, RECENT), []
        for turn in range(times if have else 0):
            number = scrambled(self._written * 64 + turn)
            slot = int(self._recent[number % have])
            kept = memory.kept(slot) if slot >= 0 else 0
            if kept:
                chosen.append((slot, (number >> 32) % kept))
        return tuple(np.array(chosen, np.int64).reshape(-1, 2).T.copy())

    def add(self, slot: int) -> None:
        """Note one more example."""
        self._recent[self._written % RECENT] = slot
        self._written += 1

    def merge(self, gone: int, kept: int) -> None:
        """Move examples of one label to another."""
        self._recent[self._recent == gone] = kept

    def remove(self, slot: int) -> None:
        """Forget the examples of a slot; those behind it move up."""
        self._recent[self._recent == slot] = -1
        self._recent[self._recent > slot] -= 1

    def state(self) -> dict[str, Any]:
        """Return all as plain values and copies of arrays."""
        return {"recent": self._recent[: self._written].copy(), "written": self._written}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore, bit for bit, what `state` returned."""
        self._written = state["written"]
        self._recent[: len(state["recent"])] = state["recent"]


def scrambled(number: int) -> int:
    """Return 63 bits that look random for a number (Steele et al., 2014, SplitMix64)."""
    mixed = (number * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) & _WORD
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
    return (mixed ^ (mixed >> 31)) >> 1
