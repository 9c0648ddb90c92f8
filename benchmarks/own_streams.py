"""A log of one's own as streams that prior weights are made of: benchmarks.prior --log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dataflows.config.config import load_config
from dataflows.evaluation.log_order import read_order
from dataflows.evaluation.offline_flow import (
    NowhereSink,
    PlaySource,
    batched,
    catalogue_records,
    open_engine,
    play,
)
from dataflows.evaluation.timing import Pace
from dataflows.hotswap.configured_encoder import load_configured
from encoders.base import Encoder
from encoders.cache.cached import CachedEncoder
from learners.settings import LearnerSettings
from learners.types import Interaction, Item

PIECE = 1_000
"""Events of one stream: each begins from empty tables, as a shop that opens does."""


class Log(NamedTuple):
    """What a log is to a recommender."""

    settings: LearnerSettings
    items: list[Item]
    interactions: list[Interaction]

    def streams(self, size: int = PIECE) -> Iterator[list[Item | Interaction]]:
        """Yield the catalogue and so many events, again and again; positions begin at 0."""
        for start in range(0, len(self.interactions), size):
            events = enumerate(self.interactions[start : start + size])
            yield [
                *self.items,
                *(msgspec.structs.replace(event, position=place) for place, event in events),
            ]


class _Listener:
    """Keeps every interaction that an engine is about to learn."""

    def __init__(self) -> None:
        self.interactions: list[Interaction] = []

    def before_learn(self, _model: Any, interaction: Interaction, *_: Any, **__: Any) -> None:
        self.interactions.append(interaction)

    def before_label(self, _model: Any, _late: Any) -> None:
        """Labels of intent are no choices."""

    def after_batch(self, _model: Any, _outs: Any) -> None:
        """Lists are of no interest here."""


def read_log(events: Path, items: Path | None, encoder: Encoder | None = None) -> Log:
    """Read a log as a replay does, cleaned and encoded; settings come from the environment.

    Raises InputError for what cannot be read.
    """
    config = load_config(None, {"learner.prior": "none"}, os.environ)
    order = read_order(events, config.events, None)
    catalogue = catalogue_records(items, config.events.max_record_bytes)
    inner = load_configured(config.encoder) if encoder is None else encoder
    cached, heard = CachedEncoder(inner, config.encoder.cached_texts), _Listener()
    engine = open_engine(config, cached, heard)
    source = PlaySource(batched(chain(catalogue, order.records()), 256), Pace())
    play(config, source, NowhereSink, engine, cached)
    model = engine.model
    listed = [
        Item(
            item_id,
            model.item_title(item_id),
            tuple(model.signals.items.category_names_of(number)),
            vector=model.item_vector(item_id),
        )
        for number, item_id in enumerate(model.signals.items.ids)
    ]
    repeats = "on" if model.repeats_on else "off"
    return Log(msgspec.structs.replace(model.settings, repeats=repeats), listed, heard.interactions)
