"""Keep what the flow's engine prints of an error in a step off stderr: the error has its own line.

Bytewax carries an error of ours through Rust as a panic, and Rust prints a notice of that on
file descriptor 2, which no setting leaves out. So from the moment when a step raises until the
error is back in Python, nothing but the log and what Python prints reaches stderr.

    with hushed():          # around the flow
        ...
            @hushing        # on what Bytewax calls
            def next_batch(self): ...
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import IO, ParamSpec, TypeVar

from dataflows.lifecycle.exit_status import DEBUG

STDERR = 2

P = ParamSpec("P")
R = TypeVar("R")


class _Hush:
    """Sends file descriptor 2 to nowhere while on; the log and `sys.stderr` keep the real one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._real: IO[str] | None = None
        self._stderr = sys.stderr
        self._moved: list[logging.StreamHandler[IO[str]]] = []

    def arm(self) -> None:
        with self._lock:
            self._depth += 1

    def disarm(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._off()

    def on(self) -> None:
        with self._lock:
            if self._depth and self._real is None:
                self._on()

    def _on(self) -> None:
        self._stderr = sys.stderr
        self._stderr.flush()
        self._real = os.fdopen(os.dup(STDERR), "w", buffering=1, errors="backslashreplace")
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr:
                handler.setStream(self._real)
                self._moved.append(handler)
        sys.stderr = self._real
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a descriptor, not a text
            os.dup2(nowhere.fileno(), STDERR)

    def _off(self) -> None:
        real, self._real = self._real, None
        if real is None:
            return
        real.flush()
        os.dup2(real.fileno(), STDERR)
        for handler in self._moved:
            handler.setStream(self._stderr)
        self._moved.clear()
        sys.stderr = self._stderr
        real.close()


_hush = _Hush()


@contextmanager
def hushed() -> Iterator[None]:
    """Print nothing of errors on their way through the engine, while inside."""
    begin()
    try:
        yield
    finally:
        end()


def begin() -> None:
    """Begin what `hushed` does; with PENCHANT_DEBUG set, all is printed."""
    if not os.environ.get(DEBUG):
        _hush.arm()


def end() -> None:
    """End what `begin` began: stderr is whole again."""
    if not os.environ.get(DEBUG):
        _hush.disarm()


def hushing(step: Callable[P, R]) -> Callable[P, R]:
    """Wrap a step so that its errors pass through the engine without a word of the engine's."""

    @wraps(step)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step(*args, **kwargs)
        except StopIteration:  # the end of a source
            raise
        except Exception:
            _hush.on()
            raise

    return guarded
