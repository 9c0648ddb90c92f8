"""One whole round from a log: for the benchmark, the demo, and whoever has files and no stream."""

from __future__ import annotations

import tempfile
from itertools import chain
from pathlib import Path

import msgspec

from dataflows.config.config import Config
from dataflows.config.finetune import FinetuneSettings, Kind
from dataflows.config.limits import range_of
from dataflows.errors import InputError
from dataflows.evaluation.log_order import read_order
from dataflows.evaluation.offline_flow import batched, catalogue_records
from dataflows.finetune.choose_tuner import tuner_for
from dataflows.finetune.rounds.folder import RoundFolders
from dataflows.finetune.rounds.process import announce_promotion, round_settings
from dataflows.finetune.rounds.round import run_round
from dataflows.finetune.tuner import Tell, Tuner
from dataflows.finetune.window.collect import Arrived, Collector
from dataflows.finetune.window.window import Window
from dataflows.messages.events import decode_event
from dataflows.messages.items import decode_item
from dataflows.messages.raw import ITEMS, Raw
from dataflows.registry.decisions import GateDecision
from dataflows.registry.registry import Registry
from dataflows.state.records import MemoryStore

AT_ONCE = 1000


def run_once(
    config: Config,
    log: Path,
    items: Path | None,
    kind: Kind,
    registry: Registry,
    *,
    limit: int | None = None,
    tuner: Tuner | None = None,
    tell: Tell = lambda step: None,  # noqa: ARG005 - nobody listens
) -> GateDecision:
    """Run a round of `kind` on the newest events of a log; what wins is in force in `registry`.

    `log` and `items` are files as for `penchant replay`; with `limit` only the first so many
    events are read, in the order of time. The newest `finetune.newest_share` of the window is
    never trained on. In this process; `tuner` overrides the usual one. Raises InputError, and
    what training raises.
    """
    window = read_window(config, log, items, kind, limit)
    tuner = tuner or tuner_for(config, kind)
    with tempfile.TemporaryDirectory(prefix="penchant-round-") as folder:
        decision = run_round(
            window, tuner, registry, Path(folder), round_settings(config), tell=tell
        )
    announce_promotion(config, registry, decision)
    return decision


def read_window(
    config: Config, log: Path, items: Path | None, kind: Kind, limit: int | None = None
) -> Window:
    """Gather the newest events of a log as the flow does, all of them fresh. Raises InputError."""
    settings = msgspec.structs.replace(config.finetune, models=kind, **_never())
    store = MemoryStore()
    collector = Collector(store, settings, config.clean)
    order = read_order(log, config.events, limit)
    catalogue = catalogue_records(items, config.events.max_record_bytes)
    for raws in batched(chain(catalogue, order.records()), AT_ONCE):
        collector.take([_decoded(raw, config) for raw in raws])
        collector.commit()
    if not collector.close_all():
        raise InputError(
            f"{log}: none of its events can be learnt; `penchant check {log}` says why"
        )
    collector.commit()
    with tempfile.TemporaryDirectory(prefix="penchant-window-") as folder:
        begun = RoundFolders(Path(folder), settings.window_days).next(store, (kind,))
        assert begun is not None  # noqa: S101 - a window has just closed
        return begun.window()


def _never() -> dict[str, float]:
    """Return the settings under which no round is due before all is read."""
    due = {f"{name}_{unit}" for name in ("encoder", "language") for unit in ("events", "seconds")}
    fields = {field.name: field.type for field in msgspec.structs.fields(FinetuneSettings)}
    ranges = {name: range_of(fields[name]) for name in due}
    return {name: found.high for name, found in ranges.items() if found and found.high is not None}


def _decoded(raw: Raw, config: Config) -> Arrived:
    decode = decode_item if raw.topic == ITEMS else decode_event
    return Arrived(raw, decode(raw, config.events))
