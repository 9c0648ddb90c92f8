"""What is learnt of everybody's intents, and kept in step with the labels that are reported.

Three sources tell of needs: labels that events carry or that come later (`stated`), what the user
does next (`next`, the first category of the next item; `actions`, the type of the next event, or
"leave"). Reported are the labels; until one is known, what the user does next stands in. What goes
by the slots of the labels that are reported, the session filter and the calibration, begins anew
where these become others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from learners.classifiers.base import LabelLearner
from learners.classifiers.mixture import MixtureLearner
from learners.classifiers.softmax import IntentLearner
from learners.intent.calibration import ToldChances
from learners.intent.discovery import KIND as DISCOVERY_KIND
from learners.intent.discovery import IntentDiscovery
from learners.intent.event_buffer import KIND as BUFFER_KIND
from learners.intent.event_buffer import EventBuffer
from learners.intent.keywords import TypicalWords
from learners.intent.labelled_texts import KIND as LABELLED_KIND
from learners.intent.labelled_texts import LabelledTexts
from learners.intent.session_belief import SessionFilter
from learners.settings import LearnerSettings
from learners.types import Vector

Changed = Iterator[tuple[str, str, bytes | None]]

DEFAULT = LearnerSettings()


class IntentState:
    """The learners of intent and what stands beside their labels.

    Arguments:
        dim: the size of event vectors, 0 for none: then only priors are learnt.
        settings: weights of the sources of labels (`intent_*` of `LearnerSettings`).
        categories: the known names of categories, by number: a label that is one teaches
            `next` too.

    `stated`, a mixture of experts (`learners.classifiers.mixture`), classifies an event's own
    vector (dim,) by the labels that events carry; `next` and `actions` are online softmax
    regressions over (2 * dim,), the newest vector beside the mean of the session. `reported` is
    the one of them that is told, `names` are its labels, and `edition` counts how often slots of
    it became others. `session_filter` is the forward filter of a hidden Markov model over the
    labels of a session (Rabiner, 1989). `told` tells what they say as it was found to come true.
    `aliases` are the names that labels have now by those of before, `retired` those that are
    learnt no more.
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
        self.reported: LabelLearner = self.next
        self.names: list[str] = []
        self.edition = 0
        self.session_filter = SessionFilter()
        self.told = ToldChances(settings)
        self.typical = TypicalWords()
        self.buffer = EventBuffer(settings.intent_pending)
        self.labelled = LabelledTexts()
        self.discovery = IntentDiscovery()
        self.aliases: dict[str, str] = {}
        self.retired: dict[str, None] = {}
        self.known_categories = categories if categories is not None else {}

    def known_as(self, label: str | None) -> str | None:
        """Return the name under which a label is learnt now, None where it is retired, or none."""
        if label is None or not (self.aliases or self.retired):
            return label
        label = self.aliases.get(label, label)
        return None if label in self.retired else label

    def learn_label(self, vector: Vector | None, label: str, weight: float) -> float | None:
        """Teach `stated` an example; return its log loss (nats), None where nothing was learnt."""
        loss = self.stated.learn(vector, label, weight)
        self.follow_labels()
        return loss

    def follow_labels(self) -> None:
        """Update what stands beside the labels that are reported, where these became others."""
        before, labels = self.names, (self.stated if self.stated.labels else self.next).labels
        is_other = bool(self.stated.labels) is not (self.reported is self.stated)
        if labels == before and not is_other:
            return
        if not before or is_other:
            self.edition += 1
            self.change_reported()
        for slot, (old, new) in enumerate(zip(before, labels, strict=False)):
            if old != new:
                self.session_filter.clear(slot)
        if labels[: len(before)] != before:
            self.typical.keep(self.stated.labels)
        self.names = list(labels)

    def change_reported(self) -> None:
        """Begin anew what goes by the needs that are reported: they are others from now on."""
        self.reported = self.stated if self.stated.labels else self.next
        self.session_filter = SessionFilter(self.session_filter.settings)
        self.told = ToldChances(self.settings, by_label=self.reported is self.stated)

    def drop_slot(self, slot: int) -> None:
        """Drop the slot of a label that is gone: beliefs, which go by slot, begin anew."""
        self.edition += 1
        self.session_filter.remove(slot)
        if not self.stated.labels and self.reported is self.stated:
            self.change_reported()

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
            "names": list(self.names),
        }

    def restore(
        self, state: Mapping[str, Any], scan: Callable[[str], Iterator[tuple[str, bytes]]]
    ) -> None:
        """Restore, bit for bit, from `state`; `scan` returns the records of a kind."""
        self.stated = MixtureLearner.from_state(state["stated"])
        self.next = IntentLearner.from_state(state["next"])
        self.actions = IntentLearner.from_state(state["actions"])
        self.change_reported()
        self.session_filter = SessionFilter.from_state(state["filter"])
        self.typical = TypicalWords.from_state(state["typical"])
        self.discovery = IntentDiscovery.from_state(state["emerging"], scan(DISCOVERY_KIND))
        self.buffer.restore(scan(BUFFER_KIND))
        self.labelled.restore(scan(LABELLED_KIND))
        self.aliases, self.retired = dict(state["aliases"]), dict.fromkeys(state["retired"])
        self.edition, self.names = state["edition"], list(state["names"])
        self.told.restore(state.get("told"))
