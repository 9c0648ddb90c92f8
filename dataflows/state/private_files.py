"""Files that hold what people did: for their owner alone (0600, in folders of 0700)."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS = 0o077

_log = logging.getLogger(__name__)


def make_private_folder(folder: Path, is_ours: Callable[[str], bool] = lambda _: False) -> None:
    """Make a folder that its owner alone may enter, and close one that is there already.

    A folder in which anything lies whose name is not ours is somebody's own: who may enter
    it stays as it is, and the log says so. Raises OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():
            raise
        _close_folder(folder, is_ours)


def make_private_file(path: Path) -> None:
    """Make an empty file for its owner alone, where there is none. Raises OSError."""
    os.close(open_private(path, os.O_RDWR))


def open_private(path: Path, flags: int) -> int:
    """Open a file, made for its owner alone where there is none. Raises OSError."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    close_to_others(path)
    return descriptor


def close_to_others(path: Path) -> None:
    """Remove all rights of group and others on a file or folder of ours, if it is there."""
    with suppress(FileNotFoundError):  # SQLite takes its files away when another reader ends
        status = path.stat()
        if status.st_mode & _OTHERS and status.st_uid == os.geteuid():
            path.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)


def write_private(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, after a power cut too.

    Raises OSError.
    """
    aside = path.with_name(path.name + ".aside")
    with os.fdopen(open_private(aside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _close_folder(folder: Path, is_ours: Callable[[str], bool]) -> None:
    if not folder.stat().st_mode & _OTHERS:
        return
    foreign = next((one.name for one in folder.iterdir() if not is_ours(one.name)), None)
    if foreign is None:
        close_to_others(folder)
    else:
        _log.info(
            "%s holds more than the state (%s), so who may enter it is left as it is; "
            "the files of the state are closed to others",
            *(folder, foreign),
        )
