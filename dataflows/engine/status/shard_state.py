"""What a shard knows, as it is stored: what changed in one transaction, and put back at a start.

A part of a change is never written: while a shard is not whole, a commit does nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import msgspec

from dataflows.engine.catalogue.item_records import ItemRecords
from dataflows.engine.cleaning.cleaner import Cleaner
from dataflows.engine.decisions.carry_out import ShardDecisions
from dataflows.engine.encoder_in_force import KIND_VERSIONS, EncoderSpace
from dataflows.engine.event_learner import EventLearner
from dataflows.engine.list_refresher import ListRefresher
from dataflows.engine.protocols import Model
from dataflows.engine.publisher import ListsAgain
from dataflows.engine.shard_parts import ShardParts
from dataflows.engine.status.end_note import EndNote
from dataflows.engine.status.progress import InputProgress
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.outgoing import Versions
from dataflows.state.last_sent import LastSent
from dataflows.state.ledger import Ledger
from dataflows.state.outbox import Outbox
from dataflows.state.records import Record, Records

_HELD = (
    "the state of an epoch was not yet written when the next one ended, so the flow waits: the "
    "disk is slow, or flow.epoch_seconds is short"
)


class StoredParts(NamedTuple):
    """The parts of a shard that are stored; each tells what changed of it, and is put back."""

    items: ItemRecords
    model: Model
    cleaner: Cleaner
    ledger: Ledger
    last_sent: LastSent
    refresher: ListRefresher
    deciding: ShardDecisions
    events: EventLearner
    input: InputProgress
    space: EncoderSpace
    again: ListsAgain
    outbox: Outbox


class ShardState:
    """The state of one shard in its `store`; `end` is the note that its last run ended well.

    `is_whole` is to be False while something is done of which a part must not be stored.
    `is_changed` says that there is something to store though nothing new was read. `around.report`
    is told the positions that a transaction holds once it is durable, perhaps by another thread.
    """

    def __init__(
        self,
        store: Records,
        end: EndNote,
        parts: StoredParts,
        around: ShardParts,
        counts: Counter[str],
    ) -> None:
        self.is_whole = True
        self.is_changed = False
        self._is_ending = False
        self._store = store
        self._end = end
        self._parts = parts
        self._tell = partial(around.report, around.shard)
        self._counts = counts
        self._warnings = RareWarnings(logging.getLogger(__name__))
        parts.events.feedback.versions = lambda: parts.space.in_force.versions

    @property
    def is_due(self) -> bool:
        """Whether something that was read is not in the file yet, or lists are to go again."""
        parts, store = self._parts, self._store
        is_on_its_way = store.is_writing or store.failure is not None
        return parts.input.has_moved or is_on_its_way or bool(parts.again)

    def commit(self, *, beside: bool = False) -> bool:
        """Write all that changed in one transaction, then tell how far it reaches.

        Returns whether there was anything. With `beside` it is only handed over then, and told
        once it is written. Does nothing where the shard is not whole, and nothing more once writing
        has failed: what could not be written is not offered again, less a part.
        """
        if not self.is_whole:
            return False
        self.is_whole = False
        beside = beside and not self._is_ending
        if beside and self._store.is_writing:
            self._counts["epochs_held"] += 1
            self._warnings.warn("held", _HELD)
        self._store.settle()
        records = list(self._changed())
        if records:
            positions = dict(self._parts.input.positions)
            written = partial(self._tell, positions)
            self._store.hand_over([*records, self._end.gone()], written)
        if not beside:
            self._store.settle()
        self.is_whole = True
        return bool(records)

    def end(self) -> None:
        """Write nothing beside the flow any more. Raises as `refuse_unwritten`."""
        self._is_ending = True
        self.refuse_unwritten()

    def refuse_unwritten(self) -> None:
        """Raise what writing beside the flow failed with; nothing is to be said or stored then."""
        if self._store.failure is not None:
            self.is_whole = False
            raise self._store.failure

    def finish(self) -> None:
        """Write what is left after the last commit, and that all which was sent is stored."""
        if self.is_whole:
            self._parts.items.finish()
            self._end.write()

    def restore(self) -> Versions:
        """Put back what is stored; return the versions in force.

        Raises `learners.codec.DamagedError` where it is damaged.
        """
        parts, store = self._parts, self._store
        parts.events.learnt, parts.deciding.since = parts.input.restore(store)
        parts.cleaner.restore(store.get, store.scan)
        parts.ledger.restore(store.get, store.scan)
        parts.events.feedback.restore(store.get)
        parts.outbox.restore(store.scan)
        parts.last_sent.restore(store.scan)
        parts.refresher.restore(store)
        parts.again.restore(store)
        parts.model.restore(store.scan)
        parts.items.restore()
        return parts.space.begin(parts.model.began_with)

    def _changed(self) -> Iterator[Record]:
        parts = self._parts
        if parts.input.has_moved or self.is_changed:
            yield from parts.items.changed()
            yield from parts.model.changed()
            yield from parts.cleaner.changed()
            yield from parts.ledger.changed()
            yield from parts.events.feedback.changed()
            yield from parts.last_sent.changed(self._store.scan)
            yield from parts.refresher.changed()
            yield from parts.deciding.changed()
            yield from parts.input.changed(parts.events.learnt, parts.deciding.since)
            yield KIND_VERSIONS, "", msgspec.msgpack.encode(parts.space.in_force)
            self.is_changed = False
        yield from parts.again.changed()
        yield from parts.outbox.changed()
