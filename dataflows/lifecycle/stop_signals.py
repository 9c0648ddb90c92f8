"""Stopping a process cleanly on SIGTERM and SIGINT."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stopped_by_signals(
    stop: threading.Event, signals: tuple[signal.Signals, ...] = SIGNALS
) -> Iterator[None]:
    """Set `stop` at the first of `signals`, while inside; the second has its old effect.

    Outside the main thread, which alone may say what a signal does, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler(stop)) for number in signals}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def handler(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    """Return a handler that sets `stop` at the first signal and ends us at once at a second."""

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    return handle
