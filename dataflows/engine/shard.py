"""The learn step of one shard, without Bytewax: micro-batches in, messages out, state kept.

What is learnt does not depend on where a micro-batch ends: events are judged and learnt
one by one, and a user's list is made right after their last event in the batch, so the
last list of a stream is always that after the user's last event.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Generic, TypeVar

from dataflows.engine.batch import Batch, Encoded, EncodedDecision, EncodedEvent, Switch
from dataflows.engine.catalogue.item_records import ItemRecords
from dataflows.engine.cleaning.cleaner import Cleaner, Verdict
from dataflows.engine.decisions.carry_out import ShardDecisions, in_parts
from dataflows.engine.encoder_in_force import EncoderSpace, InForce, resumed
from dataflows.engine.event_learner import EventLearner
from dataflows.engine.list_refresher import ListRefresher
from dataflows.engine.protocols import Model
from dataflows.engine.publisher import ListsAgain, Publisher
from dataflows.engine.shard_parts import ALONE, ShardParts
from dataflows.engine.status.end_note import EndNote
from dataflows.engine.status.progress import InputProgress
from dataflows.engine.status.shard_state import ShardState, StoredParts
from dataflows.messages.outgoing import Refreshed
from dataflows.messages.raw import Raw, Reject
from dataflows.state.feedback import FeedbackCounts
from dataflows.state.last_sent import LastSent
from dataflows.state.ledger import Ledger
from dataflows.state.outbox import Out, Outbox
from dataflows.state.records import Records

M = TypeVar("M", bound=Model)
_log = logging.getLogger(__name__)
_ORDINARY = {EncodedEvent, Reject}
"""What micro-batches are made of, unless the catalogue changes or somebody decides something."""


class Engine(Generic[M]):
    """One shard: learns its records in order, and makes the messages that come of them.

    Arguments:
        store: the committed records of this shard; it is restored from them.
        model: the recommender.
        cleaner: judges events: duplicates, late ones, automated users.
        in_force: the versions of models where nothing is stored yet.
        parts: what stands around them.

    Hold `turn` and `lock` to keep the shard from changing; `lock` alone waits for a flow that is
    behind. `store` is for the thread of the flow alone.
    Raises `learners.codec.DamagedError` where the stored state is damaged.
    """

    def __init__(
        self,
        store: Records,
        model: M,
        cleaner: Cleaner,
        in_force: InForce,
        parts: ShardParts = ALONE,
    ) -> None:
        self.store, self.model, self.cleaner, self.shard = store, model, cleaner, parts.shard
        self.lock, self.turn = threading.RLock(), threading.Lock()
        self.counts: Counter[str] = Counter()
        self.ledger = Ledger()
        self.outbox = Outbox(parts.shard, parts.shards)
        self._observers, self._hooks = parts.observers, parts.hooks
        for hook in self._hooks:
            hook.attach(self.counts, self.outbox, parts.clock)
        self._input = InputProgress(self.ledger)
        self.positions = self._input.positions
        self.space = EncoderSpace(
            resumed(store, in_force), parts.encoder, self.counts, parts.reencodings
        )
        self.items = ItemRecords(store, model, self.space, self.counts, self._hooks)
        self.deciding = ShardDecisions(parts.shard, parts.shards, self.counts, store.get)
        self._events = EventLearner(model, cleaner, self.deciding, self.ledger, self.counts, parts)
        self._end = EndNote(store)
        self.last_sent = LastSent(store.get, parts.lists.users, after_crash=not self._end.is_sure)
        versions = self.space.in_force.versions
        self._publisher = Publisher(self.outbox, versions, self.last_sent, parts.clock, self.counts)
        times = parts.times
        self._list = times.wrapped("list", model.recommend, given=lambda one: bool(one.entries))
        self._send = times.wrapped("publish", self._publisher.publish, given=len)
        self._send_anew = times.wrapped("publish", self._publisher.refresh, given=len)
        self._again = ListsAgain(self.last_sent)
        self.refresher = ListRefresher(
            parts.lists, self.last_sent, store, self.counts, self._publish
        )
        stored = StoredParts(
            *(self.items, model, cleaner, self.ledger, self.last_sent, self.refresher),
            *(self.deciding, self._events, self._input, self.space, self._again, self.outbox),
        )
        self._state = ShardState(store, self._end, stored, parts, self.counts)
        self._commit = times.wrapped("commit", self._state.commit, given=int)
        self._publisher.versions = self._state.restore()
        self._resend = self.outbox.undelivered()

    @property
    def learnt(self) -> int:
        """How many interactions were learnt."""
        return self._events.learnt

    @property
    def feedback(self) -> FeedbackCounts:
        """What became of lists; hold `lock`, and change nothing of it."""
        return self._events.feedback.counts

    def process(self, batch: Batch) -> list[Out]:
        """Learn a micro-batch; return the messages that come of it, numbered and in the outbox.

        The first call also returns what an earlier run left undelivered. Raises InputError where
        the batch begins with a switch to an encoder that cannot be prepared.
        """
        with self.turn:  # who asked during the last batch comes first
            pass
        with self.lock:
            if batch.switch is not None:
                self._switch(batch.switch)
            if batch.anew:
                self._begin_anew(batch)
            self._state.is_whole = False
            outs = self._process(batch)
            if self.store.failure is not None:
                raise self.store.failure
            if batch.records:
                self._end.ends_sure = True
            if outs and self._end.is_there:
                self._end.remove()
            self._state.is_whole = True
            return outs

    def _process(self, batch: Batch) -> list[Out]:
        if batch.origins or batch.logs:
            self._input.take(batch.origins, batch.logs)
        outs, self._resend = self._resend, []
        if self._hooks or self._again.as_of is not None:
            outs += self._take_up()
        records = batch.records
        if batch.encoder != self.space.in_force.encoder:
            records = self.space.fit(batch)
        is_ordinary = _ORDINARY.issuperset(map(type, records))
        for part in (records,) if is_ordinary else in_parts(records):
            outs += self._take(part)
        for partition, position in batch.positions.items():
            if position > self.positions.get(partition, 0):
                self.positions[partition] = position
        if self.deciding.planned:
            self.deciding.catch_up(self.model, self.learnt)
        for observer in self._observers:
            observer.after_batch(self.model, outs)
        return outs

    def _take(self, records: Sequence[Encoded]) -> list[Out]:
        """Judge and learn some records, of which none but the last is a decision."""
        outs: list[Out] = []
        judged: list[tuple[Encoded, Verdict | None]] = []
        last: dict[str, int] = {}
        for record in records:
            raw, verdict = record.raw, None
            if raw.offset < self.positions.get(raw.partition, 0):
                self.counts["redelivered"] += 1
                continue
            if raw.partition not in self.positions:
                self._input.begin(raw)
            self.positions[raw.partition] = raw.next_offset
            if isinstance(record, EncodedEvent):
                verdict = self._events.judge(record)
                if verdict is not None and record.decision is None:
                    last[record.event.user_id] = len(judged)
            judged.append((record, verdict))
        for place, (record, verdict) in enumerate(judged):
            if not isinstance(record, EncodedEvent):
                outs += self._take_other(record, last)
            elif verdict is not None and self._events.take(record, verdict, self.last_sent):
                user_id = record.event.user_id
                if last[user_id] == place:
                    del last[user_id]
                    outs += self._publish(user_id, record.raw)
                outs += self.refresher.work(record.raw, last)
        return outs

    def _take_other(self, record: Encoded, last: dict[str, int]) -> list[Out]:
        """Take what is no event: a reject, a decision, or a change of the catalogue."""
        if isinstance(record, Reject):
            self.ledger.arrive(record.raw.partition)
            self.ledger.count(record.raw.partition, "dead_letter", record.reason)
            return [self._publisher.bury(record)]
        if isinstance(record, EncodedDecision):
            reject, is_done = self.deciding.take(record, self.model, self.learnt, self.ledger)
            outs = [] if reject is None else [self._publisher.bury(reject)]
            if is_done:
                # Before anything is learnt or said under it, as a switch is: what comes again
                # after a crash finds it where it was.
                self._state.is_whole = True
                try:
                    self.commit()
                finally:
                    self._state.is_whole = False
            return outs
        assert not isinstance(record, EncodedEvent)  # noqa: S101 - for the types
        self.refresher.note(record, self.model, self.items.stored)
        self.items.take(record)
        return self.refresher.work(record.raw, last, is_change=True)

    def _publish(self, user_id: str, raw: Raw, why: Refreshed | None = None) -> list[Out]:
        """Publish a user's list if it changed or is stale; tell those who follow the shard."""
        offered = self._list(user_id)
        outs = self._send(offered, raw) if why is None else self._send_anew(offered, raw, why)
        for hook in self._hooks:
            hook.offered(self.model, offered, outs, raw, self._publisher.versions)
        return outs

    def commit(self, *, beside: bool = False) -> None:
        """Write all that changed in one transaction, then tell how far it reaches.

        `beside`: it is handed over, and written beside what is learnt next. Nothing is written once
        `process` has failed half way through a batch.
        """
        with self.lock:
            self._commit(beside=beside)

    @property
    def is_awaited(self) -> bool:
        """Whether an answer of a model may yet come, lists go again, or something is unstored."""
        return self._state.is_due or any(hook.is_awaited for hook in self._hooks)

    def take_up(self) -> list[Out]:
        """Take up answers and lists to send again, between micro-batches; return the messages."""
        with self.lock:
            self._state.refuse_unwritten()
            return self._take_up()

    def finish(self) -> list[Out]:
        """Return the messages of lists that are stale, and of answers that come within a while.

        To be called once the input has ended: nothing is written beside the flow any more.
        """
        with self.lock:
            self._state.end()
            outs = self.refresher.finish()
            self._state.is_changed |= bool(outs)
            for hook in self._hooks:
                outs += hook.finish(self.model)
            return outs

    def close(self) -> None:
        """Commit, note that all which was sent is stored, and close the store."""
        try:
            self.commit()
            self._state.finish()
        finally:
            self._events.finish()
            self.store.close()

    def _switch(self, switch: Switch) -> None:
        """Switch to another encoder, and store that before any list says so."""
        if not self.space.is_led_on_by(switch):
            return
        if switch.encoder != self.space.in_force.encoder:
            self._state.is_whole = False
            self.items.move(self.space.prepare(self, switch))
            self.counts["switches"] += 1
            self._state.is_whole = True
        self.space.in_force = self.space.in_force.after(switch)
        self._publisher.versions = self.space.in_force.versions
        self._state.is_changed = True
        self.commit()
        _log.info(
            "shard %d: encoder %s is in force from learnt event %d on",
            *(self.shard, switch.encoder, self.learnt),
        )

    def _begin_anew(self, batch: Batch) -> None:
        """Go to the start of logs that take others' place: what is learnt stays, lists go again."""
        new = [partition for partition in batch.anew if partition not in self.positions]
        if not new:
            return
        self.commit()
        self._again.begin(self._input.begin_anew(new, batch.logs), self.store)
        self.commit()
        again = len(self._again)
        _log.info("shard %d: %s begun; %d lists go again", self.shard, ", ".join(new), again)

    def _take_up(self) -> list[Out]:
        outs: list[Out] = []
        users, as_of = self._again.take(), self._again.as_of
        if users and as_of is not None:
            self._state.is_changed = True
            raw = Raw("", as_of.partition, as_of.offset, as_of.offset + 1, None, None)
            for user_id in users:
                outs += self._publish(user_id, raw)
        for hook in self._hooks:
            outs += hook.begin(self.model)
        return outs
