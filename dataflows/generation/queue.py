"""Requests for the language model: where they wait, and how many there may be.

Two things take them. `InLine` answers at once, in the caller's thread: what comes of which event
depends on nothing but the events. `dataflows.generation.worker.Worker` answers in the background.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, Protocol

from dataflows.messages.items import ItemRecord

_USERS = 50_000
"""Users of whom an `Allowance` remembers the last request, the newest."""


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


class Allowance:
    """At most `per_minute` in all, and one of a user within `seconds`; times are seconds.

    What was not used is saved up for a minute.
    """

    def __init__(self, per_minute: float, seconds: float) -> None:
        self._rate = per_minute / 60.0
        self._most = max(1.0, per_minute)
        self._left = self._most
        self._at: float | None = None
        self._seconds = seconds
        self._last: OrderedDict[str, float] = OrderedDict()

    def take(self, user_id: str, now: float) -> bool:
        """Return whether there may be one for this user now, and count it if so."""
        if self._at is not None:
            self._left = min(self._most, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        last = self._last.get(user_id)
        if self._left < 1.0 or (last is not None and 0 <= now - last < self._seconds):
            return False
        self._left -= 1.0
        self._last[user_id] = now
        self._last.move_to_end(user_id)
        if len(self._last) > _USERS:
            self._last.popitem(last=False)
        return True
