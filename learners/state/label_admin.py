"""Labels of intent in a stored state: looked at, and decided on while nothing runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from learners.codec import pack, unpack
from learners.intent.decisions import Control
from learners.intent.tracker import IntentTracker
from learners.settings import LearnerSettings
from learners.state.records import SHARED_KIND, SHARED_VERSION

_SHARED = "all"


class Label(NamedTuple):
    """A label: how many examples of it count (old ones fade), and its typical words."""

    name: str
    examples: float
    words: list[str]


class Proposal(NamedTuple):
    """A cluster that has grown: how many events it had, its words, and the texts of some."""

    cluster: int
    events: int
    words: list[str]
    examples: list[str]


class Overview(NamedTuple):
    """All that can be decided on. `aliases` are old names and what they mean now."""

    labels: list[Label]
    proposals: list[Proposal]
    aliases: dict[str, str]
    retired: list[str]


class Decisions:
    """The labels in the records of one shard; `load` and `scan` read them.

    Raises `learners.codec.StateError` where they are damaged.
    """

    def __init__(
        self,
        load: Callable[[str, str], bytes | None],
        scan: Callable[[str], Iterator[tuple[str, bytes]]],
    ) -> None:
        blob = load(SHARED_KIND, _SHARED)
        self._state: dict[str, Any] | None = None
        self.tracker = IntentTracker(0)
        if blob is not None:
            self._state = unpack(blob, SHARED_KIND, SHARED_VERSION)
            stored = self._state["needs"]
            settings = msgspec.structs.replace(LearnerSettings(), dim=stored["stated"]["dim"])
            self.tracker = IntentTracker(settings.dim, settings)
            self.tracker.restore(stored, scan)

    def decide(self, control: Control) -> list[tuple[str, str, bytes | None]]:
        """Carry out a decision; return the records to write. Raises `ControlError`."""
        self.tracker.control(control)
        if self._state is None:
            return []
        self._state["needs"] = self.tracker.state()
        shared = pack(SHARED_KIND, SHARED_VERSION, self._state)
        return [*self.tracker.changed(), (SHARED_KIND, _SHARED, shared)]

    def overview(self, words: int = 5) -> Overview:
        """Return what there is, the labels with most examples and the largest clusters first."""
        tracker = self.tracker
        known: Any = tracker.stated.state()["labels"]
        counted = zip(known["names"], known["counts"].tolist(), strict=True)
        labels = [Label(name, n, tracker.typical.typical(name, words)) for name, n in counted]
        proposals = [
            Proposal(
                cluster.number,
                cluster.count,
                tracker.typical.apart(cluster.words, words),
                [example.text for example in cluster.examples],
            )
            for cluster in tracker.discovery.proposed()
        ]
        labels.sort(key=lambda label: (-label.examples, label.name))
        return Overview(labels, proposals, dict(tracker.aliases), list(tracker.retired))
