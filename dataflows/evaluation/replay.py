"""Replay: a log through the steps that run live, every event ranked before it is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from dataflows.config.config import Config
from dataflows.engine.decisions.history import read_planned
from dataflows.engine.protocols import LlmHooks
from dataflows.engine.shard import Engine
from dataflows.errors import InputError
from dataflows.evaluation.baselines.catalogue import DEFAULT, Entrants, open_baselines
from dataflows.evaluation.baselines.run_all import Follow, hold_contest
from dataflows.evaluation.judging.intent import IntentJudge
from dataflows.evaluation.judging.prequential import Prequential
from dataflows.evaluation.judging.scored import Scored
from dataflows.evaluation.log_order import LogOrder, read_order
from dataflows.evaluation.metrics.accuracy import accuracy
from dataflows.evaluation.metrics.semantic import ContentRanks
from dataflows.evaluation.observer import Insight, ReplayObserver
from dataflows.evaluation.offline_flow import (
    NowhereSink,
    PlaySource,
    batched,
    catalogue_records,
    open_engine,
    play,
)
from dataflows.evaluation.planned_swaps import PlannedTurns, Promote, cut_at, promotions_of
from dataflows.evaluation.warmup import Warmup, look_at_warmup
from dataflows.generation.open import learner_with, open_responder
from dataflows.generation.queue import InLine, Responder
from dataflows.generation.shard_client import LlmClient
from dataflows.hotswap.configured_encoder import load_configured
from dataflows.messages.decisions import DecisionReader
from dataflows.registry.registry import open_registry
from encoders.base import Encoder
from encoders.cache.cached import CachedEncoder
from learners.online_model import OnlineModel
from learners.settings import LearnerSettings

ITEMS_AT_ONCE = 256


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay adds to the configuration. Raises InputError for what cannot be meant.

    `warmup` is the share of the events that is only learnt, in [0, 1); `limit` the
    number of records replayed, in the order of time; `batch_size` the records of one
    micro-batch, on which the figures "as served" depend; `against` names the baselines that
    are run over the same log, ("all",) for all of them. With `generate` a language model names
    items as section `[generate]` says, in line: at every so many events of a user. `promote`
    puts encoders in force in mid-run: (place in the order of the log from 0, version), where
    a version is an id of the registry, "base", or what names an encoder. `decisions` is the path
    of what `penchant intents history --json` wrote: they are repeated where they took effect.
    With `decisions_in_events` those are taken that an old log has among its events.
    """

    warmup: float = 0.2
    limit: int | None = None
    batch_size: int = 32
    against: tuple[str, ...] = DEFAULT
    generate: bool = False
    promote: tuple[Promote, ...] = ()
    decisions: str | None = None
    decisions_in_events: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.warmup < 1.0:
            raise InputError(f"warmup is {self.warmup}; give a share from 0 up to, not with, 1")
        for name in ("limit", "batch_size"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"{name} is {number}; the least is 1")


class Replay(msgspec.Struct, frozen=True):
    """The report as plain figures (docs/explanation/replay.md), and the rows behind it."""

    report: dict[str, Any]
    scored: Scored


def replay(  # noqa: PLR0913 - what a replay may be given
    config: Config,
    log: Path,
    items: Path | None = None,
    settings: ReplaySettings | None = None,
    encoder: Encoder | None = None,
    follow: Follow | None = None,
    *,
    responder: Responder | None = None,
    versions: Mapping[str, Encoder] | None = None,
    content: ContentRanks | None = None,
) -> Replay:
    """Replay a log of events, the catalogue first, ranking every event before it is learnt.

    The evaluation is prequential (Gama, Sebastiao and Rodrigues, 2013); docs/explanation/replay.md
    has the rules and all figures of the report.

    Arguments:
        config: the configuration of the live flow, with the same defaults.
        log: events, one JSON object a line; `items`: the catalogue, likewise.
        settings: what a replay adds, such as the share to warm up on and the baselines.
        encoder: in place of the configured one.
        follow: is called with a baseline's name, the groups that it has done, and how many
            there are.
        responder: in place of the configured language model, where items are named.
        versions: encoders by the names that `settings.promote` has for them.
        content: ranks by meaning alone, beside.

    Raises InputError for what cannot be read or meant, EncoderError and LanguageError for a
    model that cannot be loaded, LedgerError where records went uncounted.
    """
    settings = settings or ReplaySettings()
    entrants = open_baselines(settings.against, config.learner.seed)
    order = read_order(log, config.events, settings.limit)
    catalogue = catalogue_records(items, config.events.max_record_bytes)
    warmup = look_at_warmup(order, settings.warmup, config.events, config.clean)
    config = _with_generation(_with_repeats(config, warmup), settings.generate)
    llm_client = _llm_client(config, responder)
    inner = load_configured(config.encoder) if encoder is None else encoder
    cached = CachedEncoder(inner, config.encoder.cached_texts)
    judge = Prequential(
        warmup.learnt,
        repeats_on=config.learner.repeats == "on",
        k=config.learner.k,
        ranks_from=warmup.ranks_from,
    )
    insight = Insight(judge, config.learner.k)
    watch = ReplayObserver(
        judge,
        order.path.name,
        intent=IntentJudge(config.learner.intent_pending),
        insight=insight,
        content=content,
    )
    turns = PlannedTurns(
        settings.promote, cached, open_registry(config), versions or {}, watch.pace.apart
    )
    engine = open_engine(
        config, cached, watch, generation=llm_client, reencodings=turns.reencodings
    )
    if settings.decisions is not None:
        planned = read_planned(Path(settings.decisions), config.events.max_id_chars)
        engine.deciding.plan(planned)
    taken = DecisionReader("", in_events=settings.decisions_in_events)
    watch.follow(engine.positions)
    events = cut_at(order.records(), settings.batch_size, turns.places)
    source = PlaySource(chain(batched(catalogue, ITEMS_AT_ONCE), events), watch.pace)
    joined = play(config, source, NowhereSink, engine, cached, turns=turns, decisions=taken)
    engine.ledger.balance()
    if engine.deciding.unreached:
        engine.counts["decisions_not_reached"] += engine.deciding.unreached
    known = len(engine.model.signals.items)
    details = _details(watch, engine, order, known)
    report = {
        "log": log.name,
        "k": config.learner.k,
        "seed": config.learner.seed,
        "events": engine.ledger.as_dict(),
        **_compared(judge, entrants, config.learner, follow),
        **insight.figures(known),
        "intent": watch.intent.figures(engine.model.tracker.seconds),
        "intent_calibration": watch.intent.told.figures(),
        **details,
        "repeat_share": warmup.repeat_share,
        "catalogue": None if items is None else joined.plain(),
        "promotions": promotions_of(turns),
        "versions": {
            "encoder": engine.space.in_force.encoder,
            "model": engine.space.in_force.model,
            "prior": engine.model.began_with,
        },
        "settings": {
            **msgspec.structs.asdict(settings),
            "repeats": config.learner.repeats,
            "encoder": config.encoder.name if encoder is None else encoder.version,
        },
    }
    return Replay(report, judge.scored)


def _compared(
    judge: Prequential, entrants: Entrants, learner: LearnerSettings, follow: Follow | None
) -> dict[str, Any]:
    """Run the baselines, and return all figures of accuracy."""
    of_baselines = hold_contest(entrants, judge, follow)
    figures = accuracy(judge, learner.k, learner.seed)
    for name, details in of_baselines.items():
        figures["peers"][name].update(details)
    return {**figures, "left_out": entrants.left_out}


def _with_repeats(config: Config, warmup: Warmup) -> Config:
    """Decide on repeats for the whole replay."""
    repeats_on = warmup.repeats_on(config.learner.repeats)
    learner = msgspec.structs.replace(config.learner, repeats="on" if repeats_on else "off")
    return msgspec.structs.replace(config, learner=learner)


def _with_generation(config: Config, is_on: bool) -> Config:
    """Return a configuration that names items in line, by the count of events alone, or not."""
    generate = msgspec.structs.replace(
        config.generate, candidates=is_on, on_intent=False, narratives=False, teacher_share=0.0
    )
    learner = learner_with(config.learner, generate)
    return msgspec.structs.replace(config, generate=generate, learner=learner)


def _llm_client(config: Config, responder: Responder | None) -> LlmHooks | None:
    generate = config.generate
    if not generate.candidates:
        return None
    queue = InLine(responder or open_responder(config))
    return LlmClient(queue, generate)


def _details(
    watch: ReplayObserver, engine: Engine[OnlineModel], order: LogOrder, known: int
) -> dict[str, Any]:
    """Return the figures that are not of accuracy."""
    pace, spent = watch.pace, watch.pace.spent()
    return {
        "moved": order.moved,
        "lists": watch.lists,
        "coverage": len(watch.listed) / known if known else None,
        "counts": dict(sorted(engine.counts.items())),
        "events_per_cpu_second": pace.records / spent.cpu if spent.cpu else None,
        "cpu_seconds": spent.cpu,
        "wall_seconds": spent.wall,
        "latency_ms": pace.latency_ms(),
    }
