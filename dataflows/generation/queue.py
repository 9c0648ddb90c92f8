"""Where requests for the language model are put down and answers are picked up.

`InLine` answers at once, in the caller's thread: what comes of which event depends on nothing
but the events. `Worker` (another file) answers in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, Protocol

from dataflows.messages.items import ItemRecord


class Request(NamedTuple):
    """A request of a `kind`: one of the same `key` that still waits is replaced by it."""

    kind: str
    shard: int
    key: Hashable
    what: Any


class Answer(NamedTuple):
    """What came of a request."""

    kind: str
    what: Any


class Responder(Protocol):
    """Answers requests; for one thread at a time."""

    def put_item(self, record: ItemRecord) -> None:
        """Put an item that is new or changed, or no longer available."""
        ...

    def remove_item(self, item_id: str) -> None:
        """Remove an item that left the catalogue."""
        ...

    def answer(
        self, kind: str, what: Sequence[Any], is_live: Callable[[str], bool] | None
    ) -> list[Any]:
        """Answer requests of one kind, one answer for each; None where there is nothing to say.

        An item for which `is_live` says no left while the answer was made.
        """
        ...


class RequestQueue(Protocol):
    """Takes requests of a shard, and has the answers to them.

    `is_prompt`: answers lie ready as soon as `ask` returns.
    """

    is_prompt: bool

    def put_item(self, shard: int, record: ItemRecord) -> None:
        """Put an item that is new or changed, or no longer available."""
        ...

    def remove_item(self, shard: int, item_id: str) -> None:
        """Remove an item that left the catalogue."""
        ...

    def ask(self, job: Request) -> None:
        """Put a request down; never waits for an answer."""
        ...

    def take(self, shard: int) -> list[Answer]:
        """Pick up what is answered."""
        ...

    def is_awaited(self, shard: int) -> bool:
        """Return whether there is, or may yet come, something to pick up for a shard."""
        ...

    def drain(self, seconds: float) -> bool:
        """Wait until all requests are answered; False where that took longer."""
        ...


class Backlog:
    """Requests by kind and key, the oldest first; of a kind at most `most`, the oldest goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kinds: dict[str, dict[Hashable, Request]] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return sum(map(len, self._kinds.values()))

    def kinds(self) -> list[str]:
        """Return the kinds of which one waits."""
        return [kind for kind, jobs in self._kinds.items() if jobs]

    def put(self, job: Request) -> None:
        """Add a request; one of its key that waits already keeps its place."""
        jobs = self._kinds.setdefault(job.kind, {})
        if job.key not in jobs and len(jobs) >= self._most:
            del jobs[next(iter(jobs))]
            self.dropped += 1
        jobs[job.key] = job

    def take(self, kind: str, most: int) -> list[Request]:
        """Return and forget the oldest of a kind."""
        jobs = self._kinds.get(kind, {})
        return [jobs.pop(key) for key in list(jobs)[:most]]


class InLine:
    """Answers each request at once, in the caller's thread."""

    is_prompt = True

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._answers: list[Answer] = []

    def put_item(self, shard: int, record: ItemRecord) -> None:  # noqa: ARG002 - there is one
        """Put an item that is new or changed, or no longer available."""
        self._responder.put_item(record)

    def remove_item(self, shard: int, item_id: str) -> None:  # noqa: ARG002 - there is one
        """Remove an item that left the catalogue."""
        self._responder.remove_item(item_id)

    def ask(self, job: Request) -> None:
        """Put a request down, and have it answered."""
        answers = self._responder.answer(job.kind, [job.what], None)
        self._answers += [Answer(job.kind, what) for what in answers if what is not None]

    def take(self, shard: int) -> list[Answer]:  # noqa: ARG002 - there is one
        """Pick up what is answered."""
        answers, self._answers = self._answers, []
        return answers

    def is_awaited(self, shard: int) -> bool:  # noqa: ARG002 - there is one
        """Return whether there is something to pick up."""
        return bool(self._answers)

    def drain(self, seconds: float) -> bool:  # noqa: ARG002 - nothing ever waits
        """Return True: all requests are answered already."""
        return True
