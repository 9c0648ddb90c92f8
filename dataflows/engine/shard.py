"""The learn step of one shard, without Bytewax: micro-batches in, messages out, state kept.

What is learnt does not depend on where a micro-batch ends: events are judged and learnt
one by one, and a user's list is made right after their last event in the batch, so the
last list of a stream is always that after the user's last event.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from dataflows.engine.batch import (
    Batch,
    Encoded,
    EncodedDecision,
    EncodedEvent,
    EncodedItem,
    Removal,
    Switch,
)
from dataflows.engine.cleaning.cleaner import Cleaner, Verdict, to_interaction
from dataflows.engine.cleaning.late_outcomes import outcome_of_label, outcome_of_retraction
from dataflows.engine.decisions.carry_out import DONE, ShardDecisions, parts
from dataflows.engine.encoder_in_force import KIND_VERSIONS, EncoderSpace, InForce, read_in_force
from dataflows.engine.item_store import KIND as KIND_ITEM
from dataflows.engine.item_store import item_blob, moved_blob, read_item, to_item
from dataflows.engine.list_refresher import AS_USUAL, ListRefresher, ListSettings
from dataflows.engine.protocols import NO_LLM, LlmHooks, Model, Observer, SwitchPreparer
from dataflows.engine.publisher import ListsAgain, Publisher
from dataflows.engine.status import progress as how_far
from dataflows.engine.status.drift_log import DriftLog
from dataflows.engine.status.end_note import EndNote
from dataflows.errors import InputError
from dataflows.messages import log_ids
from dataflows.messages.events import EventRecord
from dataflows.messages.log_ids import replaced
from dataflows.messages.outgoing import Refreshed
from dataflows.messages.partition_names import outdated
from dataflows.messages.raw import ITEMS, LogId, Origin, Raw, Reason, Reject
from dataflows.messages.retractions import Retracts
from dataflows.messages.special_events import late_label, session_label
from dataflows.state import origins
from dataflows.state.last_sent import LastSent
from dataflows.state.ledger import Ledger, Outcome
from dataflows.state.origins import Origins
from dataflows.state.outbox import Out, Outbox
from dataflows.state.positions import Progress
from dataflows.state.records import Record, Records
from encoders.base import Encoder
from learners.intent.event_buffer import LateLabel
from learners.types import Retraction

REWRITTEN_AT_ONCE = 256
"""Items whose vectors of another encoder are replaced in the store, per transaction."""

M = TypeVar("M", bound=Model)
_log = logging.getLogger(__name__)


class Engine(Generic[M]):
    """One shard: learns its records in order, and makes the messages that come of them.

    After `commit` everything that the shard knows is in `store`, in one transaction.

    Arguments:
        store: the committed records of this shard; it is restored from them.
        model: the recommender.
        cleaner: judges events: duplicates, late ones, automated users.
        in_force: the versions of models where nothing is stored yet.
        shard, shards: the number of this one, and how many there are.
        lists: of how many users the last list is kept, and how stale ones are made anew.
        encoder: encodes vectors anew that are stored in another version's space.
        reencodings: prepares a switch to another encoder; without it there can be none.
        progress: is called with the positions after each commit.
        observer: sees each interaction before it is learnt; `observer_seconds` is the CPU time
            that it took.
        generation: the client of a language model, if there is one.
        clock: the time stamped on messages, in seconds since 1970.

    Hold `lock` to keep the shard from changing. Raises `learners.codec.DamagedError` where the
    stored state is damaged.
    """

    def __init__(  # noqa: PLR0913 - the parts of a shard, named
        self,
        store: Records,
        model: M,
        cleaner: Cleaner,
        in_force: InForce,
        *,
        shard: int = 0,
        shards: int = 1,
        lists: ListSettings = AS_USUAL,
        encoder: Encoder | None = None,
        reencodings: SwitchPreparer | None = None,
        progress: Progress | None = None,
        observer: Observer[M] | None = None,
        generation: LlmHooks = NO_LLM,
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
        self.lock = threading.RLock()
        stored = read_in_force(store)
        if stored is not None:
            sequence = min(stored.sequence, in_force.sequence)
            in_force = msgspec.structs.replace(stored, model=in_force.model, sequence=sequence)
        self.space = EncoderSpace(in_force, encoder, self.counts)
        self._reencodings = reencodings
        self._followed: dict[str, str | None] | None = None
        self._stale: deque[str] = deque()
        self.shard = shard
        self._end = EndNote(store)
        self._last_sent = LastSent(store.get, lists.users, after_crash=not self._end.is_sure)
        self.deciding = ShardDecisions(shard, shards, self.counts, store.get)
        now = self.space.in_force.versions
        self._publisher = Publisher(self.outbox, now, self._last_sent, clock, self.counts)
        self._progress = progress
        self._observer = observer
        self._generation = generation
        generation.attach(self.counts, self.outbox, clock)
        self._drift = DriftLog()
        self._moved: set[str] = set()
        self._outdated: set[str] = set()
        self._origins = Origins(origins.KIND, Origin)
        self._logs = Origins(log_ids.KIND, LogId)
        self._again = ListsAgain(self._last_sent)
        self.refresher = ListRefresher(lists, self._last_sent, store, self.counts, self._publish)
        self._items: dict[str, bytes | None] = {}
        self._is_whole = True
        self._is_switched = False
        self._restore()
        self._resend = self.outbox.undelivered()

    def process(self, batch: Batch) -> list[Out]:
        """Learn a micro-batch; return the messages that come of it, numbered and in the outbox.

        The first call also returns what an earlier run left undelivered. Raises InputError where
        the batch begins with a switch to an encoder that cannot be prepared.
        """
        with self.lock:
            if batch.switch is not None:
                self._switch(batch.switch)
            self._begin_anew(batch)
            return self._process(batch)

    def _process(self, batch: Batch) -> list[Out]:
        self._is_whole = False
        self._origins.take(batch.origins, self._forget)
        self._logs.take(batch.logs, self._forget)
        self._moved.update(batch.logs.keys() & self.positions.keys())
        outs, self._resend = self._resend, []
        outs += self._lists_again()
        outs += self._generation.begin(self.model)
        for part in parts(self.space.fit(batch)):
            outs += self._take(part)
        for partition, position in batch.positions.items():
            self._advance(partition, position)
        self.deciding.catch_up(self.model, self.learnt)
        if self._observer is not None:
            started = time.thread_time()
            self._observer.after_batch(self.model, outs)
            self.observer_seconds += time.thread_time() - started
        if batch.records:
            self._end.take_in()
        if outs:
            self._end.before_sending()
        self._is_whole = True
        return outs

    def _take(self, records: Sequence[Encoded]) -> list[Out]:
        """Judge and learn some records, of which none but the last is a decision."""
        outs: list[Out] = []
        judged = [(record, self._judge(record)) for record in records if self._is_new(record)]
        last = {
            record.event.user_id: place
            for place, (record, verdict) in enumerate(judged)
            if isinstance(record, EncodedEvent) and verdict is not None
            if record.decision is None
        }
        for place, (record, verdict) in enumerate(judged):
            if isinstance(record, Reject):
                outs.append(self._publisher.bury(record))
            elif isinstance(record, EncodedDecision):
                outs += self._decide(record)
            elif not isinstance(record, EncodedEvent):
                self._take_item(record)
                outs += self.refresher.work(record.raw, last, is_change=True)
            elif verdict is not None and record.decision is not None:
                if verdict.outcome == "learn":
                    became = self.deciding.carry_out(
                        record.decision, record.raw, self.model, self.learnt
                    )
                    self.ledger.count(record.raw.partition, *became)
            elif verdict is not None:
                self.deciding.catch_up(self.model, self.learnt)
                self._take_event(record, verdict)
                if last[record.event.user_id] == place:
                    del last[record.event.user_id]
                    outs += self._publish(record.event.user_id, record.raw)
                outs += self.refresher.work(record.raw, last)
        return outs

    def commit(self) -> None:
        """Write all that changed in one transaction, then tell how far it reaches.

        Nothing is written once `process` has failed half way through a batch.
        """
        with self.lock:
            if not self._is_whole:
                return
            self._is_whole = False  # what could not be written is not offered again, less a part
            records = list(self._changed())
            if records:
                self._store.commit([*records, self._end.gone()])
            self._is_whole = True
            if records and self._progress is not None:
                self._progress.report(self.shard, self.positions)

    @property
    def is_awaited(self) -> bool:
        """Whether an answer of a language model may yet come, or lists are to be sent again."""
        return self._generation.is_awaited or bool(self._again)

    def take_up(self) -> list[Out]:
        """Take up answers and lists to send again, between micro-batches; return the messages."""
        with self.lock:
            return self._lists_again() + self._generation.begin(self.model)

    def finish(self) -> list[Out]:
        """Return the messages of lists that are stale, and of answers that come within a while.

        To be called once the input has ended.
        """
        with self.lock:
            outs = self.refresher.finish()
            self._is_switched |= bool(outs)  # stored though nothing new was read
            return outs + self._generation.finish(self.model)

    def close(self) -> None:
        """Commit, note that all which was sent is stored, and close the store."""
        try:
            self.commit()
            if self._is_whole:
                while self._stale:
                    self._rewrite()
                    self._store.commit([(KIND_ITEM, *item) for item in self._items.items()])
                    self._items.clear()
                self._end.write()
        finally:
            self._drift.finish()
            self._store.close()

    def follow_items(self) -> dict[str, str | None]:
        """Begin to keep the text of each item that changes, None for one that went.

        Returns those that changed since the last commit; hold `lock`.
        """
        self._followed = {}
        return {
            item_id: None if blob is None else read_item(blob).text
            for item_id, blob in self._items.items()
        }

    def followed_items(self) -> dict[str, str | None]:
        """Return the texts of the items that changed since the last call; hold `lock`."""
        followed, self._followed = self._followed or {}, {}
        return followed

    def unfollow_items(self) -> None:
        """Keep no more texts."""
        self._followed = None

    @property
    def store(self) -> Records:
        """What is committed; for the thread of the flow alone."""
        return self._store

    def _switch(self, switch: Switch) -> None:
        """Switch to another encoder, and store that before any list says so."""
        space = self.space
        if switch.encoder != space.in_force.encoder:
            if self._reencodings is None:
                raise InputError(
                    f"shard {self.shard} has vectors of {space.in_force.encoder} and is to go on "
                    f"with {switch.encoder}, which it cannot; start again with that encoder"
                )
            self._is_whole = False
            made = self._reencodings.take(self, switch)
            made.finish(self)
            self.unfollow_items()
            self.model.switch(made.reencoding)
            self._stale = deque(made.item_ids)
            space.encoder = made.encoder
            self.counts["switches"] += 1
            self._is_whole = True
        elif switch.sequence <= space.in_force.sequence:
            return
        space.in_force = space.in_force.after(switch)
        self._publisher.versions = space.in_force.versions
        self._is_switched = True
        self.commit()
        _log.info(
            "shard %d: encoder %s is in force from learnt event %d on",
            *(self.shard, switch.encoder, self.learnt),
        )

    def _begin_anew(self, batch: Batch) -> None:
        """Set positions to the start of logs that take others' place, in a transaction of its own.

        What is learnt stays; the lists are sent again.
        """
        new = [partition for partition in batch.anew if partition not in self.positions]
        if not new:
            return
        self.commit()
        as_of = replaced(new[0], self.positions)
        self._logs.take({one: batch.logs[one] for one in new if one in batch.logs}, self._forget)
        self.positions.update(dict.fromkeys(new, 0))
        self._moved.update(new)
        self._again.begin(as_of, self._store)
        self.commit()
        _log.info(
            "shard %d: %s begun; %d lists are sent again",
            *(self.shard, ", ".join(new), len(self._again)),
        )

    def _lists_again(self) -> list[Out]:
        outs: list[Out] = []
        users, as_of = self._again.take(), self._again.as_of
        if users and as_of is not None:
            self._is_switched = True  # what was sent is stored though nothing new was read
            raw = Raw("", as_of.partition, as_of.offset, as_of.offset + 1, None, None)
            for user_id in users:
                outs += self._publish(user_id, raw)
        return outs

    def _rewrite(self) -> None:
        """Replace some of the stored vectors of another encoder."""
        version = self.space.in_force.encoder
        for _ in range(min(REWRITTEN_AT_ONCE, len(self._stale))):
            item_id = self._stale.popleft()
            blob = self._stored_item(item_id)
            stored = None if blob is None else read_item(blob)
            if stored is not None and stored.encoder != version:
                vector = self.model.item_vector(item_id)
                self._items[item_id] = moved_blob(stored, vector, version)

    def _is_new(self, record: Encoded) -> bool:
        raw = record.raw
        if raw.offset < self.positions.get(raw.partition, 0):
            self.counts["redelivered"] += 1
            return False
        if raw.topic == ITEMS and raw.partition not in self.positions:
            for other in outdated(raw.partition, list(self.positions)):
                self._forget(other, other)
        self._advance(raw.partition, raw.next_offset)
        return True

    def _advance(self, partition: str, position: int) -> None:
        if position > self.positions.get(partition, 0):
            self.positions[partition] = position
            self._moved.add(partition)

    def _forget(self, partition: str, into: str) -> None:
        """Keep no position of a partition, and count its records under `into`."""
        self.positions.pop(partition, None)
        self._moved.discard(partition)
        self._outdated.add(partition)
        self.ledger.fold(partition, into)

    def _judge(self, record: Encoded) -> Verdict | None:
        """Count what becomes of a record; return the verdict on an event that touches its user."""
        partition = record.raw.partition
        if isinstance(record, Reject):
            self.ledger.arrive(partition)
            self.ledger.count(partition, "dead_letter", record.reason)
        if not isinstance(record, EncodedEvent):
            return None
        verdict = self._cleaner.judge(record.event, record.raw)
        self.ledger.arrive(partition)
        event = record.event
        by_outcome = event.retracts or late_label(event) or record.decision
        if verdict.outcome != "learn" or by_outcome is None:
            self.ledger.count(partition, verdict.in_ledger, verdict.reason)
        return verdict if verdict.outcome in ("learn", "observe") else None

    def _take_event(self, record: EncodedEvent, verdict: Verdict) -> None:
        raw = record.raw
        last = self._last_sent.note_event(record.event.user_id, raw.partition, raw.offset)
        if verdict.outcome == "observe":
            return
        event = record.event
        known: tuple[Outcome, str] | None = None
        if event.retracts is not None:
            known = self._take_back(event, event.retracts)
        elif (late := late_label(event)) is not None:
            known = self._take_label(late)
        if known is not None:
            self.deciding.since += 1
            self.ledger.count(raw.partition, *known)
            return
        of_session = session_label(event)
        title = None if event.item_id is None else self.model.item_title(event.item_id)
        interaction = to_interaction(record, verdict, self.learnt, title)
        if of_session is not None:
            interaction = msgspec.structs.replace(interaction, intent=None)
        if self._observer is not None:
            started = time.thread_time()
            ids, is_refreshed = (last.ids or None, last.is_refreshed) if last else (None, False)
            self._observer.before_learn(self.model, interaction, ids, is_refreshed=is_refreshed)
            self.observer_seconds += time.thread_time() - started
        for alarm in self.model.learn(interaction):
            self.counts[f"drift_{alarm.signal}"] += 1
            self._drift.tell(alarm)
        self.learnt += 1
        self.deciding.since = 0
        self._generation.learnt(self.model, interaction)
        if of_session is not None:
            self._take_label(of_session)

    def _publish(self, user_id: str, raw: Raw, why: Refreshed | None = None) -> list[Out]:
        """Publish a user's list if it changed or is stale; tell the language model's client."""
        offered = self.model.recommend(user_id)
        if why is None:
            outs = self._publisher.publish(offered, self.model.item_title, raw)
        else:
            outs = self._publisher.refresh(offered, self.model.item_title, raw, why)
        self._generation.offered(self.model, offered, outs, raw, self._publisher.versions)
        return outs

    def _take_label(self, late: LateLabel) -> tuple[Outcome, str]:
        """Learn a label that comes after its event; return outcome and reason for the ledger."""
        if self._observer is not None:
            started = time.thread_time()
            self._observer.before_label(self.model, late)
            self.observer_seconds += time.thread_time() - started
        outcome, reason, count = outcome_of_label(self.model.learn_label(late))
        self.counts[count] += 1
        return outcome, reason

    def _take_back(self, event: EventRecord, what: Retracts) -> tuple[Outcome, str]:
        """Take back an earlier event; return outcome and reason for the ledger."""
        retraction = Retraction(event.user_id, what.event_id, what.type, event.item_id)
        outcome, reason, count = outcome_of_retraction(self.model.retract(retraction))
        self.counts[count] += 1
        return outcome, reason

    def _decide(self, record: EncodedDecision) -> list[Out]:
        """Take a decision once, and store it with all before it; return the letter of a refusal."""
        raw, outs = record.raw, list[Out]()
        is_home = self.deciding.is_home(record.decision, raw)
        reject = self.deciding.replayed(record)
        became: tuple[Outcome, str] = ("dead_letter", str(Reason.REPLAYED))
        if reject is None:
            became = self.deciding.carry_out(record.decision, raw, self.model, self.learnt)
        if is_home:
            self.ledger.arrive(raw.partition)
            self.ledger.count(raw.partition, *became)
            if reject is not None:
                outs.append(self._publisher.bury(reject))
        if became == DONE:
            # Before anything is learnt or said under it, as a switch is: what comes again after
            # a crash finds it where it was.
            self._is_whole = True
            try:
                self.commit()
            finally:
                self._is_whole = False
        return outs

    def _stored_item(self, item_id: str) -> bytes | None:
        if item_id in self._items:
            return self._items[item_id]
        return self._store.get(KIND_ITEM, item_id)

    def _take_item(self, record: EncodedItem | Removal) -> None:
        item_id = record.item.item_id
        self.refresher.note(record, self.model, self._stored_item)
        if isinstance(record, Removal):
            self.model.remove_item(item_id)
            self._generation.remove_item(item_id)
            self._items[item_id] = text = None
            self.counts["items_removed"] += 1
        else:
            self.model.put_item(to_item(record.item, record.vector))
            self._generation.put_item(record.item)
            self._items[item_id] = item_blob(record, self.space.in_force.encoder)
            text = record.text
            self.counts["items_put"] += 1
            self.counts["items_repaired"] += record.item.repaired
        if self._followed is not None:
            self._followed[item_id] = text

    def _changed(self) -> Iterator[Record]:
        if self._moved or self._is_switched:
            self._rewrite()
            yield from self.model.changed()
            yield from self._cleaner.changed()
            yield from self.ledger.changed()
            yield from self._origins.changed()
            yield from self._logs.changed()
            yield from self._last_sent.changed(self._store.scan)
            yield from self.refresher.changed()
            for item_id, blob in self._items.items():
                yield KIND_ITEM, item_id, blob
            for partition in sorted(self._outdated):
                yield how_far.KIND_POSITION, partition, None
            yield from self.deciding.changed()
            yield from how_far.records(
                self.positions, self._moved, self.learnt, self.deciding.since
            )
            yield KIND_VERSIONS, "", msgspec.msgpack.encode(self.space.in_force)
            self._is_switched = False
            self._moved.clear()
            self._outdated.clear()
            self._items.clear()
        yield from self._again.changed()
        yield from self.outbox.changed()

    def _restore(self) -> None:
        store = self._store
        self.positions = how_far.read_positions(store)
        self.learnt, self.deciding.since = how_far.read_learnt(store)
        self._cleaner.restore(store.get, store.scan)
        self.ledger.restore(store.get, store.scan)
        self._origins.restore(store)
        self._logs.restore(store)
        self.outbox.restore(store.scan)
        self._last_sent.restore(store.scan)
        self.refresher.restore(store)
        self._again.restore(store)
        self.model.restore(store.scan)
        for stored, is_stale in self.space.items(store.scan(KIND_ITEM)):
            self.model.put_item(to_item(stored.record, stored.vector))
            self._generation.put_item(stored.record)
            if is_stale:
                self._stale.append(stored.record.item_id)
        self._publisher.versions = self.space.begin(self.model.began_with)
