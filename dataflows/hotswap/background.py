"""Work in the background that leaves the flow its cores, and Python's lock."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NICE = 5
"""Enough to go behind; one that is much nicer starves where others keep all cores busy."""
SHARE = 0.5
"""The most of its time for which the thread works, between rests."""
_SWITCH_INTERVAL = 0.001
"""How long a thread in the midst of Python code may keep another waiting, in seconds."""
_SHORTEST = 0.0005


@contextmanager
def gentle() -> Iterator[Pause]:
    """Make this thread nice for good, and threads quick to hand on the lock while inside."""
    with suppress(OSError, AttributeError):  # where threads have no priority of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SWITCH_INTERVAL))
    try:
        yield Pause()
    finally:
        sys.setswitchinterval(before)


class Pause:
    """Rests after each slice of work, for as long as the slice took of a processor.

    Time for which the thread only waited for one counts as rest.
    """

    def __init__(self, share: float = SHARE) -> None:
        self._rest = (1.0 - share) / share
        self._since = time.thread_time()

    def __call__(self) -> None:
        """Rest, then begin the next slice. Call it in the thread that works."""
        worked = time.thread_time() - self._since
        if worked * self._rest > _SHORTEST:
            time.sleep(worked * self._rest)
            self._since = time.thread_time()
