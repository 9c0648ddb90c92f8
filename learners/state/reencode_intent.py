"""The learners of intent in another encoder's space, trained anew from the texts that are kept.

They are made beside those that serve: first from the newest texts of every label, then from
the newest events of all users in their order, as if those had come now. What does not hang
on vectors (typical words, decisions, what may still be labelled) is taken over as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from learners.intent.decisions import Control, Do
from learners.intent.event_buffer import RETRACTED, BufferedEvent, EventBuffer
from learners.intent.labelled_texts import Labelled
from learners.intent.record import is_over
from learners.intent.tracker import IntentTracker
from learners.signals.searches import newest
from learners.signals.semantic import SemanticIndex
from learners.types import Interaction, Vector
from learners.users.user import User

Encode = Callable[[Sequence[str | None]], Sequence[Vector | None]]
"""Texts to unit vectors (dim,) of the new encoder; None for what has no text, or says nothing."""

_Labelled = tuple[str, Labelled]


class IntentReencoding:
    """An intent tracker in the making. `users` are those of the events learnt, with new sessions.

    What they search for is looked up in `semantic`, the index of the new space.
    """

    def __init__(self, live: IntentTracker, semantic: SemanticIndex) -> None:
        self._semantic = semantic
        self.tracker = IntentTracker(live.dim, live.settings, live.known_categories)
        self.tracker.buffer = EventBuffer(0)
        self.tracker.aliases, self.tracker.retired = dict(live.aliases), dict(live.retired)
        self.users: dict[str, User] = {}
        self._vectors: dict[int, Vector] = {}
        self._taught: set[int] = set()
        self._to_do: deque[BufferedEvent | _Labelled] = deque()
        self._position, self._clock = -1, 0
        self._newest = 0.0

    def __len__(self) -> int:
        return len(self._to_do)

    def follow(self, live: IntentTracker) -> None:
        """Note what came since the last call; `live` must not change meanwhile."""
        events, labels = live.buffer.since(self._position), live.labelled.since(self._clock)
        first = events[0].position if events and self._position < 0 else 0
        self._to_do += [pair for pair in labels if pair[1].position < first]
        self._to_do += events
        self._to_do += [pair for pair in labels if pair[1].position >= first]
        if events:
            self._position = events[-1].position
        if labels:
            self._clock = labels[-1][1].clock

    def step(self, encode: Encode, most: int) -> int:
        """Learn from at most so many texts; return how many are left."""
        chosen = [self._to_do.popleft() for _ in range(min(most, len(self._to_do)))]
        vectors = encode([_text(one) for one in chosen])
        for one, vector in zip(chosen, vectors, strict=True):
            if isinstance(one, BufferedEvent):
                self._learn(one, vector)
            else:
                self._teach(*one, vector)
        return len(self._to_do)

    def take_over(self, live: IntentTracker) -> IntentTracker:
        """Return the new ones, which stand from now on for `live`; all must have been learnt."""
        made = self.tracker
        for label in list(made.stated.labels):
            self._decide(label, live.known_as(label))
        made.aliases, made.retired = live.aliases, live.retired
        made.typical, made.labelled, made.buffer = live.typical, live.labelled, live.buffer
        if made.stated.labels:
            made.typical.keep(made.stated.labels)
        for event in made.buffer.retracted():
            if self._vectors.pop(event.position, None) is not None:  # learnt before it was
                self.users.pop(event.user_id, None)
        made.buffer.set_vectors(self._vectors)
        made.discovery.succeed(live.discovery)
        made.clock, made.seconds = live.clock, live.seconds
        edition, made.edition = made.edition, live.edition + 1
        for user in self.users.values():
            belief = user.intent.belief
            if belief is not None:
                is_new = belief.edition == edition
                moved = msgspec.structs.replace(belief, edition=made.edition) if is_new else None
                user.intent.belief = moved
        return made

    def active(self) -> dict[str, User]:
        """Return the users whose session was not over when the newest event came."""
        return {
            user_id: user
            for user_id, user in self.users.items()
            if user.intent.session is not None
            and not is_over(user.intent.session, self._newest, None)
        }

    def _learn(self, event: BufferedEvent, vector: Vector | None) -> None:
        if event.labelled == RETRACTED:
            return
        label = event.label if event.labelled == "label" else None
        one = Interaction(
            event.position,
            event.event_id,
            event.user_id,
            None,
            event.type,
            event.ts,
            vector=vector,
            intent=label,
            session_id=event.session_id,
            text=event.text or None,
        )
        user = self.users.setdefault(event.user_id, User())
        if event.is_search:
            user.search = newest(one, user.search, 0, self._semantic)
        self.tracker.learn(one, user.intent, event.category)
        self._newest = max(self._newest, event.ts)
        if vector is not None:
            self._vectors[event.position] = vector
        if label:
            self._taught.add(event.position)
        elif event.labelled == "teacher" and event.label:
            weight = self.tracker.settings.intent_teacher
            self._teach(event.label, Labelled(0, event.position, "", weight), vector)

    def _teach(self, label: str, kept: Labelled, vector: Vector | None) -> None:
        """Teach a label from a text of its own, unless that was done with its event."""
        if kept.position in self._taught or not kept.weight > 0:
            return
        self._taught.add(kept.position)
        self.tracker.teach(vector, label, kept.weight)

    def _decide(self, label: str, name: str | None) -> None:
        """Carry out what was decided about a label while this was made."""
        if name is None:
            self.tracker.control(Control("retire", label))
        elif name != label:
            do: Do = "merge" if name in self.tracker.stated.labels else "name"
            self.tracker.control(Control(do, label, name))


def _text(one: BufferedEvent | _Labelled) -> str | None:
    return one.encoded if isinstance(one, BufferedEvent) else one[1].encoded
