"""What a user may set about one round of training of the language model: section `[language]`."""

from __future__ import annotations

import math
from typing import Literal

import msgspec


class LanguageTuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a LoRA adapter is trained. Raises ValueError (value, limit, remedy) for what cannot be.

    * `steps` of the optimiser, over `batch_size` examples each; fewer where all examples would
      be seen more than `passes` times, or where `max_seconds` (the whole training, None: no
      limit) would not do.
    * `max_tokens`: the longest example; of a longer one the beginning of the prompt is cut. Short
      ones are more steps in a time, and the newest lines of a history say most.
    * `max_bytes`: what the process may take (memory of the device where that is CUDA; None: no
      limit). Examples are then read in smaller pieces, with the same result.
    * `rank`, `alpha`: size and strength of the adapter. `layers`: the part of all layers, from
      the last on, that gets one; training costs less where the first ones have none.
    * `learning_rate` at its highest, reached after the part `warmup` of all steps; it falls to
      zero in a straight line. `prompt_share`: how much a token of a prompt counts in the loss
      against one of a target, from 0 to 1: the titles of a history are targets too.
    * `dtype`: "auto" takes bfloat16 where the device multiplies it faster.
    """

    steps: int = 800
    batch_size: int = 2
    passes: float = 3.0
    max_tokens: int = 80
    learning_rate: float = 2e-3
    warmup: float = 0.1
    rank: int = 16
    alpha: float = 32.0
    layers: float = 0.5
    prompt_share: float = 1.0
    max_seconds: float | None = 480.0
    max_bytes: int | None = None
    seed: int = 0
    threads: int = 1
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "rank", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; the least is 1")
        if self.max_tokens < 16:
            raise ValueError(f"max_tokens is {self.max_tokens}; the least is 16")
        for name in ("passes", "learning_rate", "alpha", "layers"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}; give a number above 0")
        for name in ("layers", "prompt_share", "warmup"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}; it goes from 0 to 1")
        for name in ("max_seconds", "max_bytes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}; give a number above 0, or leave it out")
