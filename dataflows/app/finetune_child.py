"""The fine-tuning flow as a child of the running stream, which it can never hold up or harm.

It has a process of its own, at a low priority; it is started again, after a pause that grows,
when it crashes; it is ended with the stream, whatever state it is in. The stream shares
nothing with it but the registry on disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from dataflows.config.config import Config
from dataflows.finetune.process import MODULE, FinetuneJob
from dataflows.lifecycle import child_process

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
"""Seconds before a start after a crash: the first, doubled each time up to the longest."""
LONG_RUN = 600.0
"""Seconds after which a run counts as a good one: the next pause is the first again."""
GRACE = 5.0
"""Seconds that it has to end by itself when the stream ends."""
GLANCE = 0.1

_log = logging.getLogger(__name__)


class Child:
    """A process that is started again when it crashes, looked after by a thread.

    `start` gives the process, and may raise OSError. Once `is_ending` says that the stream is
    about to end the process is ended too, so that nobody has to wait for the one after the other.
    """

    def __init__(
        self,
        start: Callable[[], child_process.ProcessOfOurs],
        first_pause: float = FIRST_PAUSE,
        grace: float = GRACE,
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        self.starts = 0
        self.pid: int | None = None
        self._start = start
        self._first_pause = first_pause
        self._grace = grace
        self._is_ending = is_ending
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="fine-tuning", daemon=True)

    def begin(self) -> None:
        """Start it. Never waits, never raises for what the child does."""
        self._thread.start()

    def end(self) -> None:
        """End it, within `grace` seconds."""
        self._stop.set()
        self._thread.join()

    def _look_after(self) -> None:
        pause = self._first_pause
        while not self._stop.is_set():
            began = time.monotonic()
            status = self._run()
            if status is None or self._stop.is_set() or self._is_ending():
                return
            if time.monotonic() - began >= LONG_RUN:
                pause = self._first_pause
            _log.warning("fine-tuning %s; it is started again in %.0f s", status, pause)
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _run(self) -> str | None:
        """Run it to its end; say how that was, None for a good one."""
        try:
            process = self._start()
        except OSError as error:
            return f"cannot be started ({error})"
        self.starts += 1
        self.pid = process.pid
        while process.poll() is None:
            if self._stop.wait(GLANCE) or self._is_ending():
                break
        is_by_itself = process.poll() is not None
        status = child_process.end(process, self._grace)
        if not is_by_itself:
            return None
        if status == 0:
            _log.info("fine-tuning ended: its input is read to the end")
            return None
        return f"ended with {'signal' if status < 0 else 'status'} {abs(status)}"


@contextmanager
def fine_tuned_beside(
    config: Config, is_ending: Callable[[], bool] = lambda: False
) -> Iterator[Child | None]:
    """Run the fine-tuning flow beside, while inside, where the configuration says so."""
    if not config.finetune.enabled:
        yield None
        return
    line = msgspec.json.encode(FinetuneJob(config))
    child = Child(lambda: child_process.start(MODULE, line), is_ending=is_ending)
    child.begin()
    try:
        yield child
    finally:
        child.end()
