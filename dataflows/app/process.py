"""The parts of a running process, put together from the configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from bytewax.dataflow import Dataflow

from dataflows.app.beside import ALONE, Beside
from dataflows.app.decision_input import open_decisions
from dataflows.app.ends import FlowEnds, open_ends
from dataflows.app.figures import RunFigures, open_figures
from dataflows.app.status_lines import StateLines
from dataflows.app.stored_progress import stored_progress
from dataflows.config.config import Config
from dataflows.engine.catalogue.known_items import tell_joined
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.encode_step import EncodeStep
from dataflows.engine.encoder_in_force import model_version
from dataflows.engine.flow import build_flow
from dataflows.engine.item_store import Catalogue
from dataflows.engine.list_refresher import ListSettings
from dataflows.engine.prior_weights import open_prior, open_signals
from dataflows.engine.shard import Engine
from dataflows.engine.shard_parts import ShardParts
from dataflows.engine.shards import Engines
from dataflows.engine.status.end_note import has_crashed
from dataflows.engine.status.run_log import RunLog
from dataflows.errors import InputError
from dataflows.generation.open import learner_with, open_worker
from dataflows.generation.worker import Worker
from dataflows.hotswap.load import Serving
from dataflows.hotswap.startup import identity_of, open_encoder
from dataflows.hotswap.swapper import Swapper
from dataflows.messages.raw import ITEMS
from dataflows.registry.promotion_watch import open_watch
from dataflows.rules.in_force import RulesWatch, open_rules
from dataflows.serve.traces import open_traces
from dataflows.state.crash_check import CrashChecks
from dataflows.state.damage import unreadable
from dataflows.state.positions import Progress
from dataflows.state.store import Store
from dataflows.state.written_beside import WrittenBeside
from encoders.base import Encoder
from learners.arrays import keep_compiled_in
from learners.codec import DamagedError
from learners.online_model import OnlineModel

if TYPE_CHECKING:
    from dataflows.app.door import Door
    from dataflows.serve.live.handed_out import HandedOut

COMPILED = "compiled"
"""The folder in the state for compiled loops, where no other may be written."""
_UNREADABLE = (LookupError, OSError, TypeError, ValueError)


@dataclass(frozen=True)
class Process:
    """One process, ready to run. Call `finish` after the flow, however it ended.

    `reopen` opens the output files anew, where there are any, and `lines` tells how it is; both
    from any thread. `figures` count what happens, and `door` answers over HTTP, where wanted.
    """

    flow: Dataflow
    epoch: timedelta
    engines: Engines[OnlineModel]
    run_log: RunLog
    swapper: Swapper
    rules: RulesWatch
    openers: list[Callable[[], object]]
    closers: list[Callable[[], object]]
    worker: Worker | None = None
    reopen: Callable[[], object] | None = None
    lines: Callable[[], Iterable[str]] = tuple
    figures: RunFigures | None = None
    door: Door | None = None

    def open(self) -> None:
        """Open all now, so that errors are reported before the flow starts."""
        for opener in self.openers:
            opener()
        self.begin()

    def begin(self) -> None:
        """Start what runs beside the flow."""
        self.run_log.begin()
        self.swapper.begin()
        self.rules.begin()
        if self.figures is not None:
            self.figures.begin()
        if self.worker is not None:
            self.worker.start()
        if self.door is not None:
            self.door.start()

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


def assemble(
    config: Config,
    stop: Callable[[], bool],
    encoder: Encoder | None = None,
    *,
    accept_items: bool = False,
) -> Process:
    """Put a process together; `stop` is asked by the source. `encoder` overrides the configured.

    With `accept_items` an items file is the catalogue, whatever it lacks. Raises InputError,
    and `encoders.base.EncoderError`.
    """
    checks = CrashChecks()
    stop = checks.ends(stop)
    folder, shards = Path(config.state.path), config.state.shards
    serving, loader = open_encoder(config, folder, encoder)
    keep_compiled_in(folder / COMPILED)
    swapper = Swapper(
        serving,
        open_watch(config, serving.in_force.sequence),
        loader.load,
        partial(Store.reader, folder),
    )
    progress = stored_progress(folder, shards)
    version = serving.encoder.version
    about = f"{config.flow.source} source, encoder {version}, state in {folder}"
    run_log = RunLog(about, config.flow.log_seconds, lambda: ends.lag())  # noqa: PLW0108 - made below
    figures, traces = open_figures(config), open_traces(config.trace)
    rules = open_rules(config)
    beside = Beside(open_worker(config, stop), checks, figures, traces, _handed_out(config), rules)
    run_log.times = beside.times(is_on=config.flow.stage_times)
    engines = open_engines(config, serving, progress, run_log, swapper, stop, beside)
    swapper.engines = engines
    watch = RulesWatch(rules, engines.open_now)
    view = Store.reader(folder)
    encode = EncodeStep(
        serving.encoder,
        config.events,
        Catalogue(view, version),
        shards,
        config.kafka.items_topic if config.flow.source == "kafka" else ITEMS,
        *(swapper, open_decisions(config), run_log.times),
    )
    try:
        ends = open_ends(
            *(config, progress, stop, engines.acknowledge, encode),
            accept_items=accept_items,
            traces=traces,
        )
    except BaseException:
        swapper.finish()  # a client of Kafka that nobody closes goes on by itself
        raise
    epoch = timedelta(seconds=config.flow.epoch_seconds)
    door = _open_door(config, engines, ends, beside)
    if figures is not None:
        figures.process.attach(engines, beside.around(about, ends, swapper.counts))
    flow = build_flow(
        *(ends.source, ends.sink, beside.stamped(encode), engines, epoch),
        partial(_tell, run_log, figures, door),
        beside.follow(None if door is None else door.following),
    )
    # The sink's last acknowledgements are stored before the source tells how far that is.
    is_wanted = config.flow.source == "files" and config.files.items is not None
    closers = [
        lambda: tell_joined(encode.joined, is_wanted=is_wanted),
        *(swapper.finish, watch.close, run_log.finish, *ends.after_flow, checks.finish),
        engines.close,
    ]
    closers = [*beside.before_flow_ends(), *closers, *beside.after_state(), *ends.after_state]
    if door is not None:
        closers.insert(0, door.close)
    closers += [serving.close] if view is None else [serving.close, view.close]
    if door is not None:
        closers.append(door.finish)
    openers = [*ends.before_state, engines.open_all, *ends.openers]
    lines = StateLines(about, folder, engines, ends.lag, run_log.last)
    return Process(
        *(
            flow,
            epoch,
            engines,
            run_log,
            swapper,
            watch,
            openers,
            closers,
            beside.worker,
            ends.reopen,
        ),
        lines=lines,
        figures=figures,
        door=door,
    )


def _open_door(
    config: Config, engines: Engines[OnlineModel], ends: FlowEnds, beside: Beside
) -> Door | None:
    """Return what answers over HTTP, not yet open; None where nothing is to."""
    if beside.handed_out is None or beside.figures is None:
        return None
    from dataflows.app.door import Door

    return Door(config, engines, ends, beside.figures, beside.handed_out, beside.rules)


def _handed_out(config: Config) -> HandedOut | None:
    """Return what remembers the lists that are handed out; None where nobody asks for any."""
    if not config.serve.enabled:
        return None
    from dataflows.serve.live.handed_out import HandedOut

    return HandedOut()


def _tell(
    run_log: RunLog,
    figures: RunFigures | None,
    door: Door | None,
    engine: Engine[OnlineModel],
) -> None:
    lists = engine.counts["lists_sent"], engine.counts["lists_refreshed"], len(engine.refresher)
    run_log.committed(engine.shard, engine.ledger, *lists)
    if figures is not None:
        figures.process.committed(engine.shard)
    if door is not None:
        door.following.committed(engine)


def open_engines(
    config: Config,
    serving: Serving,
    progress: Progress,
    run_log: RunLog,
    swapper: Swapper,
    stop: Callable[[], bool],
    beside: Beside = ALONE,
) -> Engines[OnlineModel]:
    """Return the shards of a state folder; each is opened when first needed."""
    dim = serving.encoder.dim
    if config.learner.dim not in (0, dim):
        raise InputError(
            f"learner.dim is {config.learner.dim}, but the encoder gives {dim} "
            "dimensions; leave learner.dim out"
        )
    settings = msgspec.structs.replace(learner_with(config.learner, config.generate), dim=dim)
    model, prior = model_version(settings), open_prior(settings)
    signals = open_signals(settings, config.serve.counted_types)
    folder, shards = Path(config.state.path), config.state.shards
    identity = identity_of(serving.in_force.base_encoder, dim, settings)

    def make(shard: int) -> Engine[OnlineModel]:
        store = WrittenBeside.open(folder, shards, shard, identity)
        try:
            if beside.checks is not None:
                beside.checks.begin(store.store, after_crash=has_crashed(store))
            learner = OnlineModel(settings, store.get, prior, signals)
            beside.rules.prepare(learner)
            engine = Engine(
                store,
                learner,
                Cleaner(config.clean),
                msgspec.structs.replace(serving.in_force, model=model),
                ShardParts(
                    *(shard, shards, ListSettings.of(config.state, stop)),
                    *(serving.encoder, swapper.reencodings, progress.report),
                    times=run_log.times,
                    hooks=beside.hooks(config, shard),
                    observers=beside.observers(shard),
                    handed_out=None if beside.handed_out is None else beside.handed_out.named,
                ),
            )
        except BaseException as error:
            store.close()
            if isinstance(error, _UNREADABLE) and not isinstance(error, DamagedError):
                raise unreadable(store.path, error) from error
            raise
        run_log.opened(shard, engine.ledger)
        return engine

    return Engines(make, shards)
