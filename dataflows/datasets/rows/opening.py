"""Files as they lie on the disk, as text: unpacked by their first bytes, decoded as one whole.

A file is UTF-8 (or UTF-16, where its first bytes say so). Where it is not, it is either
written in a single-byte encoding, as old sets are, or holds a few odd bytes; which of the
two is seen from its lines. Every byte becomes some character, so no byte costs a row.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from backports import zstd

from dataflows.connectors.files.compression import ZSTD
from dataflows.datasets.rows.tally import Decoding, Tally
from dataflows.errors import InputError

UTF8 = "utf-8-sig"
SINGLE_BYTE = "cp1252"
"""What Latin-1 is meant to be: the same letters, and quotes and dashes where it has none."""

_ODD_BYTES = "penchant-odd-bytes"
_PACKED: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
    ZSTD: zstd.open,
}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"
_LOOKED_AT = 4096
_FEW = 0.25
"""More zero bytes than this share are in no text, though one may have got into any."""


@contextmanager
def opened(path: Path, tally: Tally, newline: str = "\n") -> Iterator[IO[str]]:
    """Open text, packed or not; how it had to be decoded is noted in `tally`.

    Raises InputError where the file cannot be read, is torn, or is no text.
    """
    try:
        tally.use(path)
        unpack = _unpacker(path, tally.encoding is not None)
        decoding = tally.decodings.get(path)
        if decoding is None:
            decoding = tally.decodings[path] = _decoding(path, unpack, tally.encoding)
            if decoding.odd or decoding.encoding not in (UTF8, tally.encoding):
                tally.remark(_decoding_remark(path, decoding))
        with unpack(
            path, "rt", encoding=decoding.encoding, errors=_ODD_BYTES, newline=newline
        ) as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError) as error:
        kind = {".bz2": "bz2", ".xz": "xz", ".zst": "zstd"}.get(path.suffix, "gzip")
        raise InputError(f"{path}: is not a whole {kind} file ({error}); fetch it again") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def known_encoding(name: str) -> str:
    """Return the name of an encoding of text. Raises InputError for what is none."""
    try:
        "".encode(name)
    except (LookupError, UnicodeError) as error:
        raise InputError(
            f"encoding {name!r} is unknown; give one such as utf-8, cp1252, gb18030 or shift_jis"
        ) from error
    return name


def _unpacker(path: Path, is_known: bool) -> Callable[..., Any]:
    """Return what opens the file, whatever its ending says. Raises InputError for what is no text.

    Zero bytes are looked for where the encoding is not known.
    """
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if start.startswith(_ZIP):
        raise InputError(
            f"{path}: is a zip archive; unpack it first: python -m zipfile -e {path.name} FOLDER"
        )
    for magic, unpack in _PACKED.items():
        if start.startswith(magic):
            return unpack
    if not is_known and not start.startswith(_UTF16) and start.count(0) > _FEW * len(start):
        raise InputError(
            f"{path}: is a binary file; text is wanted (of UTF-16 without a mark at its start, "
            "name the --encoding, utf-16-le or utf-16-be)"
        )
    return open


def _decoding(path: Path, unpack: Callable[..., Any], asked: str | None) -> Decoding:
    """Read the file through once and return how it is to be decoded."""
    if asked is None:
        with unpack(path, "rb") as file:
            if file.read(2) in _UTF16:
                return Decoding("utf-16")
    elif asked.replace("_", "-").lower().startswith(("utf-16", "utf-32")):
        return Decoding(asked)  # lines of bytes are no lines of text there
    plain, odd, first = _survey(path, unpack, asked or "utf-8")
    if asked is None and odd >= max(1, plain):
        return Decoding(SINGLE_BYTE, odd, first)
    return Decoding(asked or UTF8, odd, first)


def _survey(path: Path, unpack: Callable[..., Any], encoding: str) -> tuple[int, int, int]:
    """Count lines beyond ASCII that are so encoded, and those that are not; return the first."""
    plain = odd = first = 0
    with unpack(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line.isascii():
                continue
            try:
                line.decode(encoding)
                plain += 1
            except UnicodeDecodeError:
                odd += 1
                first = first or number
    return plain, odd, first


def _decoding_remark(path: Path, decoding: Decoding) -> str:
    if decoding.encoding == "utf-16":
        return f"{path.name} is UTF-16, and was read so."
    if decoding.encoding == SINGLE_BYTE:
        return (
            f"{path.name} is not UTF-8 (line {decoding.first} first): all of it was read as "
            f"{SINGLE_BYTE} (Latin-1). If its letters look wrong, name its --encoding."
        )
    name = "UTF-8" if decoding.encoding == UTF8 else decoding.encoding
    return (
        f"{path.name}: {decoding.odd:,} lines hold bytes that are not {name} (line "
        f"{decoding.first} first): those bytes were read as {SINGLE_BYTE} (Latin-1)."
    )


def _odd_bytes(error: UnicodeError) -> tuple[str, int]:
    """Return the characters that bytes stand for in a single-byte encoding."""
    found = cast("UnicodeDecodeError", error)
    odd = found.object[found.start : found.end]
    try:
        return odd.decode(SINGLE_BYTE), found.end
    except UnicodeDecodeError:
        return odd.decode("latin-1"), found.end


codecs.register_error(_ODD_BYTES, _odd_bytes)
