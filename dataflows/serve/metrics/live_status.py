"""The status of a process that learns (`dataflows.serve.status`), from what is counted of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from dataflows.messages.outgoing import DeadLetter
from dataflows.serve.metrics.feedback import feedback_of
from dataflows.serve.metrics.process import ProcessFigures
from dataflows.serve.metrics.samples import Samples
from dataflows.serve.metrics.shard import Room, ShardFigures
from dataflows.serve.metrics.watch import NoticedList, ShardWatch
from dataflows.serve.status import (
    NEWEST,
    Cap,
    ChangedList,
    DriftAlarm,
    Lag,
    LedgerFigures,
    RefusedRecord,
    RunningHitRates,
    Status,
)
from dataflows.state.ledger import OUTCOMES
from learners.drift import Alarm

SHOWN = 5
"""Titles of a list."""
RAW = 4096
"""Characters of the base64 of a dead letter; a multiple of four, so that it can be read."""


class LiveStatus:
    """Makes the status; to be called from any thread. `k` is the number of places of a list."""

    def __init__(
        self,
        figures: ProcessFigures,
        samples: Samples,
        k: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._figures = figures
        self._samples = samples
        self._k = k
        self._clock = clock
        self._began = clock()
        self._dead = msgspec.json.Decoder(DeadLetter)

    def __call__(self) -> Status:
        """Return how all is now. Dead letters have their bytes, which not everybody may see."""
        figures = self._figures
        shards, watches = figures.read(), list(figures.watches.values())
        around, history = figures.around, figures.history
        now = self._clock()
        return Status(
            time=now,
            source="live",
            up_seconds=max(0.0, now - self._began),
            about=around.about,
            as_of=_as_of(shards),
            versions=shards[0].in_force.versions if shards else None,
            users=sum(one.users for one in shards),
            items=max((one.items for one in shards), default=0),
            available=max((one.available for one in shards), default=0),
            covered=len(set().union(*(watch.listed.copy() for watch in watches))),
            lists=sum(one.counts.get("lists_sent", 0) for one in shards),
            samples=tuple(self._samples.points.copy()),
            lag=tuple(
                Lag(partition=name, unread=count, unit=around.unit)
                for name, count in sorted(around.unread().items())
            ),
            ledger=_ledger(shards),
            hit_rates=self._hits(shards, watches),
            feedback=feedback_of([one.feedback for one in shards]),
            drift=_alarms(alarm for one in shards for alarm in one.alarms),
            intents=tuple(self._samples.intents.copy()),
            changes=_changes(sent for watch in watches for sent in watch.changes.copy()),
            dead_letters=self._refused(watches),
            in_force=() if history is None else history.in_force(),
            decisions=() if history is None else history.decided(),
            caps=_caps([*(room for one in shards for room in one.rooms), *figures.rooms()]),
        )

    def _hits(
        self, shards: Sequence[ShardFigures], watches: Sequence[ShardWatch]
    ) -> RunningHitRates:
        """Return the rates over all shards, each weighing as much as it judged lately."""
        rates = [watch.rates() for watch in watches]
        count = sum(n for n, _, _ in rates)
        ranked = [one.hit for one in shards if one.hit is not None]
        return RunningHitRates(
            k=self._k,
            ranked=sum(ranked) / len(ranked) if ranked else None,
            served=sum(n * (served or 0.0) for n, served, _ in rates) / count if count else None,
            popularity=sum(n * (most or 0.0) for n, _, most in rates) / count if count else None,
            events=count,
        )

    def _refused(self, watches: Sequence[ShardWatch]) -> tuple[RefusedRecord, ...]:
        letters = [self._dead.decode(one) for watch in watches for one in watch.refused.copy()]
        found = [
            RefusedRecord(
                time=datetime.fromisoformat(one.time).timestamp(),
                partition=one.partition,
                offset=one.offset,
                reason=one.reason,
                detail=one.detail,
                raw=None if one.raw is None else one.raw[:RAW],
            )
            for one in reversed(letters)
        ]
        return tuple(sorted(found, key=lambda one: -one.time)[:NEWEST])


def _as_of(shards: Sequence[ShardFigures]) -> dict[str, int]:
    """Return how far all shards are: of each partition the lowest position."""
    lowest: dict[str, int] = {}
    for name, at in (each for one in shards for each in sorted(one.positions.items())):
        lowest[name] = min(at, lowest.get(name, at))
    return lowest


def _ledger(shards: Sequence[ShardFigures]) -> LedgerFigures:
    counts: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {}
    for one in shards:
        counts.update({name: one.ledger[name] for name in ("in", *OUTCOMES)})
        for outcome, named in one.ledger["reasons"].items():
            reasons.setdefault(outcome, Counter()).update(named)
    return LedgerFigures(
        arrived=counts["in"],
        reasons={outcome: dict(named.most_common()) for outcome, named in reasons.items()},
        **{name: counts[name] for name in OUTCOMES},
    )


def _alarms(alarms: Iterable[Alarm]) -> tuple[DriftAlarm, ...]:
    newest = sorted(alarms, key=lambda one: one.position, reverse=True)[:NEWEST]
    return tuple(
        DriftAlarm(
            signal=one.signal,
            position=one.position,
            before=one.before,
            after=one.after,
            label=one.label,
        )
        for one in newest
    )


def _changes(sent: Iterable[NoticedList]) -> tuple[ChangedList, ...]:
    newest = sorted(sent, key=lambda one: one.time, reverse=True)[:NEWEST]
    return tuple(
        ChangedList(
            time=at,
            user_id=offered.user_id,
            sequence=offered.sequence,
            items=tuple(entry.title for entry in offered.entries[:SHOWN]),
            top=next(iter(offered.belief or offered.intent), None),
        )
        for at, offered in newest
    )


def _caps(rooms: Sequence[Room]) -> tuple[Cap, ...]:
    """Return each limit once: that of the shard where it is fullest."""
    fullest: dict[str, Room] = {}
    for room in rooms:
        known = fullest.get(room.name)
        if known is None or room.used > known.used:
            fullest[room.name] = room
    return tuple(Cap(name=one.name, used=one.used, limit=one.limit) for one in fullest.values())
