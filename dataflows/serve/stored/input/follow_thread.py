"""The thread that follows the input, and what is told of how far it is."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from dataflows.errors import InputError
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.raw import Raw
from dataflows.serve.api_types import Readiness
from dataflows.serve.status import Lag
from dataflows.serve.stored.input.follower import Follower
from dataflows.serve.stored.store.answer_store import AnswerStore
from dataflows.serve.stored.store.store_writer import StoreWriter

AGAIN_SECONDS = 1.0
"""Between two tries of what failed."""
CLOSING_SECONDS = 10.0
_log = logging.getLogger(__name__)


class FollowThread:
    """Takes what a follower gives into the store until it is stopped.

    Each list that changed is handed to `publish`, once all is read that was there at the start:
    what came before that is no news. Whatever fails is told, and tried again. Once it has
    caught up it is ready for good: with a broker that is away what is stored is still the newest
    that can be had, and its age is told.
    """

    def __init__(
        self,
        store: AnswerStore,
        writer: StoreWriter,
        follower: Follower,
        stop: threading.Event,
        publish: Callable[[str, bytes], object],
    ) -> None:
        self.taken = 0
        """Records taken in since the start."""
        self.lists = 0
        """Lists that took the place of others since the start."""
        self._store = store
        self._writer = writer
        self._follower = follower
        self._stop = stop
        self._publish = publish
        self._is_ready = False
        self._held: list[Raw] = []
        self._error: str | None = None
        self._seldom = RareWarnings(_log)
        self._thread = threading.Thread(target=self._run, name="stored-following", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and wait for what is being written."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSING_SECONDS)
        if not self._thread.is_alive():
            self._follower.close()

    @property
    def is_ready(self) -> bool:
        """Whether all was taken in that was there at the start."""
        return self._is_ready

    def lag(self) -> tuple[Lag, ...]:
        """Return how much of each input is not yet taken, where that is known."""
        return self._follower.lag()

    def readiness(self) -> Readiness:
        """Return whether answers are as new as can be, how old they are, and what is amiss."""
        checks = dict(self._follower.checks())
        counts = self._store.counts()
        taken = ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "nothing yet"
        checks["taken"] = taken
        checks["store"] = self._error or f"{self._store.path}: whole"
        newest = self._store.fact("time")
        return Readiness(
            is_ready=self._is_ready and self._error is None,
            checks=checks,
            age_seconds=None if newest is None else _age(newest),
            as_of=self._store.as_of(),
        )

    def step(self) -> None:
        """Take in what has come by now. Raises InputError."""
        self._held = self._held or list(self._follower.take())
        if self._held:
            changed = self._writer.take(self._held)
            raws, self._held = self._held, []
            self.taken += len(raws)
            self.lists += len(changed)
            self._follower.stored({raw.partition: raw.next_offset for raw in raws})
            if self._is_ready:
                for user_id, message in changed:
                    self._publish(user_id, in_one_line(message))
        self._error = None
        if not self._is_ready and self._follower.is_caught_up:
            self._store.set_complete()
            self._is_ready = True
            _log.info("%s: caught up with the input; ready", self._store.path)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            # Whatever fails, what is stored goes on answering, and readiness tells of it.
            except Exception as error:  # noqa: BLE001
                if self._stop.is_set():
                    return  # the store may be closed already
                is_told = isinstance(error, InputError)
                self._error = str(error) if is_told else f"{type(error).__name__}: {error}"
                self._seldom.warn(self._error, "%s; tried again", self._error)
                self._stop.wait(AGAIN_SECONDS)


def in_one_line(message: bytes) -> bytes:
    """Return JSON without line ends: those who follow the stream read it by lines."""
    if b"\n" in message or b"\r" in message:
        return msgspec.json.format(message, indent=-1)
    return message


def _age(time_text: str) -> float:
    return max(0.0, time.time() - datetime.fromisoformat(time_text).astimezone(UTC).timestamp())
