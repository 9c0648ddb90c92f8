"""The language model in a thread of its own: requests in, answers out, the stream never waits.

A search takes seconds, so nothing here is called from it: what the catalogue loses meanwhile
is asked of `is_live` when an answer is made, and checked again where it is taken up.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from dataflows.generation.queue import Answer, Backlog, Request, Responder
from dataflows.lifecycle.rare_warnings import RareWarnings
from dataflows.messages.items import ItemRecord
from encoders.llm.decoding.kv_cache import DecodingStopped, ended_by

_LOOK_EVERY = 0.1

_log = logging.getLogger(__name__)


class Worker:
    """A queue whose responder works in the background, in whose thread `open_responder` is called.

    At most `most` requests of a kind wait (and about as many answers of a shard), `batch` are
    answered at once; a user's newer request takes the place of their older one. `stop` ends
    the waiting for answers. What a responder raises is logged, and counted
    in `counts`; the requests of that batch stay unanswered. `nice` lowers the priority of the
    thread where the system can.
    """

    is_prompt = False

    def __init__(
        self,
        open_responder: Callable[[], Responder],
        batch: int,
        most: int,
        nice: int = 0,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._open_responder = open_responder
        self._batch = batch
        self._nice = nice
        self._stop = stop
        self._waiting = Backlog(most)
        self._kept = most + batch
        self._changes: dict[str, ItemRecord | None] = {}
        self._answers: dict[int, deque[Answer]] = {}
        self._source: int | None = None
        self._stopped = False
        self._turn = 0
        self._busy = False
        self._seldom = RareWarnings(_log)
        self._ready = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="language-model", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and wait for the thread to end: a search in hand is given up.

        What waits stays unanswered. A thread that still computed when the interpreter ends
        would bring the process down.
        """
        with self._ready:
            self._stopped = True
            self._ready.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def drain(self, seconds: float) -> bool:
        """Wait until all requests are answered; False where that took longer, or at a stop."""
        end = time.monotonic() + seconds
        with self._ready:
            while not self._stopped and (self._busy or len(self._waiting)):
                left = end - time.monotonic()
                if left <= 0 or self._stop():
                    return False
                self._ready.wait(min(left, _LOOK_EVERY))
        return True

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def put_item(self, shard: int, record: ItemRecord) -> None:
        """Put an item that is new or changed, or no longer available."""
        self._change(shard, record.item_id, record)

    def remove_item(self, shard: int, item_id: str) -> None:
        """Remove an item that left the catalogue."""
        self._change(shard, item_id, None)

    def ask(self, job: Request) -> None:
        """Put a request down."""
        with self._ready:
            if not self._stopped:
                before = self._waiting.dropped
                self._waiting.put(job)
                self.counts["generate_dropped"] += self._waiting.dropped - before
                self._ready.notify_all()

    def take(self, shard: int) -> list[Answer]:
        """Pick up what is answered for a shard."""
        if shard not in self._answers:  # asked at every micro-batch
            return []
        with self._ready:
            return list(self._answers.pop(shard))

    def is_awaited(self, shard: int) -> bool:
        """Return whether there is, or may yet come, something to pick up for a shard."""
        with self._ready:
            is_at_work = not self._stopped and (self._busy or len(self._waiting) > 0)
            return is_at_work or shard in self._answers

    def _change(self, shard: int, item_id: str, record: ItemRecord | None) -> None:
        """Note a change of the catalogue; all shards see the same, so one of them is enough."""
        with self._ready:
            if self._source is None:
                self._source = shard
            if self._source == shard and not self._stopped:
                self._changes[item_id] = record

    def _run(self) -> None:
        _lower_priority(self._nice)
        try:
            responder = self._open_responder()
        except Exception as error:  # noqa: BLE001 - whatever it is, the stream goes on
            _log.error("the language model cannot be used, nothing is generated: %s", error)
            with self._ready:
                self.counts["generate_unavailable"] += 1
                self._stopped = True
                self._changes.clear()
                self._ready.notify_all()
            return
        while jobs := self._next():
            self._work(responder, jobs)

    def _next(self) -> list[Request]:
        """Wait for requests; give some of one kind, the kinds in turn. [] at the end."""
        with self._ready:
            self._busy = False
            self._ready.notify_all()
            self._ready.wait_for(lambda: self._stopped or len(self._waiting) > 0)
            if self._stopped:
                return []
            kinds = self._waiting.kinds()
            self._turn += 1
            self._busy = True
            return self._waiting.take(kinds[self._turn % len(kinds)], self._batch)

    def _work(self, responder: Responder, jobs: list[Request]) -> None:
        with self._ready:
            changes, self._changes = self._changes, {}
        kind = jobs[0].kind
        try:
            for item_id, record in changes.items():
                if record is None:
                    responder.remove_item(item_id)
                else:
                    responder.put_item(record)
            with ended_by(lambda: self._stopped):
                answers = responder.answer(kind, [job.what for job in jobs], self._is_live)
        except DecodingStopped:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the stream goes on
            self.counts["generate_failed"] += 1
            self._tell(kind, error)
            return
        with self._ready:
            for job, what in zip(jobs, answers, strict=True):
                if what is not None:
                    kept = self._answers.setdefault(job.shard, deque(maxlen=self._kept))
                    self.counts["generate_dropped"] += len(kept) == self._kept
                    kept.append(Answer(kind, what))

    def _is_live(self, item_id: str) -> bool:
        """Return whether an item is as it was when the answer was begun."""
        with self._ready:
            return item_id not in self._changes

    def _tell(self, kind: str, error: Exception) -> None:
        self._seldom.warn("failed", "%s could not be generated: %s", kind, error)


def _lower_priority(nice: int) -> None:
    """Lower the priority of this thread alone; only Linux counts it by thread."""
    if nice and sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
