"""What a user may set about the gate: section `[gate]` of the config."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from learners.limited_settings import LimitedSettings


class GateSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[gate]`. Raises ValueError (name, value, limit) for what is outside.

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

    z: Annotated[float, Meta(ge=0, le=100)] = 2.5
    least_events: Annotated[int, Meta(ge=1, le=10_000_000)] = 100
    least_change: Annotated[float, Meta(ge=0, le=1)] = 1e-6
    unseen_loss: Annotated[float, Meta(ge=0, le=100)] = 0.05
    pipeline_loss: Annotated[float, Meta(ge=0, le=1)] = 0.005
    coverage_loss: Annotated[float, Meta(ge=0, le=1)] = 0.25
    check_loss: Annotated[float, Meta(ge=0, le=1)] = 0.03
    keep_loss: Annotated[float, Meta(ge=0, le=100)] = 0.1
    pairs: Annotated[int, Meta(ge=1, le=100)] = 3
