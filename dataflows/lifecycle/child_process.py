"""A child process that ends with its parent, whatever ends the parent.

The parent writes one line to the child's standard input, what it is to do, and keeps the pipe
open. When the parent is gone, even by kill -9, the pipe closes, and the child ends itself at
once. What the child is to do may hold secrets (a broker's password): a pipe shows them to
nobody, as arguments and environment would.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from typing import IO

from dataflows.lifecycle.signals import held_back

ORPHANED = 70
"""Exit status of a child whose parent is gone."""
STDIN = 0


def start(module: str, line: bytes, stdout: int | IO[bytes] | None = None) -> ProcessOfOurs:
    """Start `python -m module` in a process group of its own, and tell it what to do.

    A signal from the terminal does not reach it: its parent decides when it ends.
    """
    with held_back():  # until the child can attend to them
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=stdout,
            start_new_session=True,
        )
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    try:
        process.stdin.write(line + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it ended already; its status says so
    return process


ProcessOfOurs = subprocess.Popen[bytes]


def end(process: ProcessOfOurs, seconds: float) -> int:
    """End a child and all that it started: a signal, then after `seconds` kill; its status."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    _signal(process, signal.SIGKILL)
    status = process.wait()
    let_go(process)
    return status


def let_go(process: ProcessOfOurs) -> None:
    """Close the pipes to a child that has ended."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def take_line() -> bytes:
    """Read what to do, in the child; from then on the child ends when its parent is gone."""
    received = b""
    while not received.endswith(b"\n"):
        piece = os.read(STDIN, 1)
        if not piece:
            os._exit(ORPHANED)
        received += piece
    threading.Thread(target=_end_with_parent, name="tether", daemon=True).start()
    return received[:-1]


def _end_with_parent() -> None:
    while os.read(STDIN, 1024):
        pass
    # What this process has started is in its group, and ends with it.
    os.killpg(0, signal.SIGKILL)


def _signal(process: ProcessOfOurs, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
