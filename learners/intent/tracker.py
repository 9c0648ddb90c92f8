"""Intent in the recommender: what each user is after, now and over their session.

An event goes through once. What was known before it settles the belief of the session, and is
judged and learnt from by what the user did; then the event enters the session, and its label is
learnt. What is worked out of a user on the way is kept until something is learnt, so that the list
made after the event asks nothing twice. Lists ask `next` (`learners.intent.state`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from learners.classifiers.base import Chances
from learners.classifiers.out_of_scope import OUT_OF_SCOPE
from learners.intent.decisions import Control
from learners.intent.event_buffer import Found, LateLabel
from learners.intent.explanation import (
    IntentPrediction,
    IntentReport,
    blend,
    evidence,
    likely,
    named,
    settled,
    with_step,
)
from learners.intent.keywords import words_of
from learners.intent.label_changes import carry_out
from learners.intent.late_labels import learn_late
from learners.intent.record import Belief, IntentRecord, SessionMean, extended, is_over
from learners.intent.state import DEFAULT, IntentState
from learners.settings import LearnerSettings
from learners.signals.items import ItemTable
from learners.types import LONGEST_TEXT, Interaction, Vector

LEAVE = "leave"


class _Before(msgspec.Struct, frozen=True):
    """What was known of a user before an event.

    `view` is what `next` sees of them, `chances` what it says of that, None where it was not
    asked; `told`, where what the user does next is reported, are posterior, belief and number of
    events of what was told.
    """

    view: Vector | None = None
    chances: Chances | None = None
    told: tuple[Chances | None, Belief | None, int] | None = None


class IntentTracker(IntentState):
    """Tracks what each user is after: online classifiers of intent, and a filter over sessions.

    The arguments are those of `IntentState`. `seconds` is the time that learning took, where a
    `clock` was given.
    """

    def __init__(
        self,
        dim: int,
        settings: LearnerSettings = DEFAULT,
        categories: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(dim, settings, categories)
        self.clock: Callable[[], float] | None = None
        self.seconds = 0.0
        following = settings.intent_actions + settings.intent_next
        self._share = settings.intent_actions / (following or 1.0)
        self._next: tuple[IntentRecord, float, Vector | None, Chances] | None = None
        self._stated: tuple[IntentRecord, Chances] | None = None
        self._columns: tuple[list[str], int, NDArray[np.int32]] = ([], 0, np.zeros(0, np.int32))

    def learn(
        self, interaction: Interaction, user: IntentRecord, category: str | None
    ) -> float | None:
        """Learn from one interaction; return the log loss (nats) of its label, None without one.

        `category` is the first category of the interaction's item. The session in `user` is
        extended by the interaction in any case; one that is over ends first.
        """
        started = self.clock() if self.clock else 0.0
        ts, session_id = interaction.ts, interaction.session_id
        label = interaction.intent and self.known_as(interaction.intent)
        before, is_category = self._before(user, ts, session_id), label in self.known_categories
        loss = self._learn_next(user, before, interaction, None if is_category else category)
        user.session = extended(user.session, interaction.vector, ts, session_id)
        user.newest = interaction.vector
        self.look_anew()
        if label and is_category:
            self.next.learn(user.view(self.dim), label)
            self.follow_labels()
        user.trail = with_step(user.trail, interaction.event_id, interaction.text)
        if self.reported is self.stated:
            self._settle(user, self._posterior(user))
            self._look_out(interaction, label)
        self.buffer.keep(interaction, category)
        if label and self.settings.intent_labels > 0:
            loss = self._learn_label(user, interaction, label)
        if self.clock:
            self.seconds += self.clock() - started
        return loss

    def predict_intent(self, user: IntentRecord, interaction: Interaction) -> IntentPrediction:
        """Return what is predicted of an event without its label; changes nothing."""
        head, session = self.stated, user.session
        if interaction.vector is None or not head.labels:
            return IntentPrediction(head.labels, *self.told.tell(head, None, None, 1), 1.0)
        posterior, novelty = head.predict(interaction.vector), head.out_of_scope(interaction.vector)
        fresh = session is None or is_over(session, interaction.ts, interaction.session_id)
        belief, events = (None, 1) if fresh else (user.belief, len(user.trail) + 1)
        after = self.session_filter.look(belief, posterior, self.edition, len(head.labels))
        told = self.told.tell(head, posterior, after, events)
        return IntentPrediction(head.labels, *told, novelty)

    def label(self, late: LateLabel) -> Found:
        """Learn a label that comes after its event (`learners.intent.late_labels`)."""
        started = self.clock() if self.clock else 0.0
        found = learn_late(self, late)
        self.look_anew()
        if self.clock:
            self.seconds += self.clock() - started
        return found

    def teach(self, vector: Vector | None, label: str, weight: float) -> None:
        """Learn a label from a vector (dim,) alone, under the name that it has now."""
        name = self.known_as(label)
        if name is not None:
            self.learn_label(vector, name, weight)
            self.look_anew()

    def control(self, control: Control) -> None:
        """Carry out a decision about labels. Raises `ControlError` where that cannot be."""
        self.look_anew()
        carry_out(self, control)

    def look_anew(self) -> None:
        """Keep no answer for a user: something was learnt, or their record was changed."""
        self._next = self._stated = None

    def is_usable(self, vector: Vector) -> bool:
        """Return whether an event's vector is finite. Raises ValueError for one of another size."""
        if not self.dim:
            return False
        if vector.shape != (self.dim,):
            raise ValueError(f"the vector has shape {vector.shape}; ({self.dim},) is expected")
        return bool(np.isfinite(vector).all())

    def predict(self, user: IntentRecord, ts: float | None = None) -> Chances:
        """Return P(next category) `(n,)` of a user at `ts`, by default that of their last event."""
        at = ts if ts is not None else user.session.ts if user.session is not None else 0.0
        if self._next is not None and self._next[0] is user and self._next[1] == at:
            return self._next[3]
        view = user.view(self.dim, ts)
        chances = self.next.predict(view)
        self._next = (user, at, view, chances)
        return chances

    def report(self, user: IntentRecord) -> IntentReport:
        """Return the intent and the belief of a user as of their last event, and why."""
        head, belief, trail, labels = self.reported, user.belief, user.trail, self.names
        posterior, novelty = self._posterior(user), None
        if head is self.next and trail and labels:
            belief = self.session_filter.look(belief, posterior, self.edition, len(labels))
            trail = settled(trail, belief, labels)
        held = belief if belief is not None and belief.edition == self.edition else None
        of_event, of_session = self.told.tell(head, posterior, held, len(trail))
        intent, believed = named(labels, of_event), named(labels, of_session)
        if head is self.stated and user.newest is not None:
            novelty = round(self.stated.out_of_scope(user.newest), 6)
        because = evidence(trail, believed, self.typical)
        share = self.settings.intent_inferred if head is self.stated else self._share
        if share > 0:
            of = self.settings
            sources = [(self.actions, of.intent_actions), (self.next, of.intent_next)]
            following = likely(sources if head is self.stated else sources[:1], user.view(self.dim))
            intent, believed = blend(intent, following, share), blend(believed, following, share)
        return IntentReport(intent, believed, novelty, because)

    def per_category(self, chances: Chances, items: ItemTable) -> NDArray[np.float32]:
        """Return P(next category) by category number; 0 for categories that are no label."""
        labels, known = self.next.labels, len(items.category_names)
        # A category may get the name of a label that is known already.
        if self._columns[0] != labels or self._columns[1] != known:
            columns = np.array([items.category_index.get(name, 0) for name in labels], np.int32)
            self._columns = list(labels), known, columns
        spread = np.zeros(known, np.float32)
        spread[self._columns[2]] = chances
        spread[0] = 0.0
        return spread

    def _before(self, user: IntentRecord, ts: float, session_id: str | None) -> _Before:
        """Return what was known before an event, and settle what came before it."""
        session, by_next = user.session, self.reported is self.next
        if session is None:
            return _Before()
        is_told = by_next and bool(self.names)
        if is_over(session, ts, session_id):
            return self._end(user, session, is_told=is_told)
        view, chances, kept = None, None, self._next
        if kept is not None and kept[0] is user and kept[1] == ts:
            view, chances = kept[2:]
        if view is None:
            view = user.view(self.dim, ts, session_id)
            chances = self.next.predict(view) if by_next else None
        if by_next:
            # The posterior of what came last is asked for here anyway; so it is taken in here.
            self._settle(user, chances)
        told = (chances, user.belief, len(user.trail)) if is_told else None
        return _Before(view, chances, told)

    def _end(self, user: IntentRecord, session: SessionMean, *, is_told: bool) -> _Before:
        """End a session that is over: the belief and its account are of one session alone."""
        told = None
        if is_told:
            posterior, n = self._posterior(user), len(self.names)
            belief = self.session_filter.look(user.belief, posterior, self.edition, n)
            told = posterior, belief, len(user.trail)
        if self.settings.intent_actions > 0:
            view = user.view(self.dim, session.ts, session.session_id)
            self.actions.learn(view, LEAVE, self.settings.intent_actions)
        user.belief, user.trail = None, []
        return _Before(told=told)

    def _settle(self, user: IntentRecord, posterior: Chances | None) -> None:
        """Update the belief of a session and its trail by the newest event."""
        if self.names:
            edition, n = self.edition, len(self.names)
            user.belief = self.session_filter.step(user.belief, posterior, edition, n)
            if user.trail:
                user.trail = settled(user.trail, user.belief, self.names)

    def _learn_next(
        self, user: IntentRecord, before: _Before, interaction: Interaction, category: str | None
    ) -> float | None:
        """Learn what the user did next from what was known of them before."""
        of = self.settings
        if of.intent_actions > 0 and user.session is not None:
            self.actions.learn(before.view, interaction.type, of.intent_actions)
        if not category or not of.intent_next > 0:
            return None
        if self.reported is self.next and category in self.names:
            slot = self.names.index(category)
            if before.told is not None:
                self.told.prove(self.next, slot, *before.told)
            if user.belief is not None and user.belief.edition == self.edition:
                user.belief = self.session_filter.observe(self._whole(user.belief), slot)
        loss = self.next.learn(before.view, category, of.intent_next, before.chances)
        if self.reported is self.next and self.next.labels != self.names:
            self.follow_labels()
        return loss

    def _learn_label(
        self, user: IntentRecord, interaction: Interaction, label: str
    ) -> float | None:
        """Learn the label that an event carries; return its log loss (nats)."""
        weight = self.settings.intent_labels
        self.typical.learn(label, words_of(interaction.text))
        self.labelled.add(label, interaction.position, interaction.encoded, weight)
        if label in self.stated.labels:
            held = user.belief if user.belief and user.belief.edition == self.edition else None
            slot, events = self.names.index(label), len(user.trail)
            self.told.prove(self.stated, slot, self._posterior(user), held, events)
        loss = self.learn_label(interaction.vector, label, weight)
        self.look_anew()
        if user.belief is None or user.belief.edition != self.edition:
            user.belief = self.session_filter.look(None, None, self.edition, len(self.names))
        if label in self.names:
            belief, slot = self._whole(user.belief), self.names.index(label)
            user.belief = self.session_filter.tell(belief, slot)
        return loss

    def _whole(self, belief: Belief) -> Belief:
        """Return a belief that has a share for each need that is known by now."""
        n, have = len(self.names), len(belief.shares)
        return belief if n <= have else self.session_filter.look(belief, None, self.edition, n)

    def _look_out(self, interaction: Interaction, label: str | None) -> None:
        """Cluster an event that nobody labelled, and that fits no label, with those like it."""
        vector, least = interaction.vector, self.settings.intent_new
        if vector is None:
            return
        self.discovery.watch(vector)
        if label in (None, OUT_OF_SCOPE) and self.stated.out_of_scope(vector) >= least:
            text = (interaction.text or "")[:LONGEST_TEXT]
            self.discovery.add(interaction.event_id, text, words_of(text), vector)

    def _posterior(self, user: IntentRecord) -> Chances | None:
        """Return what the newest event says, None where it says nothing."""
        if self.reported is self.next:
            return self.predict(user) if self.names else None
        if user.newest is None:
            return None
        if self._stated is None or self._stated[0] is not user:
            self._stated = (user, self.stated.predict(user.newest))
        return self._stated[1]
