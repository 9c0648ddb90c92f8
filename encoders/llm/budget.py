"""Budgets of a training: the steps that fit into its time, the examples read at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import monotonic

from encoders.llm.budget_memory import peak_bytes, reset_peak, used_bytes
from encoders.llm.errors import TuningError

SPARE = 0.9
"""The part of a budget that is planned for; what is left is for what varies."""


class Time:
    """How many of the planned steps fit: `steps`, found anew after each step, and 1 at least.

    The first step is slower than others and is left out of the estimate where there are more.
    """

    def __init__(self, steps: int, seconds: float | None, clock: Callable[[], float]) -> None:
        self.steps = steps
        self._planned = steps
        self._clock = clock
        self._limit = seconds
        self._began = clock()
        self._after: list[float] = []

    @classmethod
    def start(cls, steps: int, seconds: float | None) -> Time:
        """Begin now, by the system's steady clock."""
        return cls(steps, seconds, monotonic)

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._began

    def made(self) -> None:
        """Note that a step was made, and plan anew."""
        self._after.append(self.spent)
        if self._limit is None:
            return
        done = len(self._after)
        first = self._after[0] if done > 1 else 0.0
        each = (self._after[-1] - first) / max(1, done - 1)
        left = self._limit * SPARE - self._after[-1]
        fitting = math.floor(left / each) if left > 0 and each > 0 else 0
        self.steps = min(self._planned, done + fitting)


class Room:
    """How many examples are read at once: `piece`, halved whenever memory ran out.

    With a limit, `measure` finds it out before the first step.
    """

    def __init__(self, piece: int, limit: int | None, device: str) -> None:
        self.piece = piece
        self._limit = limit
        self._device = device

    def measure(self, read_longest: Callable[[], None]) -> None:
        """Read the longest example, and measure how many of it fit beside each other.

        Raises TuningError where not even one does.
        """
        if self._limit is None:
            return
        read_longest()  # what is set up once is not what an example takes
        reset_peak(self._device)
        before = used_bytes(self._device)
        read_longest()
        each = max(1, peak_bytes(self._device) - before)
        fitting = int((self._limit - before) * SPARE / each)
        if fitting < 1:
            raise TuningError(
                f"one example takes {(before + each) / 1e6:,.0f} MB with the model where max_bytes "
                f"allows {self._limit / 1e6:,.0f} MB: allow more, or lower max_tokens or layers"
            )
        self.piece = min(self.piece, fitting)

    def halve(self, error: Exception) -> None:
        """Read fewer at once from now on. Raises TuningError where it is one already."""
        if self.piece == 1:
            raise TuningError(
                "there is no memory for one example: lower max_tokens or layers, or close what "
                "else is running"
            ) from error
        self.piece = max(1, self.piece // 2)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that there was no memory, on a CPU or a device."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "alloc" in str(error)
