"""The parts of a running process, put together from the configuration."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from dataflows.catalogue import Catalogue
from dataflows.clean import Cleaner
from dataflows.config import Config
from dataflows.encode import EncodeStep
from dataflows.engine import Engine, read_positions
from dataflows.engines import Engines
from dataflows.errors import InputError
from dataflows.file_sink import FileSink
from dataflows.files import ITEMS, FileSource
from dataflows.flow import build_flow
from dataflows.message_types import Versions
from dataflows.outbox import Acknowledge, Out
from dataflows.progress import Progress
from dataflows.record import Raw
from dataflows.run_log import RunLog
from dataflows.store import Store, store_path
from dataflows.versions import model_version
from encoders.cache import CachedEncoder
from encoders.load import load_encoder
from encoders.protocol import Encoder
from learners.codec import StateError
from learners.recommender import Recommender
from learners.settings import LearnerSettings

CACHE_FILE = "encoder-cache.db"

SHAPING = ("hidden", "neighbours", "similar")
"""Learner settings that stored arrays have their shape from."""


@dataclass(frozen=True)
class Process:
    """One process, ready to run. Call `finish` after the flow, however it ended."""

    flow: Dataflow
    epoch: timedelta
    engines: Engines[Recommender]
    run_log: RunLog
    openers: list[Callable[[], object]]
    closers: list[Callable[[], object]]

    def open(self) -> None:
        """Open all now, so that what is wrong is told before the flow starts."""
        for opener in self.openers:
            opener()
        self.run_log.begin()

    def finish(self) -> None:
        """Store what was delivered at the very end, then close all.

        What one of them raises does not keep the rest from closing; the first is raised after.
        """
        failures = []
        while self.closers:
            try:
                self.closers.pop(0)()
            except Exception as error:  # noqa: BLE001 - raised below
                failures.append(error)
        if failures:
            raise failures[0]


def assemble(config: Config, stop: Callable[[], bool], encoder: Encoder | None = None) -> Process:
    """Put a process together; `stop` is asked by the source. `encoder` overrides the configured.

    Raises InputError, and `encoders.errors.EncoderError`.
    """
    folder, shards = Path(config.state.path), config.state.shards
    cached = _encoder(config, folder, encoder)
    progress = Progress({shard: stored_positions(folder, shard) for shard in range(shards)}, shards)
    about = f"{config.flow.source} source, encoder {cached.version}, state in {folder}"
    run_log = RunLog(about, config.flow.log_seconds, lambda: ends.lag())  # noqa: PLW0108 - made below
    engines = open_engines(config, cached, progress, run_log)
    view = Store.reader(folder)
    encode = EncodeStep(
        cached,
        config.events,
        Catalogue(view, cached.version),
        shards,
        config.kafka.items_topic if config.flow.source == "kafka" else ITEMS,
    )
    ends = _ends(config, progress, stop, engines.acknowledge)
    epoch = timedelta(seconds=config.flow.epoch_seconds)
    committed = partial(_tell, run_log)
    flow = build_flow(ends.source, ends.sink, encode, engines, epoch, committed)
    # The sink's last acknowledgements are stored before the source tells how far that is.
    closers = [run_log.finish, *ends.after_flow, engines.close, *ends.after_state, cached.close]
    if view is not None:
        closers.append(view.close)
    openers = [engines.open_all, *ends.openers]
    return Process(flow, epoch, engines, run_log, openers, closers)


def _tell(run_log: RunLog, engine: Engine[Recommender]) -> None:
    run_log.committed(engine.shard, engine.ledger, engine.counts["lists_sent"])


def open_engines(
    config: Config, encoder: Encoder, progress: Progress, run_log: RunLog
) -> Engines[Recommender]:
    """Give the shards of a state folder; each is opened when first needed."""
    if config.learner.dim not in (0, encoder.dim):
        raise InputError(
            f"learner.dim is {config.learner.dim}, but the encoder gives {encoder.dim} "
            "dimensions; leave learner.dim out"
        )
    settings = msgspec.structs.replace(config.learner, dim=encoder.dim)
    versions = Versions(encoder.version, model_version(settings))
    folder, shards = Path(config.state.path), config.state.shards
    identity = _identity(encoder, settings)

    def make(shard: int) -> Engine[Recommender]:
        store = Store.open(folder, shards, shard, identity)
        try:
            engine = Engine(
                store,
                Recommender(settings, store.get),
                Cleaner(config.clean),
                versions,
                shard=shard,
                shards=shards,
                served_users=config.state.served_users,
                progress=progress,
            )
        except StateError as error:
            store.close()
            raise InputError(f"{store_path(folder, shard)}: {error}") from error
        run_log.opened(shard, engine.ledger)
        return engine

    return Engines(make, shards)


def stored_positions(folder: Path, shard: int) -> dict[str, int]:
    """Give partition -> next offset of a shard as stored, {} where there is no store."""
    store = Store.reader(folder, shard)
    if store is None:
        return {}
    with closing(store):
        return read_positions(store)


def _identity(encoder: Encoder, learner: LearnerSettings) -> dict[str, str]:
    """Give what a state is bound to beside the number of its shards."""
    shapes = {f"learner.{name}": str(getattr(learner, name)) for name in SHAPING}
    return {"encoder": encoder.version, "dimensions": str(encoder.dim), **shapes}


def _encoder(config: Config, folder: Path, encoder: Encoder | None) -> CachedEncoder:
    settings = config.encoder
    path = None
    if settings.disk_texts:
        path = folder / CACHE_FILE
    inner = load_encoder(settings.name) if encoder is None else encoder
    for shard in range(config.state.shards):
        Store.check(folder, config.state.shards, shard, _identity(inner, config.learner))
    return CachedEncoder(inner, settings.cached_texts, path, settings.disk_texts or None)


@dataclass(frozen=True)
class _Ends:
    """Where records come from and messages go to, and what that needs around the flow."""

    source: Source[Raw]
    sink: Sink[Out]
    lag: Callable[[], str]
    openers: tuple[Callable[[], object], ...] = ()
    after_flow: tuple[Callable[[], object], ...] = ()
    after_state: tuple[Callable[[], object], ...] = ()


def _ends(
    config: Config, progress: Progress, stop: Callable[[], bool], acknowledge: Acknowledge
) -> _Ends:
    if config.flow.source == "kafka":
        return _kafka_ends(config, progress, stop, acknowledge)
    files = config.files
    source = FileSource(
        Path(files.events),
        Path(files.items) if files.items else None,
        progress=progress,
        stop=stop,
        batch_size=files.batch_size,
        follow=files.follow,
        max_bytes=config.events.max_record_bytes,
    )
    sink = FileSink(Path(files.output), acknowledge)
    return _Ends(source, sink, lambda: f"{source.unread():,} bytes unread", (source.open,))


def _kafka_ends(
    config: Config, progress: Progress, stop: Callable[[], bool], acknowledge: Acknowledge
) -> _Ends:
    from dataflows.kafka_health import told
    from dataflows.kafka_sink import KafkaSink
    from dataflows.kafka_source import KafkaSource

    source = KafkaSource(config.kafka, progress, stop)
    sink = KafkaSink(config.kafka, acknowledge, stop)

    def lag() -> str:
        unread = source.lag()
        far = f"lag {sum(unread.values()):,} records" if unread else "lag not yet known"
        return f"{far}; {told(source.health)}; {told(sink.health)}"

    openers = (source.open, sink.open)
    return _Ends(source, sink, lag, openers, (sink.finish,), (source.finish,))
