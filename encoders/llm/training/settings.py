"""What a user may set about one round of training of the language model: section `[language]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from encoders.limited_settings import LimitedTrainingSettings


class LanguageTuning(LimitedTrainingSettings, frozen=True, kw_only=True):
    """Section `[language]`: one round of training of the model that `generate.model` names.

    What is trained is a LoRA adapter.
    Raises ValueError (name, value, limit) for what is outside.
    """

    steps: Annotated[int, Meta(ge=1, le=1_000_000)] = 800
    """Steps of the optimiser."""
    batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 2
    """Examples of one step; where they do not fit into memory they are read in smaller pieces."""
    passes: Annotated[float, Meta(ge=1e-9, le=1e6)] = 3.0
    """No more steps than see every example so often."""
    max_tokens: Annotated[int, Meta(ge=16, le=131_072)] = 80
    """The longest example; of a longer one the beginning of the prompt is cut, never the target.
    Short ones are more steps in a time, and the newest lines of a history say most.
    """
    learning_rate: Annotated[float, Meta(ge=1e-9, le=1)] = 2e-3
    """At its highest."""
    warmup: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """The part of all steps until it is reached; it falls to zero in a straight line."""
    rank: Annotated[int, Meta(ge=1, le=4096)] = 16
    """Size of the adapter."""
    alpha: Annotated[float, Meta(ge=1e-9, le=1e6)] = 32.0
    """Strength of the adapter."""
    layers: Annotated[float, Meta(ge=1e-9, le=1)] = 0.5
    """The part of all layers, from the last on, that gets one; training costs less where the first
    ones have none.
    """
    prompt_share: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """How much a token of a prompt counts in the loss against one of a target: the titles of a
    history are targets too.
    """
    max_seconds: Annotated[float, Meta(ge=0.001, le=86_400 * 365)] | None = 480.0
    """Seconds of training; fewer steps are made where they would not do; none: no limit."""
    max_bytes: Annotated[int, Meta(ge=1, le=10**15)] | None = None
    """What the process may take, or its part of the device's memory."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Keys all randomness of a training."""
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    """`finetune.threads` counts instead within a round."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`"float32"`, `"bfloat16"`, or `"auto"`: bfloat16 where the device multiplies it faster."""
