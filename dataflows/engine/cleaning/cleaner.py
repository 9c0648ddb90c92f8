"""Cleaning: what becomes of each event, by named policies, all of it counted.

In this order: an id seen before is a duplicate; an event dated ahead of the
broker's clock is clamped or skipped; a late one, behind the time of its own
partition (`partition_watermarks.py`), is learnt or skipped; a bot's is
skipped or only observed; a type of weight 0, and an event with neither item nor
text nor intent, is only observed; all else is learnt, a dislike by its value (`values`) with a
weight below 0, and what is neither liked nor disliked with weight 0. An event that takes
another one back needs neither, and no weight.

Nothing here depends on the wall clock or on where a batch ends: the same events
give the same verdicts, after a restart too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import chain
from typing import Literal

import msgspec

from dataflows.config.clean import USUAL_WEIGHT, WEIGHTS, CleanSettings
from dataflows.engine.batch import EncodedEvent
from dataflows.engine.cleaning.partition_watermarks import Watermarks
from dataflows.engine.cleaning.stream_memory import EventRates, SeenIds, Watermark
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.events import EventRecord
from dataflows.messages.raw import EARLIEST_BROKER_TIME, Raw
from dataflows.state.ledger import Outcome
from dataflows.state.records import Load, Record, Scan
from learners.codec import pack, unpack_as
from learners.types import Interaction

_log = logging.getLogger(__name__)

KIND = "clean:clock"
VERSION = 1

Judgement = Literal["learn", "observe", "skip:late", "skip:ahead", "skip:bot", "duplicate"]

Note = Literal["", "late", "ahead", "bot", "weight_zero", "nothing_to_learn", "disliked", "neutral"]

_IN_LEDGER: dict[Judgement, Outcome] = {
    "learn": "learnt",
    "observe": "observed",
    "skip:late": "skipped",
    "skip:ahead": "skipped",
    "skip:bot": "skipped",
    "duplicate": "duplicate",
}


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What becomes of one event.

    `reason` is a fixed word for the ledger, "" where there is nothing to say. `ts` is
    the time to learn it at (the broker's where it was clamped), in seconds since 1970;
    `weight` that of its type, less than 0 for a dislike. `lateness` (behind event time) and
    `ahead` (of the broker) are seconds, never negative; so is `rest`, for how long its item is
    not listed again, None where that is not set.
    """

    outcome: Judgement
    reason: Note
    ts: float
    weight: float
    lateness: float = 0.0
    ahead: float = 0.0
    rest: float | None = None

    @property
    def in_ledger(self) -> Outcome:
        """The word under which the ledger counts it."""
        return _IN_LEDGER[self.outcome]


class CleanCounts(msgspec.Struct):
    """What cleaning met since the state began; `max_` ones are seconds, the rest events."""

    judged: int = 0
    duplicates: int = 0
    late: int = 0
    max_lateness: float = 0.0
    ahead: int = 0
    max_ahead: float = 0.0
    bots: int = 0
    text_cut: int = 0
    text_repaired: int = 0


class _Clock(msgspec.Struct):
    watermark: Watermark
    counts: CleanCounts


class Cleaner:
    """Judges events one by one. Its memory is bounded; `changed` and `restore` carry it."""

    def __init__(self, settings: CleanSettings) -> None:
        self._settings = settings
        self._weights = WEIGHTS | settings.weights
        self._clock = _Clock(Watermark(), CleanCounts())
        self._times = Watermarks()
        self._seldom = RareWarnings(_log)
        self._ids = SeenIds(settings.remembered_ids)
        self._rates = EventRates(settings.bot_users)
        self._touched = False

    @property
    def watermark(self) -> float | None:
        """Event time of all partitions, seconds since 1970; None before two users were seen."""
        return self._clock.watermark.time

    @property
    def counts(self) -> CleanCounts:
        """The running counts. Read only."""
        return self._clock.counts

    @property
    def remembered(self) -> tuple[int, int]:
        """How many event ids are remembered, and the rates of how many users."""
        return len(self._ids), len(self._rates)

    def judge(self, event: EventRecord, raw: Raw) -> Verdict:
        """Judge `event`, and remember it. `raw` gives the broker's time, if any."""
        self._touched = True
        counts = self._clock.counts
        counts.judged += 1
        counts.text_cut += event.cut
        counts.text_repaired += event.repaired
        if not self._ids.add(event.event_id):
            counts.duplicates += 1
            return Verdict("duplicate", "", event.ts, 0.0)
        ts = event.ts
        broker = raw.timestamp
        if (
            broker is not None
            and ts > broker + self._settings.max_skew
            and broker >= EARLIEST_BROKER_TIME
        ):
            counts.ahead += 1
            counts.max_ahead = max(counts.max_ahead, ts - broker)
            if self._settings.ahead == "skip":
                return Verdict("skip:ahead", "ahead", ts, 0.0, 0.0, ts - broker)
            return self._timed(event, raw, broker, ts - broker)
        return self._timed(event, raw, ts, 0.0)

    def changed(self) -> Iterator[Record]:
        """Return (kind, key, blob or None) of all that changed since the last call."""
        own: list[Record] = []
        if self._touched:
            own.append((KIND, "", pack(KIND, VERSION, self._clock)))
            self._touched = False
        return chain(own, self._times.changed(), self._ids.changed(), self._rates.changed())

    def restore(self, load: Load, scan: Scan) -> None:
        """Restore the memory of an earlier run. Raises `learners.codec.StateError` if damaged."""
        blob = load(KIND, "")
        if blob is not None:
            self._clock = unpack_as(blob, KIND, VERSION, _Clock)
        self._times.restore(scan)
        self._ids.restore(scan)
        self._rates.restore(scan)

    def _timed(self, event: EventRecord, raw: Raw, ts: float, ahead: float) -> Verdict:
        settings, counts, whole = self._settings, self._clock.counts, self._clock.watermark
        own = whole if raw.timestamp is None else self._times.of(raw, whole)
        lateness = own.lateness(ts)
        whole.advance(ts, event.user_id, settings.max_skew)
        if own is not whole:
            own.advance(ts, event.user_id, settings.max_skew)
        late = lateness > settings.late_after
        if late:
            counts.late += 1
            counts.max_lateness = max(counts.max_lateness, lateness)
        bot = (
            settings.bots != "off"
            and self._rates.add(event.user_id, ts) > settings.bot_events_per_minute
        )
        counts.bots += bot
        if late and settings.late == "skip":
            self._seldom.warn(
                raw.partition,
                "%s: an event is %.0f s behind the newest ones of its partition, more than "
                "clean.late_after = %g, and is skipped; %d of %d events were late so far. To "
                "learn them set clean.late = 'learn', or raise clean.late_after",
                *(raw.partition, lateness, settings.late_after, counts.late, counts.judged),
            )
            return Verdict("skip:late", "late", ts, 0.0, lateness, ahead)
        if bot and settings.bots == "skip":
            return Verdict("skip:bot", "bot", ts, 0.0, lateness, ahead)
        if bot:
            return Verdict("observe", "bot", ts, 0.0, lateness, ahead)
        return self._weighed(
            event, ts, "late" if late else "ahead" if ahead else "", lateness, ahead
        )

    def _weighed(
        self, event: EventRecord, ts: float, note: Note, lateness: float, ahead: float
    ) -> Verdict:
        weight = self._weights.get(event.type, USUAL_WEIGHT)
        if event.retracts is not None:
            return Verdict("learn", note, ts, weight, lateness, ahead)
        if not weight:
            return Verdict("observe", "weight_zero", ts, 0.0, lateness, ahead)
        if event.item_id is None and event.text is None and event.intent is None:
            return Verdict("observe", "nothing_to_learn", ts, weight, lateness, ahead)
        rest = self._settings.rests.get(event.type)
        if event.type in self._settings.values:
            said = self._settings.said(event.type, event.value)
            if said is not None and said != "liked":
                weight = -weight if said == "disliked" else 0.0
                note = note or said
        return Verdict("learn", note, ts, weight, lateness, ahead, rest)


def to_interaction(
    record: EncodedEvent, verdict: Verdict, position: int, title: str | None
) -> Interaction:
    """Return what is learnt of an event that is the `position`-th; `title` is that of its item."""
    event = record.event
    return Interaction(
        position,
        event.event_id,
        event.user_id,
        event.item_id,
        event.type,
        verdict.ts,
        verdict.weight,
        record.vector,
        event.intent,
        event.session_id,
        event.value,
        ". ".join(filter(None, (title, event.text))) or None,
        record.text,
        verdict.rest,
    )
