"""What a user may set about one round of training of the sentence encoder: section `[tuning]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from encoders.limited_settings import LimitedTrainingSettings


class EncoderTuning(LimitedTrainingSettings, frozen=True, kw_only=True):
    """How a sentence encoder is trained. Raises ValueError (name, value, limit).

    * `steps` of the optimiser over `batch_size` pairs each; fewer where all pairs would be seen
      more than `passes` times, or where `max_seconds` (the whole training, None: no limit)
      would not do. `others`: texts drawn evenly as further negatives of a batch; `hard`: how
      many of its pairs bring a negative that is much like their positive.
    * `max_bytes`: what the process may take (memory of the device where that is CUDA; None: no
      limit); the batch is cut to fit.
    * `method`: "lora" trains an adapter of rank `rank` and merges it, "full" the weights
      themselves. `layers`: the part of all layers, from the last on, that is trained.
    * `learning_rate` at its highest, reached after the part `warmup` of all steps; it falls to
      zero in a straight line. `scale`: what a cosine is multiplied by in the loss.
    * `keep`: how strongly the vectors of all texts are tied to those of before.
    * `popularity`: how much of the frequency of positives vectors may learn: 0 none, 1 all.
    * `held_out`: the part of all texts that is kept out of the training, to choose by it and by
      pairs kept out how much of the change is taken over, among `blends` (1: all of it).
    * `threads`: those of torch, for the whole process. `dtype`: "auto" takes bfloat16 where the
      device multiplies it faster.
    """

    steps: Annotated[int, Meta(ge=1, le=1_000_000)] = 100
    batch_size: Annotated[int, Meta(ge=2, le=100_000)] = 32
    passes: Annotated[float, Meta(ge=1e-9, le=1e6)] = 3.0
    others: Annotated[int, Meta(ge=0, le=100_000)] = 24
    hard: Annotated[int, Meta(ge=0, le=100_000)] = 8
    learning_rate: Annotated[float, Meta(ge=1e-9, le=1)] = 2e-3
    warmup: Annotated[float, Meta(ge=0, le=1)] = 0.1
    method: Literal["lora", "full"] = "lora"
    rank: Annotated[int, Meta(ge=1, le=4096)] = 16
    layers: Annotated[float, Meta(ge=1e-9, le=1)] = 0.5
    scale: Annotated[float, Meta(ge=1e-9, le=1e4)] = 10.0
    keep: Annotated[float, Meta(ge=0, le=1e6)] = 10.0
    popularity: Annotated[float, Meta(ge=0, le=1)] = 1.0
    held_out: Annotated[float, Meta(ge=0, le=0.5)] = 0.05
    blends: Annotated[
        tuple[Annotated[float, Meta(ge=1e-9, le=1)], ...], Meta(min_length=1, max_length=100)
    ] = (1.0, 0.6, 0.3)
    max_seconds: Annotated[float, Meta(ge=0.001, le=86_400 * 365)] | None = 600.0
    max_bytes: Annotated[int, Meta(ge=1, le=10**15)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
