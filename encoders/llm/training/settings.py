"""What a user may set about one round of training of the language model: section `[language]`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from encoders.limited_settings import LimitedTrainingSettings


class LanguageTuning(LimitedTrainingSettings, frozen=True, kw_only=True):
    """How a LoRA adapter is trained. Raises ValueError (name, value, limit) for what is outside.

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

    steps: Annotated[int, Meta(ge=1, le=1_000_000)] = 800
    batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 2
    passes: Annotated[float, Meta(ge=1e-9, le=1e6)] = 3.0
    max_tokens: Annotated[int, Meta(ge=16, le=131_072)] = 80
    learning_rate: Annotated[float, Meta(ge=1e-9, le=1)] = 2e-3
    warmup: Annotated[float, Meta(ge=0, le=1)] = 0.1
    rank: Annotated[int, Meta(ge=1, le=4096)] = 16
    alpha: Annotated[float, Meta(ge=1e-9, le=1e6)] = 32.0
    layers: Annotated[float, Meta(ge=1e-9, le=1)] = 0.5
    prompt_share: Annotated[float, Meta(ge=0, le=1)] = 1.0
    max_seconds: Annotated[float, Meta(ge=0.001, le=86_400 * 365)] | None = 480.0
    max_bytes: Annotated[int, Meta(ge=1, le=10**15)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    threads: Annotated[int, Meta(ge=1, le=1024)] = 1
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
