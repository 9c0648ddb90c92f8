"""What a user may set about one round of training of the sentence encoder: section `[tuning]`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

_SMALL = 1e-9
LIMITS: Mapping[str, tuple[float, float]] = {
    "steps": (1, 1_000_000),
    "batch_size": (2, 100_000),
    "passes": (_SMALL, 1e6),
    "others": (0, 100_000),
    "hard": (0, 100_000),
    "learning_rate": (_SMALL, 1),
    "warmup": (0, 1),
    "rank": (1, 4096),
    "layers": (_SMALL, 1),
    "scale": (_SMALL, 1e4),
    "keep": (0, 1e6),
    "popularity": (0, 1),
    "held_out": (0, 0.5),
    "seed": (0, 2**32 - 1),
    "threads": (1, 1024),
}


class EncoderTuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a sentence encoder is trained. Raises ValueError (value, limit, remedy).

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

    steps: int = 100
    batch_size: int = 32
    passes: float = 3.0
    others: int = 24
    hard: int = 8
    learning_rate: float = 2e-3
    warmup: float = 0.1
    method: Literal["lora", "full"] = "lora"
    rank: int = 16
    layers: float = 0.5
    scale: float = 10.0
    keep: float = 10.0
    popularity: float = 1.0
    held_out: float = 0.05
    blends: tuple[float, ...] = (1.0, 0.6, 0.3)
    max_seconds: float | None = 600.0
    max_bytes: int | None = None
    seed: int = 0
    threads: int = 1
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} is {value}; it must be from {low:g} to {high:g}")
        if not self.blends or not all(0.0 < blend <= 1.0 for blend in self.blends):
            raise ValueError(f"blends are {self.blends}; give some from above 0 to 1")
        for name in ("max_seconds", "max_bytes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}; give a number above 0, or leave it out")
