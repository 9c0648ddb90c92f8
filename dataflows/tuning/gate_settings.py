"""What a user may set about the gate: section `[gate]` of the config."""

from __future__ import annotations

import math

import msgspec


class GateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Section `[gate]`. Raises ValueError (value, limit, remedy) for what cannot be meant.

    * `z`: the mean gain of -log2(rank) on the newest slice must be more than so many of its
      standard errors above zero.
    * `least_events`: a slice with fewer scored events is too little to judge by.
    * `least_change`: weights that moved by less, relative to their norm, count as not trained.
    * `unseen_loss` (in -log2(rank)), `pipeline_loss` (in HR@10): a mean loss above it is harm,
      and so is any loss whose whole interval lies below zero.
    * `coverage_loss`, `check_loss`: the part of the old figure that may be lost.
    * `pairs`: how often the whole recommender is replayed with a new encoder and without, each
      time with other first weights of the network that ranks: which of two happens to learn on
      better moves HR@10 by .002.
    * `keep_loss` (in -log2(rank)): what a compressed model may lose, with its whole interval.
    """

    z: float = 2.5
    least_events: int = 100
    least_change: float = 1e-6
    unseen_loss: float = 0.05
    pipeline_loss: float = 0.005
    coverage_loss: float = 0.25
    check_loss: float = 0.03
    keep_loss: float = 0.1
    pairs: int = 3

    def __post_init__(self) -> None:
        for name in ("least_events", "pairs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; the least is 1")
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value}; give a number, 0 or more")
