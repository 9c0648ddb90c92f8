"""Ends the process at once when all that it has is closed and written.

An interpreter that ends in order takes its modules down one by one, and waits for what the
libraries in them still hold: clients of Kafka that no broker answers, threads of linear algebra.
That takes seconds, and nothing comes of it.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn


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
