"""Replay for those who use the library: two files in, the figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from dataflows.config.config import load_config
from dataflows.errors import InputError
from dataflows.evaluation.baselines.catalogue import DEFAULT, read_names
from dataflows.evaluation.replay import ReplaySettings
from dataflows.evaluation.replay import replay as replay_log
from encoders.base import Encoder

_NOTHING: Mapping[str, object] = {}


def replay(
    events: str | PathLike[str],
    items: str | PathLike[str] | None = None,
    encoder: str | Encoder | None = None,
    *,
    warmup: float = 0.2,
    limit: int | None = None,
    against: Sequence[str] = DEFAULT,
    options: Mapping[str, object] = _NOTHING,
) -> dict[str, Any]:
    """Replay a log, ranking every event before it is learnt; return the figures.

    They are those that `penchant replay --json` writes (docs/explanation/replay.md), made by the
    steps that run live. Neither a configuration file nor the environment is read.

    Arguments:
        events: a file with one JSON object a line; `items`: the catalogue, likewise.
        encoder: a name as `encoders.load_encoder` takes it, or an encoder; "packaged" where None.
        warmup: the share of the events that is only learnt, from 0 up to 1.
        limit: how many records are replayed, in the order of time; all where None.
        against: names of the baselines that are run over the same log; ("all",) for all of them.
        options: settings by name, such as {"learner.k": 5} (docs/reference/config.md).

    Raises `dataflows.errors.InputError`, one line with the value, the limit and the remedy, for
    what cannot be read or meant, and `encoders.base.EncoderError` for an encoder that cannot be
    loaded.
    """
    options = dict(options)
    if isinstance(encoder, str):
        options["encoder.name"], encoder = encoder, None
    if isinstance(against, str):
        raise InputError(f"against is {against!r}; give names in a list, such as [{against!r}]")
    given = {"warmup": warmup, "limit": limit, "against": read_names(",".join(against) or "none")}
    try:
        # Values of another type are refused here, not in the middle of the run.
        settings = msgspec.convert(given, ReplaySettings)
    except msgspec.ValidationError as error:
        raise InputError(f"replay: {error}") from None
    catalogue = None if items is None else Path(items)
    config = load_config(None, options, {})
    return replay_log(config, Path(events), catalogue, settings, encoder).report
