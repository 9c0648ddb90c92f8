"""What a user may set about one round of training of the sentence encoder: section `[tuning]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from encoders.limited_settings import LimitedTrainingSettings


class EncoderTuning(LimitedTrainingSettings, frozen=True, kw_only=True):
    """Section `[tuning]`: one round of training of the sentence encoder that `encoder.name` names.

    Raises ValueError (name, value, limit) for what is outside.
    """

    steps: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    """Steps of the optimiser."""
    batch_size: Annotated[int, Meta(ge=2, le=100_000)] = 32
    """Pairs of one step; fewer where they do not fit into memory."""
    passes: Annotated[float, Meta(ge=1e-9, le=1e6)] = 3.0
    """No more steps than see every pair so often."""
    others: Annotated[int, Meta(ge=0, le=100_000)] = 24
    """Texts drawn evenly as further negatives of a step."""
    hard: Annotated[int, Meta(ge=0, le=100_000)] = 8
    """So many pairs of a step bring a negative that is much like their positive."""
    learning_rate: Annotated[float, Meta(ge=1e-9, le=1)] = 2e-3
    """At its highest."""
    warmup: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """The part of all steps until it is reached; it falls to zero in a straight line."""
    method: Literal["lora", "full"] = "lora"
    """`"lora"` trains an adapter and merges it, `"full"` the weights themselves."""
    rank: Annotated[int, Meta(ge=1, le=4096)] = 16
    """Size of the adapter."""
    layers: Annotated[float, Meta(ge=1e-9, le=1)] = 0.5
    """The part of all layers, from the last on, that is trained."""
    scale: Annotated[float, Meta(ge=1e-9, le=1e4)] = 10.0
    """What a cosine is multiplied by in the loss."""
    keep: Annotated[float, Meta(ge=0, le=1e6)] = 10.0
    """How strongly the vectors of all texts are tied to those of before."""
    popularity: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """How much of the frequency of positives vectors may learn: 0 none, 1 all."""
    held_out: Annotated[float, Meta(ge=0, le=0.5)] = 0.05
    """The part of all texts kept out, to choose by it how much of the change is taken over."""
    blends: Annotated[
        tuple[Annotated[float, Meta(ge=1e-9, le=1)], ...], Meta(min_length=1, max_length=100)
    ] = (1.0, 0.6, 0.3)
    """Among these parts."""
    max_seconds: Annotated[float, Meta(ge=0.001, le=86_400 * 365)] | None = 600.0
    """Seconds of training; fewer steps are made where they would not do; none: no limit."""
    max_bytes: Annotated[int, Meta(ge=1, le=10**15)] | None = None
    """What the process may take, or its part of the device's memory."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Keys all randomness of a training."""
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    """`finetune.threads` counts instead within a round."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`"float32"`, `"bfloat16"`, or `"auto"`: bfloat16 where the device multiplies it faster."""
