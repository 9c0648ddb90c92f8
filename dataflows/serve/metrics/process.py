"""What is counted of a whole process, gathered for a scrape from where it is counted anyway."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from dataflows.config.config import Config
from dataflows.engine.batch import Batch
from dataflows.engine.shard import Engine
from dataflows.engine.shards import Engines
from dataflows.engine.status.stage_histograms import StageHistograms
from dataflows.serve.metrics.families import Families
from dataflows.serve.metrics.model_history import ModelHistory
from dataflows.serve.metrics.shard import Room, ShardFigures, ShardReadings
from dataflows.serve.metrics.watch import ShardWatch
from dataflows.state.feedback import FeedbackCounts
from dataflows.state.outbox import Out
from encoders.cache.cached import CachedEncoder
from learners.online_model import OnlineModel

_OF_GENERATION = ("generate_", "narrative", "teacher_")
_LISTS = (
    ("penchant_lists_made_total", "lists_made"),
    ("penchant_lists_sent_total", "lists_sent"),
    ("penchant_lists_refreshed_total", "lists_refreshed"),
    ("penchant_lists_unwritable_total", "lists_unwritable"),
    ("penchant_items_held_back_total", "items_held_back"),
    ("penchant_redelivered_records_total", "redelivered"),
    ("penchant_switches_total", "switches"),
    ("penchant_epochs_held_total", "epochs_held"),
)


class BrokerSide(Protocol):
    """One side of Kafka, as `dataflows.connectors.kafka.health.Health` tells of it."""

    @property
    def name(self) -> str:
        """Its name: `source` or `sink`."""
        ...

    @property
    def is_good(self) -> bool:
        """Whether all that was asked is answered."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """What happened since the start."""
        ...


@dataclass
class Around:
    """What stands around the shards; set where a process is put together.

    `unread` tells how much of each input partition is not yet taken, in `unit`; `underway` how many
    messages the broker has to confirm; `swaps` and `generated` count what their names say, and
    `waiting` is how many requests wait for the language model, None where there is none.
    """

    about: str = ""
    unread: Callable[[], Mapping[str, int]] = dict
    unit: Literal["records", "bytes"] = "bytes"
    underway: Callable[[], int] | None = None
    sides: Sequence[BrokerSide] = ()
    swaps: Mapping[str, int] = field(default_factory=dict)
    generated: Mapping[str, int] = field(default_factory=dict)
    waiting: Callable[[], int] | None = None


class ProcessFigures:
    """The figures of a process with its shards; `gather` is for `Metrics.add`.

    `watches` look on at the shards: `watch` makes that of a shard when it is opened, `follow` has
    to be called with all that leaves one, and `committed` after each epoch. `around` is to be set
    before anything is asked, `engines` with it.
    """

    def __init__(self, config: Config, history: ModelHistory | None = None) -> None:
        self.stages = StageHistograms(is_on=config.flow.stage_times)
        self.watches: dict[int, ShardWatch] = {}
        self.around = Around()
        self.history = history
        self._config = config
        self._readings: ShardReadings | None = None
        self._engines: Engines[OnlineModel] | None = None
        self._committed: dict[int, float] = {}

    def watch(self, shard: int) -> ShardWatch:
        """Return what looks on at a shard that is being opened."""
        watch = self.watches[shard] = ShardWatch(self._config.learner.k)
        return watch

    def follow(self, engine: Engine[OnlineModel], batch: Batch | None, outs: Sequence[Out]) -> None:
        """Note what leaves a shard."""
        self.watches[engine.shard].left(batch, outs)

    def committed(self, shard: int) -> None:
        """Note that a shard has ended an epoch."""
        self._committed[shard] = time.time()

    def attach(self, engines: Engines[OnlineModel], around: Around) -> None:
        """Set what is read when somebody asks."""
        self._engines, self.around = engines, around
        self._readings = ShardReadings(engines, self._config)

    def read(self) -> list[ShardFigures]:
        """Return the figures of the open shards; none before `attach`."""
        return [] if self._readings is None else self._readings.read()

    def encoder(self) -> CachedEncoder | None:
        """Return the encoder in force, where a shard is open and it remembers texts."""
        engines = () if self._engines is None else self._engines.open_now()
        found = next((engine.space.encoder for engine in engines), None)
        return found if isinstance(found, CachedEncoder) else None

    def rooms(self) -> list[Room]:
        """Return the limits that are none of a shard's, as far as they are in use here."""
        config, around = self._config, self.around
        rooms: list[Room] = []
        encoder = self.encoder()
        if encoder is not None:
            rooms.append(Room("encoder.cached_texts", *encoder.room))
        if around.underway is not None:
            rooms.append(
                Room("kafka.queue_messages", around.underway(), config.kafka.queue_messages)
            )
        if around.waiting is not None:
            rooms.append(Room("generate.waiting", around.waiting(), config.generate.waiting))
        return rooms

    def gather(self, into: Families) -> None:
        """Add all that is counted of the process."""
        unread = f"penchant_lag_{self.around.unit}"
        for partition, count in sorted(self.around.unread().items()):
            into.add(unread, count, partition)
        for figures in self.read():
            self._gather_shard(into, figures)
        for shard, watch in sorted(self.watches.copy().items()):
            _gather_watch(into, shard, watch)
        for stage, seconds in self.stages.seconds.items():
            into.add_histogram("penchant_stage_seconds", seconds, stage)
        for shard, at in sorted(self._committed.copy().items()):
            into.add("penchant_last_commit_timestamp_seconds", at, shard)
        for room in self.rooms():
            into.add("penchant_cap_used", room.used, room.name, "")
            into.add("penchant_cap_limit", room.limit, room.name, "")
        self._gather_encoder(into)
        self._gather_around(into)
        if self.history is not None:
            self.history.gather(into)

    def _gather_shard(self, into: Families, figures: ShardFigures) -> None:
        shard, counts = figures.shard, figures.counts
        for partition, page in figures.ledger["partitions"].items():
            into.add("penchant_records_total", page["in"], shard, partition)
            for outcome, reason, count in figures.outcomes(partition):
                into.add("penchant_outcomes_total", count, shard, partition, outcome, reason)
        into.add("penchant_events_learnt_total", figures.learnt, shard)
        for name, word in _LISTS:
            into.add(name, counts.get(word, 0), shard)
        for word, count in sorted(counts.items()):
            if word.startswith(_OF_GENERATION):
                into.add("penchant_generation_total", count, word)
        into.add("penchant_outbox_messages", figures.outbox, shard)
        into.add("penchant_items_known", figures.items, shard)
        into.add("penchant_items_available", figures.available, shard)
        into.add("penchant_intent_labels", figures.labels, shard)
        for signal, count in figures.drift.items():
            into.add("penchant_drift_alarms_total", count, shard, signal)
        _gather_feedback(into, shard, figures.feedback)
        if figures.hit is not None:
            into.add("penchant_hit_rate", figures.hit, shard)
        if figures.loss is not None:
            into.add("penchant_intent_loss", figures.loss, shard)
        for room in figures.rooms:
            into.add("penchant_cap_used", room.used, room.name, shard)
            into.add("penchant_cap_limit", room.limit, room.name, shard)
        serves = figures.in_force
        into.add("penchant_version_info", 1, shard, "encoder", serves.version, serves.encoder)
        into.add("penchant_version_info", 1, shard, "model", "", serves.model)
        assert self._readings is not None  # noqa: S101 - figures came from it
        into.add("penchant_figures_age_seconds", self._readings.age(figures), shard)
        into.add("penchant_state_bytes", self._readings.state_bytes(shard), shard)

    def _gather_encoder(self, into: Families) -> None:
        encoder = self.encoder()
        if encoder is None:
            return
        counts = encoder.counts
        into.add("penchant_encoder_texts_total", counts.hits, "memory")
        into.add("penchant_encoder_texts_total", counts.disk_hits, "file")
        into.add("penchant_encoder_texts_total", counts.misses, "encoded")
        into.add("penchant_encoder_evictions_total", counts.evictions, "memory")
        into.add("penchant_encoder_evictions_total", counts.disk_evictions, "file")
        into.add("penchant_encoder_tokens_per_second", encoder.pace.tokens_per_second)

    def _gather_around(self, into: Families) -> None:
        around = self.around
        for outcome in ("ready", "refused", "given_up"):
            into.add("penchant_swaps_total", around.swaps.get(outcome, 0), outcome)
        for side in around.sides:
            into.add("penchant_kafka_up", side.is_good, side.name)
            for what, count in sorted(dict(side.counts).items()):
                into.add("penchant_kafka_events_total", count, side.name, what)
        if around.underway is not None:
            into.add("penchant_kafka_messages_underway", around.underway())
        if around.waiting is not None:
            into.add("penchant_generation_waiting", around.waiting())


def _gather_watch(into: Families, shard: int, watch: ShardWatch) -> None:
    into.add("penchant_judged_events_total", watch.judged, shard)
    into.add("penchant_hits_total", watch.served, shard, "served")
    into.add("penchant_hits_total", watch.popular, shard, "popularity")
    into.add("penchant_items_listed", len(watch.listed), shard)
    into.add_histogram("penchant_list_delay_seconds", watch.delay, shard)
    into.add_histogram("penchant_record_age_seconds", watch.age, shard)


def _gather_feedback(into: Families, shard: int, feedback: FeedbackCounts) -> None:
    into.add("penchant_feedback_lists_total", feedback.lists, shard)
    for place, shown in enumerate(feedback.places, 1):
        into.add("penchant_feedback_items_total", shown.exposed, shard, place, "exposed")
        into.add("penchant_feedback_items_total", shown.taken, shard, place, "taken")
    for why in ("unknown", "foreign", "unseen"):
        into.add("penchant_feedback_apart_total", getattr(feedback, why), shard, why)
