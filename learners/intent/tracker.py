"""Intent in the recommender: what each user is after, now and over their session.

Three sources of truth, each with a weight in the settings: labels that events carry or that
come later (`stated`), those of a teacher among them, and what the user does next. `stated`
reads the event's own vector, and `learners.intent.session_belief` holds its word against the
session. `next` (the first category of the next item) and `actions` (the type of the next event, or
"leave") read the newest vector beside the mean of the session. Lists ask `next`. What is reported
to readers is `stated`; until a label is known, what the user does next stands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learners.classifiers.base import LabelLearner
from learners.classifiers.mixture import MixtureLearner
from learners.classifiers.out_of_scope import OUT_OF_SCOPE
from learners.classifiers.softmax import IntentLearner
from learners.intent.category_chances import CategoryChances
from learners.intent.decisions import Control, ControlError
from learners.intent.discovery import KIND as DISCOVERY_KIND
from learners.intent.discovery import IntentDiscovery
from learners.intent.event_buffer import KIND as BUFFER_KIND
from learners.intent.event_buffer import BufferedEvent, EventBuffer, Found, LateLabel
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
from learners.intent.keywords import TypicalWords, words_of
from learners.intent.labelled_texts import KIND as LABELLED_KIND
from learners.intent.labelled_texts import LabelledTexts
from learners.intent.record import IntentRecord
from learners.intent.session import extended, is_over, mean_vector, session_features
from learners.intent.session_belief import Belief, SessionFilter
from learners.intent.told import Said, ToldChances, whole_session
from learners.settings import LearnerSettings
from learners.signals.items import ItemTable
from learners.types import LONGEST_TEXT, Interaction, Vector

Chances = NDArray[np.float64]
Changed = Iterator[tuple[str, str, bytes | None]]

LEAVE = "leave"
_MOST_DECISIONS = 1_000
DEFAULT = LearnerSettings()


class IntentTracker:
    """Tracks what each user is after: online classifiers of intent, and a filter over sessions.

    Arguments:
        dim: the size of event vectors, 0 for none: then only priors are learnt.
        settings: weights of the sources of labels (`intent_*` of `LearnerSettings`).
        categories: the known names of categories, by number: a label that is one teaches
            `next` too.

    `stated`, a mixture of experts (`learners.classifiers.mixture`), classifies an event's own
    vector (dim,) by the labels that events carry; `next` and `actions` are online softmax
    regressions over (2 * dim,), the newest vector beside the mean of the session. `session_filter`
    is the forward filter of a hidden Markov model over the labels of a session (Rabiner, 1989).
    `told` tells what they say as it was found to come true.
    `seconds` is the time that learning took, where a `clock` was given.
    """

    def __init__(
        self,
        dim: int,
        settings: LearnerSettings = DEFAULT,
        categories: Mapping[str, int] | None = None,
    ) -> None:
        self.dim = dim
        self.settings = settings
        self.stated = MixtureLearner(dim)
        self.next = IntentLearner(2 * dim)
        self.actions = IntentLearner(2 * dim)
        self.session_filter = SessionFilter()
        self.told = ToldChances(settings)
        self.typical = TypicalWords()
        self.buffer = EventBuffer(settings.intent_pending)
        self.labelled = LabelledTexts()
        self.discovery = IntentDiscovery()
        self.aliases: dict[str, str] = {}
        self.retired: dict[str, None] = {}
        self.edition = 0
        self.clock: Callable[[], float] | None = None
        self.seconds = 0.0
        self.known_categories = categories if categories is not None else {}
        self._names: list[str] = []
        self._by_category = CategoryChances()
        self._seen: tuple[IntentRecord, float, Vector | None, Chances] | None = None
        self._newest: tuple[IntentRecord, Chances] | None = None
        self._head: LabelLearner = self.next
        self._said: Said | None = None

    @property
    def reported(self) -> LabelLearner:
        """The learner that is reported: the one of labels, once it knows any."""
        return self.stated if self.stated.labels else self.next

    def learn(
        self, interaction: Interaction, user: IntentRecord, category: str | None
    ) -> float | None:
        """Learn from one interaction; return the log loss (nats) of its label, None without one.

        `category` is the first category of the interaction's item. The session in `user` is
        extended by the interaction in any case; one that is over ends first.
        """
        started = self.clock() if self.clock else 0.0
        ts, session_id = interaction.ts, interaction.session_id
        label = self.known_as(interaction.intent)
        view = self._before(user, ts, session_id)
        loss = self._learn_next(user, view, interaction, category)
        user.session = extended(user.session, interaction.vector, ts, session_id)
        user.newest = interaction.vector
        self._seen = self._newest = None
        if label and label in self.known_categories:
            self._teach(self.next, self.view(user), label, 1.0)
        user.trail = with_step(user.trail, interaction.event_id, interaction.text)
        if self.stated.labels:
            self._take(user, self._posterior(user))
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
            return IntentPrediction(head.labels, *self.told.tell(head, Said(None)), 1.0)
        posterior, novelty = head.predict(interaction.vector), head.out_of_scope(interaction.vector)
        fresh = session is None or is_over(session, interaction.ts, interaction.session_id)
        belief, events = (None, 1) if fresh else (user.belief, len(user.trail) + 1)
        after = self.session_filter.look(belief, posterior, self.edition, len(head.labels))
        said = Said(posterior, after, events)
        return IntentPrediction(head.labels, *self.told.tell(head, said), novelty)

    def label(self, late: LateLabel) -> Found:
        """Learn a label that comes after its event, or after all events of a session.

        Returns "learn" where it was, "unmatched" where no event that is kept is meant, and
        "duplicate" where the events have a label of that source already.
        """
        started = self.clock() if self.clock else 0.0
        found = [self.buffer.take(event, late.source, late.name) for event in self.meant(late)]
        buffered = [(event, vector) for _, event, vector in found if event is not None]
        of, by_teacher = self.settings, late.source == "teacher"
        weight = of.intent_teacher if by_teacher else of.intent_labels
        name = self.known_as(late.name)
        if buffered and weight > 0 and name is not None:
            self._learn_late(buffered, name, late, weight)
        if self.clock:
            self.seconds += self.clock() - started
        if buffered:
            return "learn"
        return "duplicate" if any(how == "duplicate" for how, _, _ in found) else "unmatched"

    def teach(self, vector: Vector | None, label: str, weight: float) -> None:
        """Learn a label from a vector (dim,) alone, under the name that it has now."""
        name = self.known_as(label)
        if name is not None:
            self._teach(self.stated, vector, name, weight)

    def known_as(self, label: str | None) -> str | None:
        """Return the name under which a label is learnt now, None where it is retired, or none."""
        if label is None or not (self.aliases or self.retired):
            return label
        label = self.aliases.get(label, label)
        return None if label in self.retired else label

    def control(self, control: Control) -> None:
        """Carry out a decision about labels. Raises `ControlError` where that cannot be."""
        try:
            if control.do == "promote":
                self._promote(control)
            elif control.do == "retire":
                self._retire(control.intent)
            else:
                self._call(control)
        except (KeyError, ValueError) as error:
            reason = error.args[0] if error.args else error
            raise ControlError(f"{control.do} {control.intent!r}: {reason}") from error

    def look_anew(self) -> None:
        """Keep no answer for a user whose record was changed from without."""
        self._seen = self._newest = None

    def meant(self, late: LateLabel) -> list[str]:
        """Return the ids of the events that a label is for, oldest first: its own user's alone."""
        if late.event_id is not None:
            kept = self.buffer.find(late.event_id)
            return [late.event_id] if kept is None or kept.user_id == late.user_id else []
        return self.buffer.session(late.user_id, late.session_id or "")

    def is_usable(self, vector: Vector) -> bool:
        """Return whether an event's vector is finite. Raises ValueError for one of another size."""
        if not self.dim:
            return False
        if vector.shape != (self.dim,):
            raise ValueError(f"the vector has shape {vector.shape}; ({self.dim},) is expected")
        return bool(np.isfinite(vector).all())

    def view(
        self, user: IntentRecord, ts: float | None = None, session_id: str | None = None
    ) -> Vector | None:
        """Return what `next` sees `(2 * dim,)` of a user, None where that is nothing."""
        session = user.session
        if session is None or not self.dim:
            return None
        mean = mean_vector(session, session.ts if ts is None else ts, session_id)
        if mean is None:
            return None
        return session_features(user.newest, mean, self.dim)

    def predict(self, user: IntentRecord, ts: float | None = None) -> Chances:
        """Return P(next category) `(n,)` of a user at `ts`, by default that of their last event."""
        at = ts if ts is not None else user.session.ts if user.session is not None else 0.0
        if self._seen is not None and self._seen[0] is user and self._seen[1] == at:
            return self._seen[3]
        view = self.view(user, ts)
        chances = self.next.predict(view)
        self._seen = (user, at, view, chances)
        return chances

    def report(self, user: IntentRecord) -> IntentReport:
        """Return the intent and the belief of a user as of their last event, and why."""
        head, belief, trail = self.reported, user.belief, user.trail
        posterior, novelty = self._posterior(user), None
        if head is self.next and trail and head.labels:
            belief = self.session_filter.look(belief, posterior, self.edition, len(head.labels))
            trail = settled(trail, belief, head.labels)
        held = belief if belief is not None and belief.edition == self.edition else None
        told = self.told.tell(head, Said(posterior, held, len(trail)))
        intent, believed = (named(head.labels, shares) for shares in told)
        if head is self.stated and user.newest is not None:
            novelty = round(self.stated.out_of_scope(user.newest), 6)
        because = evidence(trail, believed, self.typical)
        return IntentReport(*_mixed(self, user, intent, believed), novelty, because)

    def per_category(self, chances: Chances, items: ItemTable) -> NDArray[np.float32]:
        """Return P(next category) by category number; 0 for categories that are no label."""
        return self._by_category.spread(self.next.labels, chances, items)

    def changed(self) -> Changed:
        """Yield the records changed since the last call, but for what `state` holds."""
        yield from self.buffer.changed()
        yield from self.labelled.changed()
        yield from self.discovery.changed()

    def state(self) -> dict[str, object]:
        """Return all that was learnt as plain values and copies of arrays, for `learners.codec`."""
        return {
            "stated": self.stated.state(),
            "next": self.next.state(),
            "actions": self.actions.state(),
            "filter": self.session_filter.state(),
            "told": self.told.state(),
            "typical": self.typical.state(),
            "emerging": self.discovery.state(),
            "aliases": dict(self.aliases),
            "retired": list(self.retired),
            "edition": self.edition,
            "names": list(self._names),
        }

    def restore(
        self, state: Mapping[str, Any], scan: Callable[[str], Iterator[tuple[str, bytes]]]
    ) -> None:
        """Restore, bit for bit, from `state`; `scan` returns the records of a kind."""
        self.stated = MixtureLearner.from_state(state["stated"])
        self.next = IntentLearner.from_state(state["next"])
        self.actions = IntentLearner.from_state(state["actions"])
        self._change_head()
        self.session_filter = SessionFilter.from_state(state["filter"])
        self.typical = TypicalWords.from_state(state["typical"])
        self.discovery = IntentDiscovery.from_state(state["emerging"], scan(DISCOVERY_KIND))
        self.buffer.restore(scan(BUFFER_KIND))
        self.labelled.restore(scan(LABELLED_KIND))
        self.aliases, self.retired = dict(state["aliases"]), dict.fromkeys(state["retired"])
        self.edition, self._names = state["edition"], list(state["names"])
        self.told.restore(state.get("told"))

    def _before(self, user: IntentRecord, ts: float, session_id: str | None) -> Vector | None:
        """Return the view of what was known before an event, and settle what came before it.

        A session that is over ends: the belief and its account are of one session alone.
        """
        session, self._said = user.session, None
        if session is None:
            return None
        asked = bool(self._names) and not self.stated.labels
        if is_over(session, ts, session_id):
            if asked:
                posterior, n = self._posterior(user), len(self._names)
                belief = self.session_filter.look(user.belief, posterior, self.edition, n)
                self._said = Said(posterior, belief, len(user.trail))
            if self.settings.intent_actions > 0:
                view = self.view(user, session.ts, session.session_id)
                self._teach(self.actions, view, LEAVE, self.settings.intent_actions)
            user.belief, user.trail = None, []
            return None
        seen, posterior = self._seen, None
        if seen is not None and seen[0] is user and seen[1] == ts and seen[2] is not None:
            view, posterior = seen[2], seen[3]
        else:
            view = self.view(user, ts, session_id)
            if not self.stated.labels:
                posterior = self.next.predict(view)
        if not self.stated.labels:
            # The posterior of what came last is asked for here anyway; so it is taken in here.
            self._take(user, posterior)
            if asked:
                self._said = Said(posterior, user.belief, len(user.trail))
        return view

    def _take(self, user: IntentRecord, posterior: Chances | None) -> None:
        """Update the belief of a session and its trail by the newest event."""
        if self._names:
            edition, n = self.edition, len(self._names)
            user.belief = self.session_filter.step(user.belief, posterior, edition, n)
            if user.trail:
                user.trail = settled(user.trail, user.belief, self._names)

    def _look_out(self, interaction: Interaction, label: str | None) -> None:
        """Cluster an event that nobody labelled, and that fits no label, with those like it."""
        vector = interaction.vector
        if vector is None:
            return
        self.discovery.watch(vector)
        if label is not None and label != OUT_OF_SCOPE:
            return
        if self.stated.out_of_scope(vector) >= self.settings.intent_new:
            text = (interaction.text or "")[:LONGEST_TEXT]
            self.discovery.add(interaction.event_id, text, words_of(text), vector)

    def _promote(self, control: Control) -> None:
        cluster = self.discovery.clusters.get(control.cluster or 0)
        if cluster is None:
            raise ValueError(f"there is no cluster {control.cluster}")
        if not control.intent:
            raise ValueError("a label needs a name")
        self.discovery.drop(cluster.number)
        self.retired.pop(control.intent, None)
        self.aliases.pop(control.intent, None)
        for vector in cluster.vectors:
            self._teach(self.stated, vector.astype(np.float32), control.intent, 1.0)
        for example in cluster.examples:
            self.typical.learn(control.intent, words_of(example.text))
            if (kept := self.buffer.find(example.event_id)) is not None:
                self.labelled.add(control.intent, kept.position, kept.encoded, 1.0)

    def _call(self, control: Control) -> None:
        """Rename a label, or merge it into another; later labels of that name follow."""
        old, new = control.intent, control.into or ""
        slot = self.stated.labels.index(old) if old in self.stated.labels else 0
        if control.do == "name":
            self.stated.rename(old, new)
            self.retired.pop(new, None)
        else:
            self.stated.merge(old, new)
            self._drop_slot(slot)
        self.typical.rename(old, new)
        self.labelled.rename(old, new)
        self._names, self._newest = list(self.stated.labels), None
        for alias in [alias for alias, name in self.aliases.items() if name == old]:
            self.aliases[alias] = new
        self.aliases.pop(new, None)
        self.aliases[old] = new
        if len(self.aliases) > _MOST_DECISIONS:
            del self.aliases[next(iter(self.aliases))]

    def _retire(self, label: str) -> None:
        slot = self.stated.labels.index(label) if label in self.stated.labels else 0
        self.stated.retire(label)
        self._drop_slot(slot)
        self.typical.keep(self.stated.labels)
        self.labelled.retire(label)
        self._names, self._newest = list(self.reported.labels), None
        self.retired[label] = None
        if len(self.retired) > _MOST_DECISIONS:
            del self.retired[next(iter(self.retired))]

    def _drop_slot(self, slot: int) -> None:
        """Drop the slot of a label that is gone: beliefs, which go by slot, begin anew."""
        self.edition += 1
        self.session_filter.remove(slot)
        if self._head is not self.reported:
            self._change_head()

    def _learn_next(
        self,
        user: IntentRecord,
        view: Vector | None,
        interaction: Interaction,
        category: str | None,
    ) -> float | None:
        """Learn what the user did next from what was known of them before."""
        if self.settings.intent_actions > 0 and user.session is not None:
            self._teach(self.actions, view, interaction.type, self.settings.intent_actions)
        weight = self.settings.intent_next
        if (
            not category
            or not weight > 0
            or self.known_as(interaction.intent) in self.known_categories
        ):
            return None
        if self.reported is self.next:
            if self._said is not None:
                self.told.prove(self.next, self._said, category)
            if user.belief is not None:
                user.belief = self._observed(user.belief, category, sure=False)
        return self._teach(self.next, view, category, weight)

    def _learn_label(
        self, user: IntentRecord, interaction: Interaction, label: str
    ) -> float | None:
        weight = self.settings.intent_labels
        self.typical.learn(label, words_of(interaction.text))
        self.labelled.add(label, interaction.position, interaction.encoded, weight)
        if self.stated.labels:
            held = user.belief if user.belief and user.belief.edition == self.edition else None
            said = Said(self._posterior(user), held, len(user.trail))
            self.told.prove(self.stated, said, label)
        loss = self._teach(self.stated, interaction.vector, label, weight)
        if user.belief is None or user.belief.edition != self.edition:
            user.belief = self.session_filter.look(None, None, self.edition, len(self._names))
        user.belief = self._observed(user.belief, label, sure=True)
        return loss

    def _learn_late(
        self,
        events: list[tuple[BufferedEvent, Vector | None]],
        name: str,
        late: LateLabel,
        weight: float,
    ) -> None:
        posteriors = [self.stated.predict(vector) for _, vector in events if vector is not None]
        known, whole = name in self.stated.labels, late.event_id is None
        if known and late.source != "teacher":
            by = self.session_filter if whole else None
            for said in whole_session(posteriors, by, self.edition):
                self.told.prove(self.stated, said, name)
        for event, vector in events:
            self._teach(self.stated, vector, name, weight)
            self.labelled.add(name, event.position, event.encoded, weight)
            self.typical.learn(name, words_of(event.text))
        if whole and known and posteriors:
            self.session_filter.tell_all(posteriors, self._names.index(name))

    def _observed(self, belief: Belief, label: str, *, sure: bool) -> Belief:
        """Teach the filter and a belief which need it was."""
        if belief.edition != self.edition or label not in self._names:
            return belief
        if len(belief.shares) < len(self._names):
            belief = self.session_filter.look(belief, None, self.edition, len(self._names))
        slot = self._names.index(label)
        return (
            self.session_filter.tell(belief, slot)
            if sure
            else self.session_filter.observe(belief, slot)
        )

    def _teach(
        self, learner: LabelLearner, view: Vector | None, label: str, weight: float
    ) -> float | None:
        """Teach one learner, and note labels that are new in it."""
        loss = learner.learn(view, label, weight)
        self._seen = self._newest = None
        labels, before = self.reported.labels, self._names
        if labels != before or self._head is not self.reported:
            self._relabel(before, labels)
        return loss

    def _change_head(self) -> None:
        """Begin anew what goes by the needs that are reported: they are others from now on."""
        self.session_filter, self._head = SessionFilter(self.session_filter.settings), self.reported
        self.told = ToldChances(self.settings, by_label=self._head is self.stated)

    def _relabel(self, before: list[str], labels: list[str]) -> None:
        """Update what stands beside the labels where one is new, or took another's place."""
        if not before or self._head is not self.reported:
            self.edition += 1
            self._change_head()
        for slot, (old, new) in enumerate(zip(before, labels, strict=False)):
            if old != new:
                self.session_filter.clear(slot)
        if labels[: len(before)] != before:
            self.typical.keep(self.stated.labels)
        self._names = list(labels)

    def _posterior(self, user: IntentRecord) -> Chances | None:
        """Return what the newest event says, None where it says nothing."""
        if not self.stated.labels:
            return self.predict(user) if self.next.labels else None
        if user.newest is None:
            return None
        if self._newest is None or self._newest[0] is not user:
            self._newest = (user, self.stated.predict(user.newest))
        return self._newest[1]


def _mixed(
    tracker: IntentTracker, user: IntentRecord, intent: dict[str, float], belief: dict[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Mix into what is reported what the user is likely to do next, as the settings say."""
    of, sources = tracker.settings, [(tracker.actions, tracker.settings.intent_actions)]
    share = of.intent_actions / ((of.intent_actions + of.intent_next) or 1.0)
    if tracker.reported is tracker.stated:
        share = of.intent_inferred
        sources.append((tracker.next, of.intent_next))
    if not share > 0:
        return intent, belief
    following = likely(sources, tracker.view(user))
    return blend(intent, following, share), blend(belief, following, share)
