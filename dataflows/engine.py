"""The learn step of one shard, without Bytewax: micro-batches in, messages out, state kept.

What is learnt does not depend on where a micro-batch ends: events are judged and learnt
one by one, and a user's list is made right after their last event in the batch, so the
last list of a stream is always that after the user's last event.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from dataflows.batch import Batch, Encoded, EncodedEvent, EncodedItem, Removal, shard_of
from dataflows.catalogue import KIND as KIND_ITEM
from dataflows.catalogue import item_blob, read_item, to_item
from dataflows.clean import Cleaner, Verdict
from dataflows.events import Event
from dataflows.generation.companion import Companion
from dataflows.intent_control import control_of, shard_meant
from dataflows.late_labels import in_ledger, late_label, session_label
from dataflows.ledger import Ledger, Outcome
from dataflows.message_types import Versions
from dataflows.model import Model, Observer
from dataflows.offers import Offers
from dataflows.outbox import Out, Outbox
from dataflows.progress import Progress
from dataflows.record import Reject
from dataflows.records import Record, Records
from dataflows.served import Served
from learners.control import Control, ControlError
from learners.interaction import Interaction
from learners.pending import LateLabel

KIND_POSITION = "position"
KIND_LEARNT = "learnt"
KIND_VERSIONS = "versions"
KIND_ENDED = "ended"
_DONE: tuple[Outcome, str] = ("learnt", "decision")
_REFUSED: tuple[Outcome, str] = ("observed", "decision_refused")

M = TypeVar("M", bound=Model)
_log = logging.getLogger(__name__)
_int = msgspec.msgpack.Decoder(int)


class Engine(Generic[M]):
    """One shard. After `commit` everything that it knows is in `store`, in one transaction.

    `generation` asks a language model beside the stream. `progress` is told after each commit. `observer` watches; `observer_seconds` is the
    CPU time that it took. `clock` gives the time stamped on messages, seconds since 1970.
    Raises `learners.codec.StateError` where the stored state is damaged.
    """

    def __init__(  # noqa: PLR0913 - the parts of a shard, named
        self,
        store: Records,
        model: M,
        cleaner: Cleaner,
        versions: Versions,
        *,
        shard: int = 0,
        shards: int = 1,
        served_users: int = 200_000,
        progress: Progress | None = None,
        observer: Observer[M] | None = None,
        generation: Companion | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.model = model
        self.ledger = Ledger()
        self.outbox = Outbox(shard, shards)
        self.counts: Counter[str] = Counter()
        self.observer_seconds = 0.0
        self.learnt = 0
        self.positions: dict[str, int] = {}
        self._store = store
        self._cleaner = cleaner
        self._versions = versions
        self.shard = shard
        self._shards = shards
        # A record says that the last run ended well; without it, it broke off.
        after_crash = bool(store.get(KIND_VERSIONS, "")) and store.get(KIND_ENDED, "") is None
        self._served = Served(store.get, served_users, after_crash=after_crash)
        self._offers = Offers(self.outbox, versions, self._served, clock, self.counts)
        self._progress = progress
        self._observer = observer
        self._generation = generation
        if generation is not None:
            generation.counts = self.counts
        self._moved: set[str] = set()
        self._items: dict[str, bytes | None] = {}
        self._is_whole = True
        self._restore()
        self._resend = self.outbox.undelivered()

    def process(self, batch: Batch) -> list[Out]:
        """Learn a micro-batch; give the messages that come of it, numbered and in the outbox.

        The first call also gives what an earlier run left undelivered.
        """
        self._is_whole = False
        outs, self._resend = self._resend, []
        if self._generation is not None:
            outs += self._generation.begin(self.model)
        judged = [(record, self._judge(record)) for record in batch.records if self._is_new(record)]
        last = {
            record.event.user_id: place
            for place, (record, verdict) in enumerate(judged)
            if isinstance(record, EncodedEvent) and verdict is not None
            if control_of(record.event) is None
        }
        for place, (record, verdict) in enumerate(judged):
            if isinstance(record, Reject):
                outs.append(self._offers.bury(record))
            elif not isinstance(record, EncodedEvent):
                self._take_item(record)
            elif verdict is not None and (control := control_of(record.event)) is not None:
                self._take_control(record, verdict, control)
            elif verdict is not None:
                self._take_event(record, verdict)
                if last[record.event.user_id] == place:
                    offered = self.model.recommend(record.event.user_id)
                    if self._generation is not None:
                        self._generation.offered(self.model, offered)
                    outs += self._offers.offer(offered, self.model.item_title, record.raw)
        for partition, position in batch.positions.items():
            self._advance(partition, position)
        self._after_batch(outs)
        self._is_whole = True
        return outs

    def commit(self) -> None:
        """Write all that changed in one transaction, then tell how far it reaches.

        Nothing is written once `process` has failed half way through a batch.
        """
        if not self._is_whole:
            return
        records = list(self._changed())
        if not records:
            return
        self._store.commit([*records, (KIND_ENDED, "", None)])
        if self._progress is not None:
            self._progress.report(self.shard, self.positions)

    def close(self) -> None:
        """Commit, note that all which was sent is stored, and let go of the store."""
        self.commit()
        if self._is_whole:
            self._store.commit([(KIND_ENDED, "", b"")])
        self._store.close()

    def _is_new(self, record: Encoded) -> bool:
        raw = record.raw
        if raw.offset < self.positions.get(raw.partition, 0):
            self.counts["redelivered"] += 1
            return False
        self._advance(raw.partition, raw.next_offset)
        return True

    def _advance(self, partition: str, position: int) -> None:
        if position > self.positions.get(partition, 0):
            self.positions[partition] = position
            self._moved.add(partition)

    def _judge(self, record: Encoded) -> Verdict | None:
        """Count what becomes of a record; give the verdict on an event that touches its user."""
        partition = record.raw.partition
        if isinstance(record, EncodedEvent) and not self._is_home(record.event):
            # A decision goes to every shard, and is counted in one.
            return Verdict("learn", "", record.event.ts, 0.0)
        if isinstance(record, Reject):
            self.ledger.arrive(partition)
            self.ledger.count(partition, "dead_letter", record.reason)
        if not isinstance(record, EncodedEvent):
            return None
        verdict = self._cleaner.judge(record.event, record.raw)
        self.ledger.arrive(partition)
        by_outcome = late_label(record.event) or control_of(record.event)
        if verdict.outcome != "learn" or by_outcome is None:
            self.ledger.count(partition, verdict.in_ledger, verdict.reason)
        return verdict if verdict.outcome in ("learn", "observe") else None

    def _take_event(self, record: EncodedEvent, verdict: Verdict) -> None:
        served = self._served.touch(record.event.user_id)
        if verdict.outcome == "observe":
            return
        late = late_label(record.event)
        if late is not None:
            outcome, reason = self._take_label(late)
            self.ledger.count(record.raw.partition, outcome, reason)
            return
        of_session = session_label(record.event)
        event = record.event
        title = None if event.item_id is None else self.model.item_title(event.item_id)
        interaction = _interaction(record, verdict, self.learnt, title)
        if of_session is not None:
            interaction = msgspec.structs.replace(interaction, intent=None)
        if self._observer is not None:
            started = time.thread_time()
            self._observer.before_learn(self.model, interaction, served.ids or None)
            self.observer_seconds += time.thread_time() - started
        for alarm in self.model.learn(interaction):
            self.counts[f"drift_{alarm.signal}"] += 1
            _log.warning(
                "drift: the mean %s went from %.3f to %.3f at learnt event %d",
                *(alarm.signal, alarm.before, alarm.after, alarm.position),
            )
        self.learnt += 1
        if self._generation is not None:
            self._generation.learnt(self.model, interaction)
        if of_session is not None:
            self._take_label(of_session)

    def _take_label(self, late: LateLabel) -> tuple[Outcome, str]:
        """Learn a label that comes after its event; give outcome and reason for the ledger."""
        if self._observer is not None:
            started = time.thread_time()
            self._observer.before_label(self.model, late)
            self.observer_seconds += time.thread_time() - started
        outcome, reason, count = in_ledger(self.model.learn_label(late))
        self.counts[count] += 1
        return outcome, reason

    def _take_control(self, record: EncodedEvent, verdict: Verdict, control: Control) -> None:
        """Carry out a decision about labels, and count what became of it."""
        if verdict.outcome != "learn":
            return
        outcome, reason = _REFUSED
        if shard_meant(record.event) in (None, self.shard):
            try:
                self.model.control(control)
                outcome, reason = _DONE
            except ControlError as error:
                _log.warning("a decision about intents was refused: %s", error)
            self.counts[reason] += 1
        if self._is_home(record.event):
            self.ledger.count(record.raw.partition, outcome, reason)

    def _is_home(self, event: Event) -> bool:
        return shard_of(event.user_id, self._shards) == self.shard

    def _take_item(self, record: EncodedItem | Removal) -> None:
        item_id = record.item.item_id
        if isinstance(record, Removal):
            self.model.remove_item(item_id)
            if self._generation is not None:
                self._generation.remove_item(item_id)
            self._items[item_id] = None
            self.counts["items_removed"] += 1
        else:
            self.model.put_item(to_item(record.item, record.vector))
            if self._generation is not None:
                self._generation.put_item(record.item)
            self._items[item_id] = item_blob(record, self._versions.encoder)
            self.counts["items_put"] += 1

    def _after_batch(self, outs: Sequence[Out]) -> None:
        if self._observer is not None:
            started = time.thread_time()
            self._observer.after_batch(self.model, outs)
            self.observer_seconds += time.thread_time() - started

    def _changed(self) -> Iterator[Record]:
        if self._moved:
            yield from self.model.changed()
            yield from self._cleaner.changed()
            yield from self.ledger.changed()
            yield from self._served.changed(self._store.scan)
            for item_id, blob in self._items.items():
                yield KIND_ITEM, item_id, blob
            for partition in sorted(self._moved):
                position = self.positions[partition]
                yield KIND_POSITION, partition, msgspec.msgpack.encode(position)
            yield KIND_LEARNT, "", msgspec.msgpack.encode(self.learnt)
            yield KIND_VERSIONS, "", msgspec.msgpack.encode(self._versions)
            self._moved.clear()
            self._items.clear()
        yield from self.outbox.changed()

    def _restore(self) -> None:
        store = self._store
        self.positions = read_positions(store)
        learnt = store.get(KIND_LEARNT, "")
        self.learnt = 0 if learnt is None else _int.decode(learnt)
        self._cleaner.restore(store.get, store.scan)
        self.ledger.restore(store.get, store.scan)
        self.outbox.restore(store.scan)
        self._served.restore(store.scan)
        self.model.restore(store.scan)
        for _, blob in store.scan(KIND_ITEM):
            stored = read_item(blob)
            self.model.put_item(to_item(stored.record, stored.vector))
            if self._generation is not None:
                self._generation.put_item(stored.record)


def read_positions(store: Records) -> dict[str, int]:
    """Give partition -> next offset as stored."""
    return {key: _int.decode(blob) for key, blob in store.scan(KIND_POSITION)}


def _interaction(
    record: EncodedEvent, verdict: Verdict, position: int, title: str | None
) -> Interaction:
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
    )
