"""What a user may set about the gate: section `[gate]` of the config."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from learners.limited_settings import LimitedSettings


class GateSettings(LimitedSettings, frozen=True, kw_only=True):
    """Section `[gate]`. docs/how-to/finetune.md has the rules.

    Raises ValueError (name, value, limit) for what is outside.
    """

    z: Annotated[float, Meta(ge=0, le=100)] = 2.5
    """The mean gain of -log2(rank) on the newest events must be more than so many standard errors
    above zero.
    """
    least_events: Annotated[int, Meta(ge=1, le=10_000_000)] = 100
    """Fewer scored events are too little to judge by."""
    least_change: Annotated[float, Meta(ge=0, le=1)] = 1e-6
    """Weights that moved by less, relative to their norm, count as not trained."""
    unseen_loss: Annotated[float, Meta(ge=0, le=100)] = 0.05
    """Mean loss of -log2(rank) on items unseen in training that is still no harm; any loss whose
    whole interval lies below zero is harm.
    """
    pipeline_loss: Annotated[float, Meta(ge=0, le=1)] = 0.005
    """Mean loss of HR@10 of the whole recommender that is still no harm; any loss whose whole
    interval lies below zero is harm.
    """
    coverage_loss: Annotated[float, Meta(ge=0, le=1)] = 0.25
    """The part of the old coverage that may be lost."""
    check_loss: Annotated[float, Meta(ge=0, le=1)] = 0.03
    """The part of an old figure on the fixed check set that may be lost."""
    keep_loss: Annotated[float, Meta(ge=0, le=100)] = 0.1
    """What a compressed model may lose of -log2(rank), with its whole interval."""
    pairs: Annotated[int, Meta(ge=1, le=100)] = 3
    """How often the whole recommender is replayed with a new encoder and without, each time with
    other first weights of the network that ranks: which of two happens to learn on better moves
    HR@10 by .002.
    """
