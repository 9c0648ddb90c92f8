"""Where each thread of the process is, in a line of the log for each."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from traceback import walk_stack
from types import FrameType

DEEPEST = 24
"""Calls of a thread that are shown, the innermost ones."""


def stacks(without: int | None = None) -> Iterator[str]:
    """Yield `thread NAME: FILE:LINE FUNCTION < ...`, the innermost call first.

    `without` is the id of a thread to be left out, such as the one that asks.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - documented under that name
        if ident != without:
            yield f"thread {names.get(ident, ident)}: {_stack(frame)}"


def _stack(frame: FrameType) -> str:
    calls = [
        f"{Path(at.f_code.co_filename).name}:{line} {at.f_code.co_name}"
        for at, line in walk_stack(frame)
        if not at.f_code.co_filename.startswith("<frozen")  # how an import is done
    ]
    more = len(calls) - DEEPEST
    return " < ".join(calls[:DEEPEST]) + (f" < {more} more" if more > 0 else "")
