"""From values to places in a drawing, and the round values at which an axis is marked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

Words = Callable[[float], str]


class Axis(NamedTuple):
    """What an axis shows: `low` to `high`, its title, and how a value is written.

    `marks` are fixed places with their words, where round values would say nothing.
    """

    title: str
    low: float
    high: float
    words: Words
    log: bool = False
    marks: tuple[tuple[float, str], ...] = ()

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return at most about `most` places to mark, with what to write there."""
        if self.marks:
            step = math.ceil(len(self.marks) / max(most, 1))
            return list(self.marks[::step])
        values = _powers(self.low, self.high, most) if self.log else _round(self, most)
        return [(value, self.words(value)) for value in values]


class Scale(NamedTuple):
    """Places an axis between two ends, `start` for its low value and `stop` for its high one."""

    axis: Axis
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Return the place of a value; one beyond the ends is put at the end."""
        low, high = self.axis.low, self.axis.high
        if self.axis.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, 1e-300))
        share = (min(max(value, low), high) - low) / (high - low)
        return self.start + share * (self.stop - self.start)


def room(values: list[float], words: Words, title: str) -> Axis:
    """Make an axis from 0 that has room for values, also for negative ones."""
    low, high = min([0.0, *values]), max([0.0, *values])
    margin = 0.06 * (high - low) or 1.0
    return Axis(title, low - margin if low < 0 else 0.0, high + margin, words)


def log_room(values: list[float], words: Words, title: str) -> Axis:
    """Make a logarithmic axis that has room for positive values."""
    kept = [value for value in values if value > 0]
    low, high = min(kept, default=1.0), max(kept, default=10.0)
    wider = max((high / low) ** 0.06, 1.15)
    return Axis(title, low / wider, high * wider, words, log=True)


def _round(axis: Axis, most: int) -> list[float]:
    span = axis.high - axis.low
    power = 10.0 ** math.floor(math.log10(span / max(most, 1)))
    step = next(each for m in (1, 2, 5, 10, 20) if span / (each := m * power) <= most)
    first = math.ceil(axis.low / step - 1e-9)
    last = math.floor(axis.high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _powers(low: float, high: float, most: int) -> list[float]:
    """Return 1, 2, 5 times powers of ten; only powers of ten, or each second one, if too many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for factors, every in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 3)):
        found = [f * 10.0**e for e in exponents if e % every == 0 for f in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) <= most:
            break
    return found
