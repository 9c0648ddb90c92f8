"""The events of a shard, one by one: each is cleaned, learnt, and counted in the ledger."""

from __future__ import annotations

from collections import Counter

import msgspec

from dataflows.config.event_types import LABEL
from dataflows.engine.batch import EncodedEvent
from dataflows.engine.cleaning.cleaner import Cleaner, Verdict, to_interaction
from dataflows.engine.decisions.carry_out import ShardDecisions
from dataflows.engine.protocols import Model
from dataflows.engine.shard_parts import ShardParts
from dataflows.engine.status.drift_log import DriftLog
from dataflows.messages.events import EventRecord
from dataflows.messages.retractions import Retracts
from dataflows.messages.special_events import late_label, session_label
from dataflows.state.feedback import Feedback, named_list
from dataflows.state.last_sent import LastList, LastSent
from dataflows.state.ledger import Ledger, Outcome
from learners.intent.event_buffer import Found, LateLabel
from learners.state.unlearn import Extent
from learners.types import Retraction

_LABELS: dict[Found, tuple[Outcome, str, str]] = {
    "learn": ("learnt", "late_label", "labels_late"),
    "unmatched": ("observed", "label_unmatched", "labels_unmatched"),
    "duplicate": ("observed", "label_duplicate", "labels_duplicate"),
}
_RETRACTIONS: dict[Extent, tuple[Outcome, str, str]] = {
    "all": ("learnt", "retraction", "retractions"),
    "item": ("learnt", "retraction_of_old", "retractions_of_old"),
    "nothing": ("observed", "retraction_unmatched", "retractions_unmatched"),
}


def outcome_of_label(found: Found) -> tuple[Outcome, str, str]:
    """Return (outcome, reason) for the ledger, and the count, of what became of a late label."""
    return _LABELS[found]


def outcome_of_retraction(extent: Extent) -> tuple[Outcome, str, str]:
    """Return (outcome, reason) for the ledger, and the count, of what became of a retraction."""
    return _RETRACTIONS[extent]


def _touches(verdict: Verdict) -> bool:
    """Return whether the event touches its user: they may have a new list for it."""
    return verdict.outcome in ("learn", "observe")


class EventLearner:
    """Takes the events of one shard in: `judge` for all of a micro-batch, then `take` for each.

    `learnt` numbers the interactions. What is no interaction (a label that comes late, an event
    that takes another back, a decision of an old log) is carried out and has no number; the
    ledger counts it by what became of it. `feedback` joins events to the lists that they name.
    """

    def __init__(
        self,
        model: Model,
        cleaner: Cleaner,
        deciding: ShardDecisions,
        ledger: Ledger,
        counts: Counter[str],
        parts: ShardParts,
    ) -> None:
        self.learnt = 0
        self.feedback = Feedback(parts.handed_out)
        self._model = model
        self._clean = parts.times.wrapped("clean", cleaner.judge, given=_touches)
        self._learn_one = parts.times.wrapped("learn", model.learn)
        self._deciding = deciding
        self._ledger = ledger
        self._counts = counts
        self._observers = parts.observers
        self._hooks = parts.hooks
        self._drift = DriftLog()

    def judge(self, record: EncodedEvent) -> Verdict | None:
        """Clean an event and count it; return the verdict, None where its user is not touched."""
        raw, event = record.raw, record.event
        verdict = self._clean(event, raw)
        self._ledger.arrive(raw.partition)
        is_special = (
            event.retracts is not None
            or record.decision is not None
            or (event.type == LABEL and late_label(event) is not None)
        )
        if verdict.outcome != "learn" or not is_special:
            self._ledger.count(raw.partition, verdict.in_ledger, verdict.reason)
        return verdict if _touches(verdict) else None

    def take(self, record: EncodedEvent, verdict: Verdict, last_sent: LastSent) -> bool:
        """Learn an event of which `judge` said so; return whether its user may have a list."""
        raw, event = record.raw, record.event
        if record.decision is not None:
            if verdict.outcome == "learn":
                became = self._deciding.carry_out(record.decision, raw, self._model, self.learnt)
                self._ledger.count(raw.partition, *became)
            return False
        if self._deciding.planned:
            self._deciding.catch_up(self._model, self.learnt)
        last = last_sent.note_event(event.user_id, raw.partition, raw.offset)
        if event.context is not None and (name := named_list(event.context)) is not None:
            is_wanted = verdict.weight > 0 and event.retracts is None
            listed = last_sent.list_of(event.user_id, name)
            self.feedback.take(event, verdict.ts, name, listed, is_wanted=is_wanted)
        if verdict.outcome == "learn" and not self._take_special(event, raw.partition):
            self._learn(record, verdict, last)
        return True

    def finish(self) -> None:
        """Log what of drift was not told yet."""
        self._drift.finish()

    def _take_special(self, event: EventRecord, partition: str) -> bool:
        """Carry out an event that is no interaction; return whether it is one."""
        known: tuple[Outcome, str] | None = None
        if event.retracts is not None:
            known = self._take_back(event, event.retracts)
        elif event.type == LABEL and (late := late_label(event)) is not None:
            known = self._take_label(late)
        if known is None:
            return False
        self._deciding.since += 1
        self._ledger.count(partition, *known)
        return True

    def _learn(self, record: EncodedEvent, verdict: Verdict, last: LastList | None) -> None:
        """Learn an interaction; `last` is the newest list of its user."""
        event = record.event
        of_session = None if event.context is None else session_label(event)
        title = None if event.item_id is None else self._model.item_title(event.item_id)
        interaction = to_interaction(record, verdict, self.learnt, title)
        if of_session is not None:
            interaction = msgspec.structs.replace(interaction, intent=None)
        for observer in self._observers:
            ids, is_refreshed = (last.ids or None, last.is_refreshed) if last else (None, False)
            observer.before_learn(self._model, interaction, ids, is_refreshed=is_refreshed)
        for alarm in self._learn_one(interaction):
            self._counts[f"drift_{alarm.signal}"] += 1
            self._drift.tell(alarm)
        self.learnt += 1
        self._deciding.since = 0
        for hook in self._hooks:
            hook.learnt(self._model, interaction)
        if of_session is not None:
            self._take_label(of_session)

    def _take_label(self, late: LateLabel) -> tuple[Outcome, str]:
        """Learn a label that comes after its event; return outcome and reason for the ledger."""
        for observer in self._observers:
            observer.before_label(self._model, late)
        outcome, reason, count = outcome_of_label(self._model.learn_label(late))
        self._counts[count] += 1
        return outcome, reason

    def _take_back(self, event: EventRecord, what: Retracts) -> tuple[Outcome, str]:
        """Take back an earlier event; return outcome and reason for the ledger."""
        retraction = Retraction(event.user_id, what.event_id, what.type, event.item_id)
        outcome, reason, count = outcome_of_retraction(self._model.retract(retraction))
        self._counts[count] += 1
        return outcome, reason
