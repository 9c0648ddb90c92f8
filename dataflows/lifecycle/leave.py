"""Ends the process when all that it has is closed and written: in order, or at once.

An interpreter that ends in order takes its modules down one by one, and waits for what the
libraries in them still hold: clients of Kafka that no broker answers, threads of linear algebra.
That takes seconds, and nothing comes of it. It may also crash: the C library then has OpenSSL
take itself down, while a client that nobody could close goes on in threads of its own, and one
of them may be in the middle of a handshake.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

from dataflows.lifecycle.exit_status import DEBUG

KAFKA = "confluent_kafka"


def end(status: int) -> NoReturn:
    """End the process: in order where no client of Kafka can be left in it, else by `leave`.

    With PENCHANT_DEBUG what was registered for the end of the interpreter is called before: a
    profiler writes what it has then.
    """
    if not may_hold_clients():
        sys.exit(status)
    if os.environ.get(DEBUG):
        atexit.register(leave_last, status)
        sys.exit(status)
    leave(status)


def may_hold_clients() -> bool:
    """Return whether clients of Kafka may be left in this process."""
    return KAFKA in sys.modules


def leave_last(status: int) -> NoReturn:
    """Call all else that was registered for the end of the interpreter, then `leave`."""
    atexit.unregister(leave_last)
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to be the last of them
    leave(status)


def leave(status: int) -> NoReturn:
    """End the process with a status, and nothing but the log and the standard streams written.

    No thread is waited for, and nothing is called that was registered for the end of the
    interpreter.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has left, or it is closed
            stream.flush()
    os._exit(status)
