"""Compressed files read as the text that they hold: gzip and Zstandard, known by first bytes.

What a damaged or cut file still holds is given; the damage is kept, to be reported by whoever
reads. Several compressed parts one behind another are one text, as the tools have it.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol

from dataflows.messages.raw import HEAD

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP = b"\x1f\x8b\x08"
ZSTD = b"\x28\xb5\x2f\xfd"
MAGIC = {GZIP: "gzip", ZSTD: "zstd"}
CHUNK = 1 << 14
"""Compressed bytes taken at a time: what is decoded together with damaged bytes is lost."""


class _Decompressor(Protocol):
    """One compressed part, as `bz2`, `lzma` and `compression.zstd` have it."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the interface of the others; checks the sums at the end."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class DecompressedStream(io.RawIOBase):
    """The text of a compressed file, from its beginning; `damage` says why it ended too early."""

    def __init__(self, file: BinaryIO, form: str) -> None:
        self.damage: str | None = None
        self.beginning = b""
        self.form = form
        self._file = file
        self._make: Callable[[], _Decompressor] = _Gzip if form == "gzip" else _zstd
        self._part = self._make()
        self._is_begun = False
        self._is_over = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the compressed file's handle."""
        return self._file.fileno()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` with what comes next; 0 at the end, whole or damaged."""
        view = memoryview(buffer).cast("B")
        while not self._is_over and len(view):
            try:
                data = self._next(len(view))
            except (zlib.error, _zstd_error()) as error:
                self._end(f"the {self.form} data are damaged ({error})")
                break
            if data:
                view[: len(data)] = data
                if len(self.beginning) < HEAD:
                    self.beginning = (self.beginning + data)[:HEAD]
                return len(data)
        return 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _next(self, most: int) -> bytes:
        if self._part.eof:
            self._begin_next()
        if self._is_over:
            return b""
        chunk = b""
        if self._part.needs_input:
            chunk = self._file.read(CHUNK)
            if not chunk:
                self._end("the file is cut off before its end" if self._is_begun else None)
                return b""
            self._is_begun = True
        return self._part.decompress(chunk, most)

    def _begin_next(self) -> None:
        """Begin the next part, where there is one; fill bytes of zero are no part."""
        rest = (self._part.unused_data or b"").lstrip(b"\0") or self._file.read(CHUNK).lstrip(b"\0")
        self._part = self._make()
        if not rest:
            self._end(None)
            return
        self._file.seek(-len(rest), io.SEEK_CUR)

    def _end(self, damage: str | None) -> None:
        self._is_over = True
        self.damage = damage


def form_of(start: bytes) -> str | None:
    """Return "gzip" or "zstd" where a file that starts so is compressed, else None."""
    return next((form for magic, form in MAGIC.items() if start.startswith(magic)), None)


def _zstd() -> _Decompressor:
    from backports.zstd import ZstdDecompressor

    return ZstdDecompressor()


def _zstd_error() -> type[Exception]:
    from backports.zstd import ZstdError

    return ZstdError
