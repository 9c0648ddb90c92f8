"""An input file, open to be read from a byte of its text on: plain, compressed or a pipe."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
from contextlib import closing
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import IO, NamedTuple

from dataflows.connectors.files.compression import MAGIC, DecompressedStream, form_of
from dataflows.connectors.files.file_shapes import SAMPLE, check_shape
from dataflows.connectors.files.pipe import PipeStream, is_piped
from dataflows.connectors.files.watched_file import WatchedFile
from dataflows.errors import InputError

LONGEST_MAGIC = max(map(len, MAGIC))
_BLOCK = 1 << 20
_UNPACKERS = {"gzip": "zcat", "zstd": "zstdcat"}


class Readable:
    """The text of a file from byte `start` on, through `file`.

    gzip and Zstandard are known by their first bytes, and `start` counts in the text that
    they hold. A pipe, and `-` for standard input, are read only with `streams`, and from
    wherever they are.
    Raises InputError, one line, for what cannot be read.
    """

    def __init__(self, path: Path, start: int = 0, *, streams: bool = False) -> None:
        self.path = path
        try:
            self.is_stream = is_piped(path)
            if self.is_stream:
                self._refuse_stream(streams)
            else:
                _refuse_odd(path)
            self.file = self._open(start)
            self.file_id = id_of_handle(self.file.fileno())
        except OSError as error:
            raise unreadable(path, error) from error

    @property
    def form(self) -> str | None:
        """Return "gzip" or "zstd" where the file is compressed."""
        raw = self.file.raw
        return raw.form if isinstance(raw, DecompressedStream) else None

    @property
    def damage(self) -> str | None:
        """Say why compressed text ended too early, None where it did not."""
        raw = self.file.raw
        return raw.damage if isinstance(raw, DecompressedStream) else None

    @property
    def is_plain(self) -> bool:
        """Whether its bytes are the text, and can be gone back in."""
        return isinstance(self.file.raw, WatchedFile)

    @property
    def beginning(self) -> bytes:
        """The first bytes of the text, as far as they were read; none of a pipe."""
        raw = self.file.raw
        return raw.beginning if isinstance(raw, DecompressedStream | WatchedFile) else b""

    @property
    def is_changed(self) -> bool:
        """Whether the file was emptied or written over while it was open."""
        raw = self.file.raw
        return isinstance(raw, WatchedFile) and raw.is_changed

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come, as far as is known now."""
        raw = self.file.raw
        return raw.is_over if isinstance(raw, PipeStream) else True

    @property
    def may_grow(self) -> bool:
        """Whether there may be more after its end: another writer of a named pipe, more lines."""
        raw = self.file.raw
        return raw.is_named if isinstance(raw, PipeStream) else self.is_plain

    def check_shape(self) -> None:
        """Raise InputError where the file is no JSON lines, seen from its beginning alone."""
        sample = self.file.peek(SAMPLE)
        form = form_of(sample) if self.is_stream else None
        if form is not None:
            raise InputError(
                f"{self.path}: what comes through it is {form} data; unpack it on the way "
                f"({_UNPACKERS[form]}), or give the file itself"
            )
        check_shape(self.path, sample)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _open(self, start: int) -> io.BufferedReader[io.RawIOBase]:
        if self.is_stream:
            return _buffered(PipeStream(self.path))
        packed = self.path.open("rb")
        form = form_of(packed.peek(LONGEST_MAGIC))
        if form is not None:
            file = _buffered(DecompressedStream(packed, form))
            _pass_over(file, start)
            return file
        packed.close()
        file = _buffered(WatchedFile(self.path))
        file.seek(start)
        return file

    def _refuse_stream(self, streams: bool) -> None:
        if not streams:
            raise InputError(
                f"{self.path}: is a pipe, and what comes by once cannot be read here; write it to "
                "a file and give that"
            )


def open_seekable(path: Path) -> IO[bytes]:
    """Open the text of a file to go back and forth in it; unpacked into a temporary file."""
    source = Readable(path)
    if source.is_plain:
        return source.file
    with closing(source):
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            shutil.copyfileobj(source.file, unpacked, _BLOCK)
        except OSError as error:
            unpacked.close()
            raise InputError(
                f"{path}: cannot be unpacked into {tempfile.gettempdir()} ({error.strerror}); make "
                "room there, or set TMPDIR"
            ) from error
    unpacked.seek(0)
    return unpacked


class FileId(NamedTuple):
    """What the system knows a file by; a copy has another."""

    device: int
    inode: int


def id_of_handle(handle: int) -> FileId:
    """Return what an open file is known by."""
    found = os.fstat(handle)
    return FileId(found.st_dev, found.st_ino)


def unreadable(path: Path, error: OSError) -> InputError:
    """Return the error for a file that the system will not let us read."""
    return InputError(
        f"{path}: cannot be read ({error.strerror}); give the path of a file of JSON lines"
    )


def content_partition(path: Path) -> str:
    """Return what a file is called by its text, so that one that has changed is read anew.

    Raises InputError where it cannot be read.
    """
    with closing(Readable(path)) as source:
        try:
            digest = file_digest(source.file, lambda: blake2b(digest_size=8)).hexdigest()
        except OSError as error:
            raise unreadable(path, error) from error
    return f"{path.name}@{digest}"


def _refuse_odd(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: cannot be read (Is a directory); give the file in it")
    if not stat.S_ISREG(mode):
        kind = "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise InputError(f"{path}: cannot be read (it is {kind}); give a file or a pipe")


def _buffered(raw: io.RawIOBase) -> io.BufferedReader[io.RawIOBase]:
    return io.BufferedReader(raw, SAMPLE)


def _pass_over(file: io.BufferedReader[io.RawIOBase], count: int) -> None:
    """Read `count` bytes, or as many as there are, and drop them."""
    while count and (data := file.read(min(count, _BLOCK))):
        count -= len(data)
