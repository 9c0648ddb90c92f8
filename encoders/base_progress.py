"""How far a training is."""

from __future__ import annotations

from typing import NamedTuple


class TrainingProgress(NamedTuple):
    """`step` of at most `steps`, the mean loss of its targets, and seconds since the beginning."""

    step: int
    steps: int
    loss: float
    seconds: float
