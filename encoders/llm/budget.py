"""Budgets of a training: steps, examples read at once, memory."""

from __future__ import annotations

import contextlib
import math
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from encoders.llm.errors import TuningError

SPARE = 0.9
"""The part of a budget that is planned for; what is left is for what varies."""

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def used_bytes(device: str) -> int:
    """Return what is in use now; where the system does not tell, the highest so far."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_allocated(device))
    return _status_bytes("VmRSS") or peak_bytes(device)


def peak_bytes(device: str) -> int:
    """Return the highest use since `reset_peak`, or since the start where that cannot be reset."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _status_bytes("VmHWM") or highest * (1 if sys.platform == "darwin" else 1024)


def reset_peak(device: str) -> None:
    """Begin to watch for the highest use anew, where the system allows it."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def _status_bytes(name: str) -> int:
    """Read one line of the process's status, in bytes; 0 where there is none."""
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    return 0


class TimeBudget:
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
    def start(cls, steps: int, seconds: float | None) -> TimeBudget:
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


class MemoryBudget:
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
