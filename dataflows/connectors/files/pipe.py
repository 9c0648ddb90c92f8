"""Bytes that come by once: a named pipe, standard input, a process substitution.

They are never waited for: what is there now is read, so that a signal ends the process
promptly however long the other side is silent.
"""

from __future__ import annotations

import io
import os
import re
import select
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_HANDLE = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")


class PipeStream(io.RawIOBase):
    """What can be read now; `is_over` once the other side has closed it."""

    def __init__(self, path: Path) -> None:
        self.is_over = False
        handle = _handle_of(path)
        self.is_named = handle is None and stat.S_ISFIFO(path.stat().st_mode)
        # Opened so, a named pipe does not wait for a writer; a handle that we were given is
        # shared with others, and stays as it is.
        self._handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if handle is None else handle
        self._poll = select.poll()
        self._poll.register(self._handle, select.POLLIN)

    def readable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the handle that is read."""
        return self._handle

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Fill `buffer` with what is there; None where nothing is yet, 0 at the end."""
        found = self._poll.poll(0)
        if not found:
            return None
        view = memoryview(buffer).cast("B")
        data = os.read(self._handle, len(view))
        self.is_over = not data
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the handle."""
        if not self.closed:
            os.close(self._handle)
        super().close()


def is_piped(path: Path) -> bool:
    """Return whether a path cannot be read twice: a pipe, a terminal, standard input."""
    if _handle_of(path, duplicate=False) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # opening it says what is wrong
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def piped_name(path: Path) -> str:
    """Return what a stream is called as a partition: `stdin`, or the path's last part."""
    return "stdin" if str(path) in ("-", "/dev/stdin") else path.name


def _handle_of(path: Path, *, duplicate: bool = True) -> int | None:
    """Return the number of an open handle that the path stands for."""
    given = _HANDLE.fullmatch(str(path))
    if given is None and str(path) not in ("-", "/dev/stdin"):
        return None
    number = 0 if given is None else int(given[1])
    return os.dup(number) if duplicate else number
