"""What people decide, carried out in one shard: once each, at a place that the state remembers."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Protocol

from dataflows.engine.batch import (
    Encoded,
    EncodedDecision,
    EncodedItem,
    Removal,
    shard_of_partition,
)
from dataflows.engine.decisions.history import (
    AppliedDecision,
    DecisionState,
    PlannedDecision,
    applied_records,
    read_taken,
    taken_record,
)
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.decisions import LabelDecision
from dataflows.messages.raw import Raw, Reason, Reject
from dataflows.messages.special_events import KIND, write_control
from dataflows.state.ledger import Ledger, Outcome
from dataflows.state.records import Load, Record
from learners.intent.decisions import Control, ControlError

DONE: tuple[Outcome, str] = ("learnt", "decision")
REFUSED: tuple[Outcome, str] = ("observed", "decision_refused")

_seldom = RareWarnings(logging.getLogger(__name__))
_log = logging.getLogger(__name__)


class ControllableModel(Protocol):
    """The model that decisions change."""

    def control(self, control: Control) -> None:
        """Carry one out. Raises `ControlError` if it cannot be."""
        ...


class ShardDecisions:
    """The decisions of one shard.

    `counts` counts them. `since` is the number of events carried out since the last interaction
    was learnt which are none themselves (late labels, retractions): with the number of
    interactions learnt it says where in a stream a decision took effect. `planned` are to be
    repeated, each where it took effect.
    """

    def __init__(self, shard: int, shards: int, counts: Counter[str], load: Load) -> None:
        self.since = 0
        self._shard = shard
        self._shards = shards
        self._counts = counts
        self._taken = read_taken(load)
        self._new: list[AppliedDecision] = []
        self._is_dirty = False
        self.planned: deque[PlannedDecision] = deque()

    def plan(self, planned: Sequence[PlannedDecision]) -> None:
        """Repeat these, in order, each where it took effect."""
        self.planned.extend(planned)

    @property
    def unreached(self) -> int:
        """How many of the planned ones are still to come."""
        return len(self.planned)

    def take(
        self, record: EncodedDecision, model: ControllableModel, learnt: int, ledger: Ledger
    ) -> tuple[Reject | None, bool]:
        """Take a decision once; return the refusal to tell, and whether it was carried out.

        Where it was, commit before anything else is learnt.
        """
        raw = record.raw
        is_home = self._is_home(record.decision, raw)
        reject = self._replayed(record)
        became: tuple[Outcome, str] = ("dead_letter", str(Reason.REPLAYED))
        if reject is None:
            became = self.carry_out(record.decision, raw, model, learnt)
        if is_home:
            ledger.arrive(raw.partition)
            ledger.count(raw.partition, *became)
        return (reject if is_home else None), became == DONE

    def carry_out(
        self, decision: LabelDecision, raw: Raw, model: ControllableModel, learnt: int
    ) -> tuple[Outcome, str]:
        """Carry a decision out where it is for this shard; return (outcome, reason) for the ledger.

        Where it was done, commit before anything else is learnt.
        """
        if decision.shard not in (None, self._shard):
            return REFUSED
        if not self._control(decision.control, model):
            return REFUSED
        content = write_control(decision.control, decision.shard).decode()
        applied = AppliedDecision(
            *(self._taken.next, learnt, self.since, decision.kind, content, decision.signer),
            *(decision.sequence, decision.is_signed, raw.partition, raw.offset),
        )
        self._taken.next += 1
        self._new.append(applied)
        self._is_dirty = True
        _log.info(
            "shard %d: %s decided %s; it holds from learnt event %d on",
            *(self._shard, decision.signer, content, learnt),
        )
        return DONE

    def catch_up(self, model: ControllableModel, learnt: int) -> None:
        """Carry out what is planned for here, before the next event is taken in."""
        while self.planned and self._is_due(self.planned[0], learnt):
            self._control(self.planned.popleft().control, model)

    def changed(self) -> Iterator[Record]:
        """Yield the records changed since the last call."""
        for applied in self._new:
            yield from applied_records(applied)
        if self._is_dirty:
            yield taken_record(self._taken)
        self._new, self._is_dirty = [], False

    def _is_home(self, decision: LabelDecision, raw: Raw) -> bool:
        """Return whether it is this shard that counts a decision: all get it, one counts it."""
        meant = decision.shard
        if meant is not None and meant < self._shards:
            return meant == self._shard
        return shard_of_partition(raw.partition, self._shards) == self._shard

    def _replayed(self, record: EncodedDecision) -> Reject | None:
        """Refuse a signed decision that is not newer than its signer's last; None for others.

        One that is newer counts as taken from here on, whatever becomes of it.
        """
        decision, sequences = record.decision, self._taken.sequences
        if not decision.is_signed:
            return None
        last = sequences.of(decision.signer)
        if decision.sequence > last:
            sequences.take(decision.signer, decision.sequence)
            self._is_dirty = True
            return None
        detail = (
            f"sequence {decision.sequence} of signer {decision.signer!r} is not above {last}, the "
            "last one taken: it was taken already, or is older"
        )
        _seldom.warn("replayed", "a decision was refused (%s): %s", Reason.REPLAYED, detail)
        return Reject(record.raw, Reason.REPLAYED, detail)

    def _control(self, control: Control, model: ControllableModel) -> bool:
        try:
            model.control(control)
        except ControlError as error:
            self._counts[REFUSED[1]] += 1
            _seldom.warn("refused", "a decision about intents was refused: %s", error)
            return False
        self._counts[DONE[1]] += 1
        return True

    def _is_due(self, planned: PlannedDecision, learnt: int) -> bool:
        return (planned.learnt, planned.since) <= (learnt, self.since)


def written_records(
    taken: DecisionState,
    learnt: tuple[int, int],
    control: Control,
    shard: int | None,
    signer: str,
    sequence: int,
) -> list[Record]:
    """Return what to store beside a decision that is written into a state where nothing runs.

    `taken` and `learnt` (with `since`) are as stored.
    """
    content = write_control(control, shard).decode()
    applied = AppliedDecision(taken.next, *learnt, KIND, content, signer, sequence)
    return [*applied_records(applied), taken_record(DecisionState(taken.next + 1, taken.sequences))]


def in_parts(records: Sequence[Encoded]) -> Iterator[list[Encoded]]:
    """Cut a micro-batch behind each decision, and before each record of an item.

    A decision is stored before what follows is looked at. Before an item changes everybody has
    the list of their newest event: which lists it makes stale depends on no micro-batch.
    """
    part: list[Encoded] = []
    for record in records:
        if part and isinstance(record, EncodedItem | Removal):
            yield part
            part = []
        part.append(record)
        if isinstance(record, EncodedDecision):
            yield part
            part = []
    if part:
        yield part
